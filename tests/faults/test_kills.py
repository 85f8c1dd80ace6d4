"""Berth is killed with SIGKILL at random moments under load, again and again; afterwards I1 to I6 hold.

`KILLS` says how often (200 unless it is set), `SEED` makes the run's decisions those of an earlier one: what
is asked, what goes wrong, when Berth is killed. How the processes' own timing falls differs all the same.
"""

from __future__ import annotations

import hashlib
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
from tests.end_to_end.program import emulator, wait_until
from tests.faults.checker import violations
from tests.faults.evidence import gather, unsettled
from tests.faults.history import Evidence, Outcome
from tests.faults.load import Load, subjects
from tests.faults.processes import Mortal, Zygote
from tests.faults.weather import LONGEST, Weather

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIENTS = 16
PREFIXES = {"10.1.0.0/25": 40, "10.2.0.0/27": 16, "10.3.0.0/29": 10}
TOKENS = {"alice": "token-of-alice", "bob": "token-of-bob"}
POLICY = """\
clients:
  alice: {{token_sha256: [{alice}], roles: [allocator]}}
  bob: {{token_sha256: [{bob}], roles: [allocator]}}
prefixes:
  - {{prefix: 10.2.0.0/27, gateway: first, record_gateway: true}}
"""
ALLOWED = {"prefix_exhausted", "not_found", "not_owner"}
"""Refusals that such a load meets by right; a 5xx other than these is a fault of Berth's."""
LATER = {"outcome_unknown", "still_working", "netbox_unavailable", "overloaded", "draining"}


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_killing_berth_breaks_no_invariant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No address twice, nothing acknowledged lost, nothing in doubt."""
    kills, seed = int(os.environ.get("KILLS", "200")), int(os.environ.get("SEED", time.time_ns() % 10**6))
    with capsys.disabled():
        print(f"\n{kills} kills, SEED={seed}, logs and ledger in {tmp_path}")  # noqa: T201 - for whoever watches
    run = Run(tmp_path, random.Random(seed), seed)  # noqa: S311 - to be repeated
    evidence = run(kills)
    with capsys.disabled():
        print(report(evidence, run))  # noqa: T201
    (tmp_path / "history").write_text("\n".join(map(str, evidence.calls)))
    found = {name: sentences[:20] for name, sentences in violations(evidence).items() if sentences}
    assert not found, f"SEED={seed}: {found}"
    strange = {call.code for call in evidence.calls if call.code} - ALLOWED - LATER
    assert strange == set()


class Run:
    """One run: an emulator, a Berth that dies, clients, weather."""

    def __init__(self, folder: Path, chance: random.Random, seed: int) -> None:
        self.folder = folder
        self.chance = chance
        self.seed = seed
        self.ledger = f"sqlite:///{folder / 'berth.db'}"
        self.starts = 0
        self.strikes = 0
        self.seconds = 0.0

    def __call__(self, kills: int) -> Evidence:
        """Kill Berth so often, let everything come to rest, and return the evidence."""
        upstream = emulator(self.folder / "emulator")
        upstream.start("/api/status/")
        try:
            prepare(upstream.url, SEED_TOKEN)
            with NetBox(upstream.url, SEED_TOKEN) as netbox:
                for prefix in PREFIXES:
                    netbox.made("ipam/prefixes", {"prefix": prefix})
                variables = self._variables(upstream.url)
                with Zygote() as zygote, Mortal(zygote, self.folder, variables) as berth:
                    return self._killed(kills, berth, netbox)
        finally:
            upstream.stop_if_running()

    def _variables(self, netbox_url: str) -> dict[str, str]:
        policy = self.folder / "policy.yaml"
        policy.write_text(
            POLICY.format(**{n: hashlib.sha256(t.encode()).hexdigest() for n, t in TOKENS.items()})
        )
        return {
            "NETBOX_URL": netbox_url,
            "NETBOX_API_TOKEN": SEED_TOKEN,
            "BERTH_STATE_DIR": str(self.folder),
            "BERTH_POLICY_FILE": str(policy),
        }

    def _killed(self, kills: int, berth: Mortal, netbox: NetBox) -> Evidence:
        evidence, began = Evidence(), time.monotonic()
        load = Load([berth.url], TOKENS, subjects(PREFIXES), self.seed)
        weather = Weather(netbox.url, random.Random(self.seed))  # noqa: S311 - to be repeated
        load.start(CLIENTS)
        weather.start()
        try:
            for _ in range(kills):
                berth.start()
                self._wait_for_a_moment(berth.answers)
                evidence.kills.append(time.monotonic())
                assert berth.end(signal.SIGKILL) == -signal.SIGKILL
            berth.serve()
        finally:
            load.stop()
            weather.clear()
        self.starts, self.strikes, self.seconds = berth.starts, weather.strikes, time.monotonic() - began
        evidence.calls = load.calls
        self._rest(berth)
        gather(evidence, netbox, self.ledger)
        return evidence

    def _wait_for_a_moment(self, answers: Callable[[], bool]) -> None:
        """Most of the kills hit a Berth at work, some one that is just starting."""
        if self.chance.random() < 0.15:
            time.sleep(self.chance.random() * 0.5)
            return
        wait_until(answers, "Berth serves")
        time.sleep(self.chance.random() ** 2 * 1.5)

    def _rest(self, berth: Mortal) -> None:
        """Wait until the latest of the slow calls has come and nothing is left to settle; then stop."""
        deadline = time.monotonic() + 60
        time.sleep(LONGEST + 2)
        while unsettled(self.ledger) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert berth.end(signal.SIGTERM) == 0


def report(evidence: Evidence, run: Run) -> str:
    """Return the run's figures."""
    outcomes = Counter(call.outcome for call in evidence.calls)
    codes = Counter(call.code for call in evidence.calls if call.code)
    found = violations(evidence)
    return (
        f"kills {len(evidence.kills)}, restarts {run.starts - 1}, faults upstream {run.strikes}, "
        f"{run.seconds:.0f} s under load\n"
        f"requests {len(evidence.calls)}: ok {outcomes[Outcome.OK]}, failed {outcomes[Outcome.FAILED]}, "
        f"unknown {outcomes[Outcome.UNKNOWN]}; {dict(codes.most_common())}\n"
        f"duplicates {len(found['I1']) + len(found['I4'])}, lost {len(found['I2'])}, "
        f"changed {len(found['I3'])}, unrecorded {len(found['I5'])}, in doubt {len(found['I6'])}; "
        f"{len(evidence.events)} events in {len({event['chain'] for event in evidence.events})} chains, "
        f"{len(evidence.changes)} changes in NetBox, {len(evidence.held)} addresses held at the end"
    )
