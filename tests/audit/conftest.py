"""A log that real operations have written."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.emulator import SEED_TOKEN
from app.settings import Settings, variable
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, emulated, whole

NOTHING: dict[str, str | None] = {variable(name): None for name in Settings.model_fields}


@pytest.fixture(scope="session")
def netbox() -> Iterator[NetBox]:
    """The NetBox of all these tests."""
    with emulated() as netbox:
        yield netbox


async def work(desk: Whole) -> None:
    """Something of everything that leaves a record."""
    await desk.post("held", dns_name="held.example.com", hold_seconds=600)
    await desk.client.post(f"{ALLOCATIONS}/held/confirm")
    await desk.post("kept", prefix="192.168.3.0/24", dns_name="kept.example.com")
    await desk.client.put(f"{ALLOCATIONS}/kept", json={"prefix": "192.168.3.0/24", "description": "new"})
    await desk.post("gone")
    await desk.client.delete(f"{ALLOCATIONS}/gone")
    await desk.post("bad", dns_name="-bad..example.com")
    await desk.client.post(ALLOCATIONS, json={"prefix": LAB, "colour": "red"})


@pytest.fixture(scope="session")
def written(netbox: NetBox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two chains: the process was started twice."""
    folder = tmp_path_factory.mktemp("written")

    async def run() -> None:
        async with whole(netbox.url, folder) as desk:
            await work(desk)
        async with whole(netbox.url, folder) as desk:
            await desk.post("later")

    asyncio.run(run())
    return folder


@dataclass(frozen=True)
class Said:
    """What `berth audit verify` came to."""

    code: int
    out: str
    err: str


def verify(folder: Path, *options: str, **environ: str) -> Said:
    """Run it on a folder."""
    settings = {**NOTHING, "BERTH_STATE_DIR": str(folder), **environ}
    result = CliRunner().invoke(app, ["audit", "verify", *options], env=settings)
    return Said(result.exit_code, result.stdout, result.stderr)


def against(folder: Path, url: str) -> Said:
    """Run it against NetBox."""
    return verify(folder, "--against-netbox", NETBOX_URL=url, NETBOX_API_TOKEN=SEED_TOKEN)


@dataclass(frozen=True)
class Copy:
    """A copy of the database to be spoilt."""

    folder: Path

    def run(self, *statements: str) -> None:
        """Change it with SQL."""
        connection = sqlite3.connect(self.folder / "berth.db")
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


Copier = Callable[[], Copy]


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Copy:
    """A copy that nobody has open."""
    folder = tmp_path / "copy"
    shutil.copytree(written, folder)
    return Copy(folder)
