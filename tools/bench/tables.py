"""The tables of the page, each made from a result file alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .results import Results
    from .targets import Target


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None, form: str = "{:.0f}") -> str:
    """A figure, or a dash for what was not measured."""
    return "-" if value is None else form.format(value)


def verdicts(found: Sequence[Target], whys: dict[str, str]) -> str:
    """The targets, and why they were missed."""
    rows = [[each.text, each.wanted, each.measured, each.mark, whys.get(each.id, "")] for each in found]
    return table(["target", "wanted", "measured", "", "why"], rows)


def throughput(results: Results, place: str) -> str:
    """(a) and (b): by number of clients, direct, Berth and the ceiling."""
    head = [
        "clients",
        "direct /s",
        "Berth /s",
        "ceiling /s",
        "Berth : direct",
        "Berth : ceiling",
        "addresses a list",
    ]
    head += ["p50 direct / Berth, ms", "p99 direct / Berth, ms"]
    return table(head, [_throughput(results, place, clients) for clients in results.clients])


def _throughput(results: Results, place: str, clients: int) -> list[str]:
    rates = [results.of(place, arm, clients, "rate") for arm in ("direct", "berth", "lists")]
    tails = [
        " / ".join(number(results.of(place, arm, clients, share)) for arm in ("direct", "berth"))
        for share in ("p50", "p99")
    ]
    return [
        str(clients),
        *(number(rate, "{:.1f}") for rate in rates),
        number(results.times(place, ("berth", "direct"), clients), "{:.1f}"),
        number(results.times(place, ("berth", "lists"), clients), "{:.0%}"),
        number(results.of(place, "berth", clients, "lists.mean"), "{:.1f}"),
        *tails,
    ]


def variants(results: Results) -> str:
    """What the index and the read of the name come to."""
    rows = []
    for place in ("1000", "30000"):
        for clients in sorted({cell["clients"] for cell in results.cells(place, "bare", None)}):
            rows += [_variant(results, place, clients, each) for each in _VARIANTS]
    return table(["prefix", "clients", "", "Berth /s", "ceiling /s", "Berth : ceiling"], rows)


_VARIANTS = (
    ("with the index", "berth", True),
    ("with the index, requests without a name", "bare", True),
    ("without the index", "berth", False),
)


def _variant(results: Results, place: str, clients: int, variant: tuple[str, str, bool]) -> list[str]:
    what, arm, index = variant
    rates = [results.of(place, each, clients, "rate", index=index) for each in (arm, "lists")]
    share = results.times(place, (arm, "lists"), clients, index=index)
    return [place, str(clients), what, *(number(rate, "{:.1f}") for rate in rates), number(share, "{:.0%}")]


def bystander(results: Results) -> str:
    """An unrelated read meanwhile."""
    rows = []
    for place in ("1000", "30000"):
        idle = results.of(place, "idle", None, "status.p50")
        for clients in results.clients:
            seen = [results.of(place, arm, clients, "status.p50") for arm in ("direct", "berth")]
            times = [number(ratio(each, idle), "{:.1f}") for each in seen]
            rows.append([place, str(clients), number(idle), *(number(each) for each in seen), *times])
    head = ["prefix", "clients", "idle, ms", "direct, ms", "Berth, ms", "direct : idle", "Berth : idle"]
    return table(head, rows)


def lone(results: Results) -> str:
    """(c): one caller alone."""
    head = ["prefix", "direct", "direct with the claim", "read of the name", "one commit", "Berth", "beyond"]
    head += ["Berth, prefix not remembered", "beyond"]
    rows = []
    for each in results.data["lone"]:
        found = results.lone(each["place"])
        if found is None:
            continue
        ways = [found.median(name) for name in ("direct", "claimed", "read")]
        figures = [*ways, found.commit, found.median("berth"), found.overhead()]
        figures += [found.median("cold"), found.overhead("cold")]
        rows.append([each["place"], *(number(figure, "{:.1f} ms") for figure in figures)])
    return table(head, rows)


_MACHINES = (
    ("a script, machine after machine", "vm-script", 1),
    ("a script with 10 threads", "vm-script", 10),
    ("Berth, one batch", "vm-batch", None),
    ("Berth, a call for each, all at once", "vm-single", None),
    ("Berth, a call for each, one after the other", "vm-lone", None),
)


def machines(results: Results) -> str:
    """Machines by script and through Berth."""
    rows = []
    for what, arm, clients in _MACHINES:
        figures = [results.of("machines", arm, clients, path) for path in ("rate", "p50", "writes")]
        times = results.machines((arm, clients), ("vm-script", 1))
        forms = ("{:.1f}", "{:.0f}", "{:.1f}")
        shown = [number(figure, form) for figure, form in zip(figures, forms, strict=True)]
        rows.append([what, *shown, number(times, "{:.1f}")])
    return table(["", "machines /s", "p50, ms", "writes to NetBox a machine", "times a script"], rows)


def repeats(results: Results, place: str) -> str:
    """(d): known keys asked for again."""
    rows = [
        [
            str(clients),
            number(results.of(place, "repeat", clients, "rate")),
            *(number(results.of(place, "repeat", clients, share)) for share in ("p50", "p99")),
        ]
        for clients in results.clients
    ]
    return table(["clients", "repeats /s", "p50, ms", "p99, ms"], rows)


def durable(results: Results) -> str:
    """One process in front of an upstream that costs nothing, and of the embedded NetBox."""
    rows = [
        _durable(results, place, arm, clients)
        for place in ("instant", "emulator")
        for arm in ("berth", "bare")
        for clients in results.clients
    ]
    head = ["upstream", "name", "clients", "allocations /s", "p50, ms", "p99, ms", "addresses a list"]
    return table([*head, "mean commit, ms", "CPU s: Berth", "upstream", "load"], rows)


def _durable(results: Results, place: str, arm: str, clients: int) -> list[str]:
    forms = {
        "rate": "{:.0f}",
        "p50": "{:.1f}",
        "p99": "{:.1f}",
        "lists.mean": "{:.1f}",
        "commits.mean": "{:.1f}",
    }
    forms |= {f"cpu.{name}": "{:.1f}" for name in ("berth", "upstream", "load")}
    figures = [number(results.of(place, arm, clients, path), form) for path, form in forms.items()]
    return [place, "yes" if arm == "berth" else "no", str(clients), *figures]


def start(results: Results) -> str:
    """(e): start and memory."""
    memory = results.data["memory"]
    rows = [
        ["ready, empty ledger", number(results.starts("first"), "{:.2f} s")],
        ["ready, with a ledger", number(results.starts("again"), "{:.2f} s")],
        ["resident memory when ready", number(results.starts("memory"), "{:.0f} MiB")],
        ["after all loads", f"{memory['now']:.0f} MiB"],
        ["at its most", f"{memory['most']:.0f} MiB"],
    ]
    return table(["", "median"], rows)
