"""The audit log is verified while Berth runs, and what is wrong with it shows in the metrics."""

import asyncio
import io
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.proving import Proving, keep_proving
from app.telemetry.logs import make_logger
from app.telemetry.metrics import Metrics
from tests.whole import NetBox, emulated, whole


@pytest.fixture(scope="module")
def netbox() -> Iterator[NetBox]:
    """A NetBox."""
    with emulated() as each:
        yield each


def sample(metrics: Metrics, name: str) -> float | None:
    """A gauge's value."""
    return metrics.registry.get_sample_value(name)


def proving(database: Path) -> tuple[Proving, Metrics, io.StringIO]:
    """What verifies this database, at the moment 77."""
    metrics, written = Metrics(), io.StringIO()
    return Proving(f"sqlite:///{database}", metrics, make_logger(written), lambda: 77.0), metrics, written


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    """The log."""
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_a_whole_log_is_said_to_be_whole_and_a_changed_one_is_not(
    netbox: NetBox, tmp_path: Path
) -> None:
    """The record is changed behind Berth's back, as an intruder would."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("proven")
    look, metrics, written = proving(tmp_path / "berth.db")
    await look()
    assert sample(metrics, "berth_audit_flawed") == 0
    assert sample(metrics, "berth_audit_verified_timestamp_seconds") == 77
    assert lines(written) == []
    with sqlite3.connect(tmp_path / "berth.db") as connection:
        connection.execute("UPDATE audit SET body = replace(body, 'proven', 'forged') WHERE number = 1")
    connection.close()
    await look()
    assert sample(metrics, "berth_audit_flawed") == 1
    [said] = lines(written)
    assert said["event"] == "the audit log is not whole"
    assert "record 0" in said["flaws"][0]


async def test_a_log_that_cannot_be_read_is_neither_whole_nor_verified(tmp_path: Path) -> None:
    """The alert on a verification that is too old comes instead."""
    look, metrics, written = proving(tmp_path / "none.db")
    await look()
    assert sample(metrics, "berth_audit_verified_timestamp_seconds") == 0
    [said] = lines(written)
    assert said["event"] == "the audit log could not be verified"
    assert "none.db" in said["said"]


async def test_a_running_berth_verifies_again_and_again_and_stops_in_the_middle(
    netbox: NetBox, tmp_path: Path
) -> None:
    """The task is cancelled while its process runs; nothing is left behind, which warnings would show."""
    async with whole(netbox.url, tmp_path) as desk:
        look, metrics, written = proving(tmp_path / "berth.db")
        looked = asyncio.Event()

        def now() -> float:
            looked.set()
            return 77.0

        looking = replace(look, now=now)
        task = asyncio.create_task(keep_proving(looking, desk.berth.log, 0.01))
        for _ in range(2):
            await asyncio.wait_for(looked.wait(), 60)
            looked.clear()
        await asyncio.sleep(0.1)  # into the next one
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert sample(metrics, "berth_audit_verified_timestamp_seconds") == 77
    assert lines(written) == []
