"""Secrets that are searched for in everything that a Berth process leaves behind or answers."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import requests

from app.emulator.faults import Fault
from tests.end_to_end.program import Desk, berth
from tests.infisical import ACCESS, CLIENT_SECRET, infisical
from tests.whole import LAB, TOKEN, emulated

REFUSED = "nbt_canaryCANARY.canary0123456789canary0123456789canary0"
STRANGER = "canary-of-a-stranger-0123456789"


def test_no_secret_is_in_anything_that_berth_says_or_keeps(tmp_path: Path) -> None:
    """Log, audit, metrics, answers, database; with a refused token, and with broken answers of NetBox."""
    said = []
    with emulated() as netbox, infisical(NETBOX_API_TOKEN=REFUSED) as server:
        program = berth(tmp_path, netbox.url, "", token=TOKEN, log_level="debug")
        program.variables |= {"NETBOX_API_TOKEN": "", **server.environ()}
        program.start()
        try:
            desk, stranger = Desk(program.url, TOKEN), Desk(program.url, STRANGER)
            said += [desk.post({"prefix": LAB, "key": "refused"}), stranger.post({"prefix": LAB})]
            assert said[0].status_code == 502  # NetBox knows no such token
            netbox.fault(Fault("error", method="GET", status=500))
            said += [desk.post({"prefix": LAB, "key": "broken"}), desk.get("broken")]
            said += [
                desk.call("GET", path) for path in ("/metrics", "/api/v1/audit", "/openapi.json", "/readyz")
            ]
            with suppress(requests.RequestException):
                said.append(desk.call("POST", "/api/v1/allocations", data=f"{{{TOKEN}"))
        finally:
            program.stop()
        texts = {f"answer {n}": f"{each.headers}{each.text}" for n, each in enumerate(said)}
    texts |= {str(path): path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()}
    assert len(texts) > 8
    for name, text in texts.items():
        for secret in (REFUSED, REFUSED.partition(".")[2], TOKEN, STRANGER, CLIENT_SECRET, ACCESS):
            assert secret not in text, name


def test_a_berth_that_crashes_leaves_no_dump_of_its_memory(tmp_path: Path) -> None:
    """Tokens are in it."""
    with emulated() as netbox:
        program = berth(tmp_path, netbox.url, "x", token=TOKEN)
        program.start()
        try:
            assert program.process is not None
            limits = Path(f"/proc/{program.process.pid}/limits").read_text()
            assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE), limits
        finally:
            program.stop_if_running()
