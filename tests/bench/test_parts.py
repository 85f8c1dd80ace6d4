"""The parts of an allocation that are measured alone do what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from tools.bench import parts
from tools.bench.processes import BERTH_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI


@pytest.mark.parametrize("app", [parts.framework, parts.http])
def test_a_part_answers_an_allocation(app: Callable[[], FastAPI]) -> None:
    """As the load asks for it."""
    body = {"key": "made-up", "prefix": "10.0.0.0/10", "dns_name": "made-up.bench.test"}
    headers = {"Authorization": f"Bearer {BERTH_TOKEN}"}
    client = TestClient(app(), headers=headers, client=("127.0.0.1", 50_000))  # as the load: over loopback
    answer = client.post("/api/v1/allocations", json=body)
    assert (answer.status_code, "made-up" in answer.text) == (200, True)


async def test_the_two_transactions_have_a_cost(tmp_path: Path) -> None:
    """In milliseconds, of each."""
    assert 0 < await parts.ledger(tmp_path / "alone.db", 2) < 1000
