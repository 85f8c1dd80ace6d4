"""The form for people at a terminal: of everything that is written."""

from __future__ import annotations

import json
from pathlib import Path

from app.telemetry.audit import text_of
from tests.audit.test_lines import Record
from tests.end_to_end.program import BERTH, Desk, Program

KEY = "docker-03-registry.spaceships.work"
BODY = {"event": "intent", "action": "allocate", "time": 1.5, "key": "w\x1bb", "chain": "c", "version": 2}


def test_the_demonstration_writes_for_people_only(tmp_path: Path) -> None:
    """No JSON, and nothing of the libraries' own affairs."""
    program = Program([BERTH, "demo", "--folder", str(tmp_path / "state")], {}, tmp_path)
    program.command += ["--port", str(program.port)]
    program.start()
    try:
        Desk(program.url, "demo").made({"prefix": "192.168.3.0/24", "dns_name": KEY})
    finally:
        program.stop()
    lines = program.log().splitlines()
    assert [line for line in lines if line.startswith("{")] == []
    assert [line for line in lines if "alembic" in line] == []
    [intent, outcome] = [line for line in lines if "] audit " in line]
    assert f"key={KEY}" in intent
    assert "record=intent" in intent
    assert "decision=allocated" in outcome


def test_an_audit_line_for_people_leaves_out_what_is_for_programs() -> None:
    """And drives no terminal; the hash finds the record in the database."""
    line = text_of(Record(json.dumps(BODY)))
    assert line.split() == [
        "1970-01-01T00:00:01.500000+00:00",
        "[info",
        "]",
        "audit",
        "action=allocate",
        "hash=ab",
        "key=w\\x1bb",
        "record=intent",
    ]
