"""The page and its plots, made from result files and nothing else."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.bench import results
from tools.bench.page import bystander_plot, load_plot, notes, page, write
from tools.bench.reasons import others, reason
from tools.bench.results import Lone, Results
from tools.bench.svg import ticks
from tools.bench.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def netbox() -> Results:
    """Against a real NetBox."""
    return Results(results.netbox())


@pytest.fixture
def emulator() -> Results:
    """Berth alone."""
    return Results(results.emulator())


def test_figures_are_medians_over_the_rounds(netbox: Results) -> None:
    """Of the rates 25, 27.5 and 30 the one in the middle."""
    assert netbox.of("1000", "direct", 32, "rate") == pytest.approx(27.5)
    assert netbox.of("1000", "idle", None, "status.p50") == 10.0
    assert netbox.of("1000", "direct", 99, "rate") is None


def test_ratios_are_of_one_round_each(netbox: Results) -> None:
    """A machine that gets slower meanwhile slows down both sides of a pair."""
    assert netbox.times("1000", ("berth", "lists"), 32) == pytest.approx(0.95)
    assert netbox.times("1000", ("berth", "direct"), 32) == pytest.approx(3.8)


def test_the_lone_caller_is_charged_with_what_berth_adds(netbox: Results) -> None:
    """Berth minus the direct call, the read beside it, and two commits of 2 ms."""
    lone = netbox.lone("1000")
    assert lone is not None
    assert lone.overhead() == pytest.approx(10 - 4)
    assert lone.overhead("cold") == pytest.approx(45 - 4)
    assert Lone({"berth": [1.0]}, 2.0).overhead("cold") is None


def test_machines_are_compared_with_a_script_of_the_same_round(netbox: Results) -> None:
    """A batch at least three times, single calls at least twice, and never slower than ten threads."""
    judged = {each.id: (each.measured, each.met) for each in targets(netbox, None)}
    assert judged["machines-batch"] == ("4.0", True)
    assert judged["machines-single"] == ("2.0", True)
    assert judged["machines-threads"] == ("0.9", False)
    assert judged["machines-writes"] == ("4.0", True)
    for each in netbox.cells("machines", "vm-lone", None):
        each["writes"] = 4.2
    assert {each.id: each.met for each in targets(netbox, None)}["machines-writes"] is False


def test_each_target_is_judged_by_its_figure(netbox: Results, emulator: Results) -> None:
    """Met, missed, each once; nothing is left to prose."""
    judged = {each.id: (each.measured, each.met) for each in targets(netbox, emulator)}
    assert judged["ceiling-1000-32"] == ("95%", True)
    assert judged["direct-1000-64"] == ("3.8", True)
    assert judged["direct-30000-64"] == ("3.8", False)
    assert judged["p99-1000-32"] == ("0.20", True)
    assert judged["status-64"] == ("2.0", True)
    assert judged["lone-1000"] == ("6.0 ms", True)
    assert judged["durable"] == ("640", False)
    assert judged["start"] == ("1.60 s", True)
    assert judged["memory"] == ("104 MiB", True)
    assert len(judged) == len(targets(netbox, emulator))


def test_what_was_not_measured_is_neither_met_nor_missed(netbox: Results) -> None:
    """A bench that was cut short says so."""
    netbox.data["cells"] = [each for each in netbox.data["cells"] if each["arm"] != "lists"]
    [share] = [each for each in targets(netbox, None) if each.id == "ceiling-1000-32"]
    assert (share.measured, share.met, share.mark) == ("-", None, "not measured")


def test_no_target_is_left_out_where_nothing_was_measured(netbox: Results, emulator: Results) -> None:
    """Neither before the first run nor after one that tried other numbers of clients."""
    wanted = {each.id for each in targets(netbox, emulator)}
    assert {"ceiling-30000-64", "p99-1000-64", "status-32", "lone-30000", "durable", "memory"} <= wanted
    assert {each.id: each.met for each in targets(None, None)} == dict.fromkeys(wanted)
    netbox.data["plan"]["clients"] = [1, 32]
    netbox.data["cells"] = [each for each in netbox.data["cells"] if each["clients"] != 64]
    judged = {each.id: each.mark for each in targets(netbox, None)}
    assert (judged["direct-1000-32"], judged["direct-1000-64"]) == ("met", "not measured")
    assert page(None, None, {}).count("| not measured |") == len(wanted)


def test_the_page_holds_the_figures_and_what_they_were_measured_with(
    netbox: Results, emulator: Results
) -> None:
    """One row a number of clients, with the machine and the versions above."""
    text = page(netbox, emulator, {"durable": "Python."})
    assert "| 32 | 27.5 | 104.5 | 110.0 | 3.8 | 95% | 16.0 | 900 / 300 | 1800 / 360 |" in text
    assert "| under 2.00 s | 1.60 s | met |" in text
    assert "| 640 | **missed** | an allocation takes 2.5 ms of computing, and one Python process" in text
    assert "two durable transactions 0.30; Python. |" in text
    assert "2 cores (A processor), 24 GiB, Linux 6; Berth 0.1.0, Python 3.12.1." in text
    assert "NetBox held 31 000 addresses before." in text
    assert "| Berth, one batch | 16.0 | 3100 | 0.2 | 4.0 |" in text
    lone = "| 31.0 ms | 32.0 ms | 20.0 ms | 2.0 ms | 61.0 ms | 6.0 ms | 96.0 ms | 41.0 ms |"
    assert [f"| {place} {lone}" in text for place in ("1000", "30000", "emulator")] == [True] * 3
    assert "NetBox had an index on names" not in text
    netbox.data["plan"]["dns_index"] = True
    assert "NetBox had an index on names besides." in page(netbox, emulator, {})
    assert "$" not in text


def test_a_missed_target_has_its_reason(netbox: Results) -> None:
    """As far as the figures tell: what the read of the name costs, and who else computed."""
    for each in netbox.cells("1000", "berth", 32):
        each["rate"] /= 2
    found = {each.id: reason(each, netbox) for each in targets(netbox, None)}
    assert others(netbox) == pytest.approx(0.35)
    busy = "other programs took 35% of the cores meanwhile"
    assert (
        found["ceiling-1000-32"]
        == f"requests without a name, which no read precedes, get to 98% of it; {busy}"
    )
    assert (found["direct-30000-64"], found["ceiling-1000-64"]) == (busy, "")


def test_too_few_allocations_have_their_parts_as_a_reason(emulator: Results) -> None:
    """What one costs, and what its parts cost alone; a run without the parts tells what it has."""
    [missed] = [each for each in targets(None, emulator) if each.id == "durable"]
    whole = "an allocation takes 2.5 ms of computing, and one Python process has a second a second"
    bare = "the HTTP layer takes 0.40 ms (FastAPI with one bare route 0.10)"
    parts = f": alone, {bare}, the two durable transactions 0.30"
    assert reason(missed, emulator) == whole + parts
    del emulator.data["parts"]
    assert reason(missed, emulator) == whole


def test_the_page_says_what_was_not_measured_yet() -> None:
    """Before the first run there is a page too."""
    assert page(None, None, {}).count("Not measured yet") > 5


def test_a_note_is_of_one_run(tmp_path: Path, netbox: Results) -> None:
    """What somebody wrote about other figures does not stand beside these."""
    file = tmp_path / "notes.json"
    assert notes(file, netbox) == {}
    file.write_text(
        json.dumps({"2026-01-02 03:04 UTC": {"start": "so"}, "2025-01-01 00:00 UTC": {"start": "no"}})
    )
    assert notes(file, netbox, None) == {"start": "so"}
    netbox.data["began"] = {"at": "2026-02-02 02:02 UTC"}
    assert notes(file, netbox) == {}


@pytest.mark.parametrize("draw", [load_plot, bystander_plot])
def test_a_plot_is_well_formed_and_has_its_lines(netbox: Results, draw: Callable[[Results], str]) -> None:
    """Of a line as many points as there are numbers of clients."""
    tree = ET.fromstring(draw(netbox))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    lines = tree.findall(f".//{space}polyline")
    assert len(lines) >= 6
    assert {len(line.attrib["points"].split()) for line in lines} == {3}
    words = {each.text for each in tree.iter(f"{space}text")}
    assert {"direct", "Berth", "1", "32", "64"} <= words


def test_a_plot_of_nothing_says_so(netbox: Results) -> None:
    """Rather than failing after half an hour of measuring."""
    netbox.data["cells"] = []
    assert load_plot(netbox).count("not measured") == 4


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(3.0, 40.0, [2.0, 5.0, 10.0, 20.0, 50.0]), (10.0, 10.0, [10.0, 100.0]), (1.0, 2.0, [1.0, 2.0])],
)
def test_ticks_enclose_the_values(low: float, high: float, expected: list[float]) -> None:
    """1, 2 and 5 times powers of ten."""
    assert ticks(low, high) == expected


def test_the_page_is_written_from_the_files(tmp_path: Path) -> None:
    """Page and plots, with links that lead somewhere."""
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    (folder / "netbox.json").write_text(json.dumps(results.netbox()))
    write(tmp_path)
    assert "Not measured yet" in (tmp_path / "benchmarks.md").read_text()
    for name in ("load.svg", "bystander.svg"):
        assert f"benchmarks/{name}" in (tmp_path / "benchmarks.md").read_text()
        assert (tmp_path / "benchmarks" / name).read_text().startswith("<svg ")


def test_the_page_in_the_repository_is_the_one_that_its_files_make(repository: Path, tmp_path: Path) -> None:
    """Nobody edits it by hand."""
    results_folder = repository / "docs" / "benchmarks"
    netbox, emulator = (
        Results.read(results_folder / "results" / f"{name}.json") for name in ("netbox", "emulator")
    )
    expected = page(netbox, emulator, notes(results_folder / "notes.json", netbox, emulator))
    assert (repository / "docs" / "benchmarks.md").read_text() == expected
