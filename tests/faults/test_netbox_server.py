"""What befalls NetBox itself: its workers are killed, its database restarts, its lock is held. A real one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.history import Outcome
from tests.faults.test_processes import under_load, wait_for_more
from tests.netbox.conftest import allocation_lock
from tools.netbox_server import application, stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.faults.stage import Stage

__all__ = ["allocation_lock"]

pytestmark = [pytest.mark.faults, pytest.mark.netbox, pytest.mark.timeout(300)]

WORKERS_KILLED = 25
RESTARTS = 3
RESTART = """
import pathlib, sys
from tools.netbox_server import stores
server = pathlib.Path(sys.argv[1])
stores.postgres(server).stop()
stores.start_postgres(server)
"""
"""Run by a process of its own, since the database outlives whoever starts it."""


@pytest.fixture(scope="session")
def server() -> Path:
    """The folder of the running NetBox."""
    return Path(os.environ["BERTH_TEST_NETBOX_RUN"])


def workers(server: Path) -> list[int]:
    """Return the processes that serve, of the one that keeps them."""
    keeper = application.gunicorn(server).pid()
    return [int(pid) for pid in Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()]


def test_workers_killed_under_load_break_nothing(stage: Stage, server: Path) -> None:
    """SIGKILL in the middle of allocations: what had committed is found, what had not is done once."""
    with under_load(stage) as load:
        for _ in range(WORKERS_KILLED):
            wait_for_more(load, 5)
            os.kill(random.choice(workers(server)), signal.SIGKILL)  # noqa: S311 - no secret
            time.sleep(random.random() * 0.3)  # noqa: S311
        wait_for_more(load, 20)
    stage.verify()


def test_a_database_that_restarts_under_load_breaks_nothing(stage: Stage, server: Path) -> None:
    """PostgreSQL ends without a word to anybody and recovers: NetBox answers 500 meanwhile."""
    database = stores.postgres(server)
    with under_load(stage) as load:
        for _ in range(RESTARTS):
            wait_for_more(load, 20)
            pid = database.pid()
            assert pid is not None
            os.kill(pid, signal.SIGQUIT)  # PostgreSQL's "immediate shutdown": as if the machine had crashed
            time.sleep(0.5)
            subprocess.run([sys.executable, "-c", RESTART, str(server)], check=True)  # noqa: S603 - as above
        wait_for_more(load, 20)
    stage.verify()


@pytest.mark.parametrize("seconds", [3.0, 7.0])
def test_an_allocation_that_waits_for_netboxs_lock_is_made_once(
    stage: Stage, allocation_lock: Callable[[], AbstractContextManager[None]], seconds: float
) -> None:
    """It commits after Berth has stopped waiting for it, or after Berth has given it up."""
    subject = stage.subject()
    with allocation_lock():
        began = time.monotonic()
        call = stage.ask("POST", subject)
        assert call.outcome is Outcome.UNKNOWN
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    done = stage.insist("POST", subject)
    stage.verify()
    assert [str(row["id"]) for row in stage.rows(subject)] == [done.netbox_id]
