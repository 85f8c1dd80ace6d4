"""Mixed load from 200 clients, with faults, for `MINUTES` minutes: nothing grows that should not."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN
from tests.contract.client import NetBox
from tests.end_to_end.conftest import prepare
from tests.end_to_end.program import emulator
from tests.faults.checker import violations
from tests.faults.evidence import gather, unsettled
from tests.faults.history import Evidence, Outcome
from tests.faults.load import Load, subjects
from tests.faults.processes import Mortal
from tests.faults.stage import POLICY, TOKENS, wait
from tests.faults.watch import Watch
from tests.faults.weather import LONGEST, Weather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.processes import Zygote

CLIENTS = 200
PREFIXES = {"10.1.0.0/22": 600, "10.2.0.0/26": 80, "10.3.0.0/29": 10}
GROWTH = 1.1
"""By how much memory may grow from the second quarter of the time to the last."""
LARGEST_LOG = 32 * 1024 * 1024
"""Bytes. A write-ahead log that is never taken back into the database grows without end."""
LARGEST_RECORD = 4096


@pytest.mark.soak
@pytest.mark.timeout(24 * 3600)
def test_nothing_grows_under_load(zygote: Zygote, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memory, file descriptors and threads are flat after warm-up; the ledger grows by its records alone."""
    minutes, seed = float(os.environ.get("MINUTES", "10")), int(os.environ.get("SEED", "1"))
    (tmp_path / "policy.yaml").write_text(POLICY)
    upstream = emulator(tmp_path / "emulator")
    upstream.start("/api/status/")
    try:
        prepare(upstream.url, SEED_TOKEN)
        with NetBox(upstream.url, SEED_TOKEN) as netbox:
            for prefix in PREFIXES:
                netbox.made("ipam/prefixes", {"prefix": prefix})
            variables = {
                "NETBOX_URL": upstream.url,
                "NETBOX_API_TOKEN": SEED_TOKEN,
                "BERTH_STATE_DIR": str(tmp_path),
                "BERTH_POLICY_FILE": str(tmp_path / "policy.yaml"),
            }
            with Mortal(zygote, tmp_path, variables) as berth:
                berth.serve()
                watch, evidence = soak(berth, netbox, tmp_path, minutes * 60, seed)
    finally:
        upstream.stop_if_running()
    with capsys.disabled():
        print(report(watch, evidence))  # noqa: T201 - for whoever watches
    found = {name: sentences[:10] for name, sentences in violations(evidence).items() if sentences}
    assert not found, found
    assert watch.quarter(4, lambda s: s.memory) <= GROWTH * watch.quarter(2, lambda s: s.memory), "memory"
    assert watch.quarter(4, lambda s: s.threads) <= watch.quarter(2, lambda s: s.threads), "threads"
    assert watch.quarter(4, lambda s: s.files) <= GROWTH * watch.quarter(2, lambda s: s.files), "files"
    assert max(sample.log for sample in watch.samples) < LARGEST_LOG, "write-ahead log"
    assert watch.samples[-1].ledger / len(evidence.events) < LARGEST_RECORD, "ledger"


def soak(berth: Mortal, netbox: NetBox, folder: Path, seconds: float, seed: int) -> tuple[Watch, Evidence]:
    """Load it for so long, let it come to rest, and return what was seen."""
    evidence, ledger = Evidence(), f"sqlite:///{folder / 'berth.db'}"
    load = Load([berth.url], TOKENS, subjects(PREFIXES), seed)
    weather = Weather(netbox.url, random.Random(seed))  # noqa: S311 - to be repeated
    watch = Watch(berth.pid, folder / "berth.db", max(0.5, seconds / 400))
    load.start(CLIENTS)
    weather.start()
    watch.start()
    try:
        time.sleep(seconds)
    finally:
        watch.stop()
        load.stop()
        weather.clear()
    time.sleep(LONGEST)
    wait(lambda: not unsettled(ledger), lambda: f"settled; left are {unsettled(ledger)}")
    evidence.calls = load.calls
    gather(evidence, netbox, ledger)
    assert berth.end(signal.SIGTERM) == 0
    return watch, evidence


def report(watch: Watch, evidence: Evidence) -> str:
    """Return the figures of a run: medians of each quarter."""
    outcomes = Counter(call.outcome for call in evidence.calls)
    seconds = watch.samples[-1].at - watch.samples[0].at
    lines = [
        (
            f"\n{seconds / 60:.1f} minutes, {CLIENTS} clients, {len(evidence.calls)} requests "
            f"({len(evidence.calls) / seconds:.0f}/s): ok {outcomes[Outcome.OK]}, "
            f"failed {outcomes[Outcome.FAILED]}, unknown {outcomes[Outcome.UNKNOWN]}"
        ),
        "| quarter | memory, MiB | files | threads | ledger, MiB | log, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for number in (1, 2, 3, 4):
        mebi = [
            watch.quarter(number, of) / 2**20
            for of in (lambda s: s.memory, lambda s: s.ledger, lambda s: s.log)
        ]
        files, threads = (watch.quarter(number, of) for of in (lambda s: s.files, lambda s: s.threads))
        lines.append(
            f"| {number} | {mebi[0]:.1f} | {files:.0f} | {threads:.0f} | {mebi[1]:.1f} | {mebi[2]:.1f} |"
        )
    return "\n".join(lines)
