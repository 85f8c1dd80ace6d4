"""The reference pages are complete, and say what the code says."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest
from prometheus_client import Counter, Histogram

from app.api.documents import AuditRecord
from app.domain.errors import BerthError
from app.edge.problems import TABLE, row_of
from app.ledger.chain import Head, link
from app.ledger.records import Event
from app.telemetry.metrics import TABLE as METRICS
from tests.docs.pages import DOCS, blocks, headings

ERRORS = (DOCS / "reference" / "errors.md").read_text()
KINDS = {Counter: "counter", Histogram: "histogram"}


def _all_below(kind: type[BerthError]) -> set[type[BerthError]]:
    below = set(kind.__subclasses__())
    return below.union(*map(_all_below, below)) if below else below


def _sections() -> dict[str, str]:
    found = re.split(r"^### (.+)$", ERRORS, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def test_every_error_has_a_section_and_every_section_an_error() -> None:
    """The walk is over the classes themselves, so that a new one cannot be forgotten."""
    codes = {kind.code for kind in _all_below(BerthError) if "code" in vars(kind)}
    assert set(headings(ERRORS, "###")) == codes


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.code)
def test_a_section_says_status_meaning_and_what_to_do(kind: type[BerthError]) -> None:
    """Each reader finds their part: who called, and who runs Berth."""
    section = _sections()[kind.code]
    assert section.strip().startswith(f"**{row_of(kind).status}.** ")
    assert "*Caller*: " in section
    assert "*Operator*: " in section


def test_every_status_that_berth_answers_has_a_line_for_caller_and_operator() -> None:
    """And none that it does not answer."""
    page = (DOCS / "operate" / "status-codes.md").read_text()
    written = {
        int(status)
        for cell in re.findall(r"^\| (\d{3}[\d, ]*) \|", page, re.MULTILINE)
        for status in cell.split(",")
    }
    assert written - {200, 201, 204} == {row_of(kind).status for kind in TABLE}


def test_every_metric_has_a_line_with_its_kind_and_its_labels() -> None:
    """A metric that is not written down is not found when it is needed."""
    page = (DOCS / "reference" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|", page, re.MULTILINE)
    written = {name: (kind, labels) for name, kind, labels in rows}
    assert written == {
        metric.name: (KINDS.get(metric.kind, "gauge"), ", ".join(f"`{label}`" for label in metric.labels))
        for metric in METRICS
    }


def test_every_field_of_the_audit_has_a_line_and_a_type() -> None:
    """A field that nobody can look up proves nothing; the last two are what a record is proved by."""
    page = (DOCS / "reference" / "audit.md").read_text()
    rows = [re.findall(r"`(\w+)`", cell) for cell in re.findall(r"^\| (`\w+`.*?) \|", page, re.MULTILINE)]
    written = [name for row in rows for name in row]
    known = {"version", "chain", "sequence", "after", *(field.name for field in fields(Event))}
    assert sorted(written) == sorted([*known, "previous", "hash"])
    assert set(AuditRecord.model_fields) == set(written)


def test_the_program_on_the_page_proves_a_record() -> None:
    """It is what people copy."""
    [program] = blocks((DOCS / "reference" / "audit.md").read_text(), "python")
    room: dict[str, Any] = {}
    exec(program, room)  # noqa: S102 - our own page
    stored, _ = link(Head("c"), Event(event="denied", action="allocate", time=1.25, key="wéb"), "0" * 64)
    record = {**json.loads(stored.body), "previous": stored.previous, "hash": stored.hash}
    assert room["holds"](record) is True
    assert room["holds"]({**record, "key": "web"}) is False


def test_every_route_is_in_the_short_reference() -> None:
    """The page is short, and leaves no path out."""
    page = (DOCS / "reference" / "api.md").read_text()
    document = (DOCS.parent / "openapi" / "berth.v1.json").read_text()
    for path in re.findall(r'"(/[a-z0-9/{}_-]+)": ?{', document):
        last = re.sub(r"\{\w+\}", "{", path).rstrip("/{").rpartition("/")[2]
        assert last in page, path
