"""The reference pages are complete, and say what the code says."""

import re

import pytest
from prometheus_client import Counter, Histogram

from app.domain.errors import BerthError
from app.edge.problems import TABLE, row_of
from app.telemetry.metrics import TABLE as METRICS
from tests.docs.pages import DOCS, headings

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


def test_every_metric_has_a_line_with_its_kind_and_its_labels() -> None:
    """A metric that is not written down is not found when it is needed."""
    page = (DOCS / "reference" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|", page, re.MULTILINE)
    written = {name: (kind, labels) for name, kind, labels in rows}
    assert written == {
        metric.name: (KINDS.get(metric.kind, "gauge"), ", ".join(f"`{label}`" for label in metric.labels))
        for metric in METRICS
    }


def test_every_route_is_in_the_short_reference() -> None:
    """The page is short, and leaves no path out."""
    page = (DOCS / "reference" / "api.md").read_text()
    document = (DOCS.parent / "openapi" / "berth.v1.json").read_text()
    for path in re.findall(r'"(/[a-z0-9/{}_-]+)": ?{', document):
        last = re.sub(r"\{\w+\}", "{", path).rstrip("/{").rpartition("/")[2]
        assert last in page, path
