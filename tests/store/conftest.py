"""A ledger on SQLite and on PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.store import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Cluster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is, on SQLite."""
    return tmp_path / "ledger" / "berth.db"


@pytest.fixture
def url(kind: str, path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the ledger is, on either."""
    if kind == "sqlite":
        yield f"sqlite:///{path}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.lending() as lend:
        yield lend("")


@pytest.fixture
def groups() -> list[int]:
    """How many works each commit held."""
    return []


@pytest.fixture
def database(url: str, groups: list[int]) -> Iterator[Database]:
    """A new database; its folder is made."""
    with closing(open_database(url, "chain-1", lambda _, works: groups.append(works))) as opened:
        yield opened
