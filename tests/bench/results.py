"""Made-up results, as a benchmark would write them."""

from __future__ import annotations

from typing import Any

AROUND: dict[str, Any] = {
    "began": {"at": "2026-01-02 03:04 UTC", "load": 0.1},
    "ended": {"at": "2026-01-02 03:24 UTC", "load": 1.9, "minutes": 20.0},
    "machine": {"cpu": "A processor", "cores": 2, "memory_gib": 24, "system": "Linux 6"},
    "versions": {"Berth": "0.1.0", "Python": "3.12.1"},
    "starts": [{"first": 1.5, "again": 1.0, "memory": 90.0}, {"first": 1.7, "again": 1.1, "memory": 92.0}],
    "memory": {"now": 100.0, "most": 104.0},
}


def cell(place: str, arm: str, clients: int, number: int, **figures: Any) -> dict[str, Any]:  # noqa: ANN401
    """One measurement."""
    return {"place": place, "arm": arm, "clients": clients, "round": number, "index": True, **figures}


def netbox() -> dict[str, Any]:
    """Berth at 95 % of the ceiling and 4 times direct; the last round is a little faster for everybody."""
    cells = []
    for place in ("1000", "30000"):
        for number in range(3):
            speed = 1.0 + number / 10
            cells += [cell(place, "idle", 1, number, status={"p50": 10.0, "p99": 12.0, "count": 30})]
            for clients in (1, 32, 64):
                cells += _round(place, clients, number, speed)
    cells += [each for number in range(3) for each in _machines(number)]
    lone = [{"place": place, "series": LONE, "commit": 2.0} for place in ("1000", "30000")]
    plan = {"rounds": 3, "clients": [1, 32, 64], "seconds": {"1000": 6.0}}
    filled = {"1000": 1000, "30000": 30_000}
    return {**AROUND, "kind": "netbox", "plan": plan, "addresses": filled, "lone": lone, "cells": cells}


LONE = {
    "direct": [30.0, 32.0, 31.0],
    "claimed": [31.0, 33.0, 32.0],
    "read": [20.0, 20.0, 20.0],
    "berth": [60.0, 61.0, 62.0],
    "cold": [95.0, 96.0, 97.0],
}


def _machines(number: int) -> list[dict[str, Any]]:
    figures: dict[tuple[str, int], dict[str, Any]] = {
        ("vm-script", 1): {"rate": 4.0, "p50": 250.0, "writes": 4.0},
        ("vm-script", 10): {"rate": 9.0, "p50": 1100.0, "writes": 4.0},
        ("vm-batch", 1): {"rate": 16.0, "p50": 3100.0, "writes": 0.2},
        ("vm-single", 50): {"rate": 8.0, "p50": 5000.0, "writes": 0.5},
        ("vm-lone", 1): {"rate": 3.5, "p50": 290.0, "writes": 4.0},
    }
    return [cell("machines", arm, clients, number, **values) for (arm, clients), values in figures.items()]


def _round(place: str, clients: int, number: int, speed: float) -> list[dict[str, Any]]:
    lists = {"count": 40, "mean": clients / 2}
    figures: dict[str, dict[str, Any]] = {
        "direct": {"rate": 25 * speed, "p50": 900.0, "p99": 1800.0, "status": {"p50": 500.0}},
        "berth": {"rate": 95 * speed, "p50": 300.0, "p99": 360.0, "status": {"p50": 20.0}, "lists": lists},
        "bare": {"rate": 98 * speed},
        "lists": {"rate": 100 * speed, "doubled": 0, "cpu": {"all": 9.0, "berth": 2.0}, "elapsed": 10.0},
        "repeat": {"rate": 400.0, "p50": 8.0, "p99": 12.0},
    }
    return [cell(place, arm, clients, number, **values) for arm, values in figures.items()]


def emulator() -> dict[str, Any]:
    """Berth alone, at 640 a second with 64 clients; one call failed."""
    cpu = {"berth": 5.5, "upstream": 0.4, "load": 1.0}
    cells = []
    for place in ("instant", "emulator"):
        for clients, rate in ((1, 120.0), (64, 640.0)):
            figures = {
                "rate": rate,
                "p50": 9.0,
                "p99": 20.0,
                "cpu": cpu,
                "lists": {"count": 100, "mean": 22.0},
            }
            cells += [cell(place, arm, clients, 0, **figures) for arm in ("berth", "bare", "repeat")]
    cells[0]["failures"] = {"503": 1}
    plan = {"rounds": 1, "clients": [1, 64], "seconds": 5.0}
    lone = [{"place": "emulator", "series": LONE, "commit": 2.0}]
    parts = {"framework": 0.1, "http": 0.4, "ledger": 0.3}
    return {**AROUND, "kind": "emulator", "plan": plan, "lone": lone, "cells": cells, "parts": parts}
