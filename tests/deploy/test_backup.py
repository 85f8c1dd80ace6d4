"""docs/operate/backup.md, typed: a copy of a running Berth's ledger is whole, and can be gone back to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.tools import ROOT, run, tool
from tests.whole import emulated, whole

pytestmark = pytest.mark.deploy
PAGE = (ROOT / "docs" / "operate" / "backup.md").read_text()


async def test_what_was_allocated_after_the_copy_still_has_its_address(tmp_path: Path) -> None:
    """NetBox wins: a key that the restored ledger does not know gets the address that carries it there."""
    tool("sqlite3", "apt-get install sqlite3")
    live, copy = tmp_path / "live", tmp_path / "berth.db"
    live.mkdir()
    [commands] = blocks(PAGE, "sh")
    typed = commands.replace("/var/lib/berth", str(live)).replace("/var/backups", str(tmp_path))
    typed = typed.replace("berth audit", f"{tool('berth', 'make setup')} audit")
    with emulated() as netbox:
        async with whole(netbox.url, live) as desk:
            before = (await desk.post("before")).json()
            said = run("sh", "-euc", typed)
            after = (await desk.post("after")).json()
        assert "2 records in 1 chains: intact" in said
        for file in live.iterdir():
            file.unlink()
        copy.rename(live / "berth.db")
        async with whole(netbox.url, live) as desk:
            assert (await desk.post("before")).json() == before
            assert (await desk.post("after")).json()["netbox_id"] == after["netbox_id"]
