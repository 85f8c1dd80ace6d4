"""Three Berths, started as operators start them, with one PostgreSQL and one NetBox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import netbox, real, spaces, theatre, upstream, zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.stage import Stage, Theatre
    from tests.postgres import Cluster

__all__ = ["netbox", "real", "spaces", "theatre", "upstream", "zygote"]


@pytest.fixture
def ledger(cluster: Cluster) -> Iterator[str]:
    """An empty database."""
    with cluster.lending() as lend:
        yield lend("")


@pytest.fixture
def three(theatre: Theatre, tmp_path: Path, ledger: str) -> Iterator[Stage]:
    """The three; a real NetBox is asked where the environment names one, else the emulator."""
    with theatre.replicas(tmp_path, ledger) as stage:
        yield stage
