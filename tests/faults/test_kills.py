"""Berth is killed with SIGKILL at random moments under load, again and again; afterwards I1 to I6 hold.

One on SQLite, one on PostgreSQL, and three together on PostgreSQL.

`KILLS` says how often in all (1 000 unless it is set), `SEED` makes the run's decisions those of an earlier
one: what is asked, what goes wrong, when Berth is killed. How the processes' own timing falls differs all the
same.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN
from tests import postgres
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
    from collections.abc import Callable, Iterator
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


@dataclass(frozen=True, slots=True)
class Setup:
    """How many Berths there are, on which database, and how large a part of the kills is theirs."""

    database: str
    replicas: int
    share: float


SETUPS = (Setup("sqlite", 1, 0.4), Setup("postgresql", 1, 0.2), Setup("postgresql", 3, 0.4))


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: f"{setup.database}-{setup.replicas}")
def test_killing_berth_breaks_no_invariant(
    setup: Setup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No address twice, nothing acknowledged lost, nothing in doubt."""
    kills = math.ceil(int(os.environ.get("KILLS", "1000")) * setup.share)
    seed = int(os.environ.get("SEED", time.time_ns() % 10**6))
    with capsys.disabled():
        print(f"\n{setup.replicas} on {setup.database}: {kills} kills, SEED={seed}, logs in {tmp_path}")  # noqa: T201 - for whoever watches
    with ledger_of(setup, tmp_path) as ledger:
        run = Run(tmp_path, setup.replicas, ledger, seed)
        evidence = run(kills)
    with capsys.disabled():
        print(report(evidence, run))  # noqa: T201
    (tmp_path / "history").write_text("\n".join(map(str, evidence.calls)))
    found = {name: sentences[:20] for name, sentences in violations(evidence).items() if sentences}
    assert not found, f"SEED={seed}: {found}"
    strange = {call.code for call in evidence.calls if call.code} - ALLOWED - LATER
    assert strange == set()


@contextlib.contextmanager
def ledger_of(setup: Setup, folder: Path) -> Iterator[str]:
    """The URL of an empty ledger."""
    if setup.database == "sqlite":
        yield f"sqlite:///{folder / 'berth.db'}"
        return
    with postgres.running() as cluster:
        yield cluster.new()


class Run:
    """One run: an emulator, Berths that die, clients, weather."""

    def __init__(self, folder: Path, replicas: int, ledger: str, seed: int) -> None:
        self.folder = folder
        self.replicas = replicas
        self.ledger = ledger
        self.chance = random.Random(seed)  # noqa: S311 - to be repeated
        self.seed = seed
        self.starts = 0
        self.strikes = 0
        self.seconds = 0.0

    def __call__(self, kills: int) -> Evidence:
        """Kill Berth so often, let everything come to rest, and return the evidence."""
        upstream = emulator(self.folder / "emulator")
        upstream.start("/api/status/")
        try:
            prepare(upstream.url, SEED_TOKEN)
            with NetBox(upstream.url, SEED_TOKEN) as netbox, contextlib.ExitStack() as stack:
                for prefix in PREFIXES:
                    netbox.made("ipam/prefixes", {"prefix": prefix})
                variables = self._variables(upstream.url)
                zygote = stack.enter_context(Zygote())
                berths = [
                    stack.enter_context(Mortal(zygote, self.folder, variables)) for _ in range(self.replicas)
                ]
                return self._killed(kills, berths, netbox)
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
            "BERTH_DATABASE_URL": self.ledger,
            "BERTH_POLICY_FILE": str(policy),
        }

    def _killed(self, kills: int, berths: list[Mortal], netbox: NetBox) -> Evidence:
        evidence, began = Evidence(), time.monotonic()
        load = Load([berth.url for berth in berths], TOKENS, subjects(PREFIXES), self.seed)
        weather = Weather(netbox.url, random.Random(self.seed))  # noqa: S311 - to be repeated
        for berth in berths:
            berth.start()
        load.start(CLIENTS)
        weather.start()
        try:
            for _ in range(kills):
                berth = self.chance.choice(berths)
                self._wait_for_a_moment(berth.answers)
                evidence.kills.append((time.monotonic(), berth.url))
                assert berth.end(signal.SIGKILL) == -signal.SIGKILL
                berth.start()
            for berth in berths:
                wait_until(berth.answers, "Berth serves")
        finally:
            load.stop()
            weather.clear()
        self.starts, self.strikes = sum(berth.starts for berth in berths), weather.strikes
        self.seconds = time.monotonic() - began
        evidence.calls = load.calls
        self._rest(berths)
        gather(evidence, netbox, self.ledger)
        return evidence

    def _wait_for_a_moment(self, answers: Callable[[], bool]) -> None:
        """Most of the kills hit a Berth at work, some one that is just starting."""
        if self.chance.random() < 0.15:
            time.sleep(self.chance.random() * 0.5)
            return
        wait_until(answers, "Berth serves")
        time.sleep(self.chance.random() ** 2 * 1.5)

    def _rest(self, berths: list[Mortal]) -> None:
        """Wait until the latest of the slow calls has come and nothing is left to settle; then stop."""
        deadline = time.monotonic() + 60
        time.sleep(LONGEST + 2)
        while unsettled(self.ledger) and time.monotonic() < deadline:
            time.sleep(0.2)
        for berth in berths:
            assert berth.end(signal.SIGTERM) == 0


def report(evidence: Evidence, run: Run) -> str:
    """Return the run's figures."""
    outcomes = Counter(call.outcome for call in evidence.calls)
    codes = Counter(call.code for call in evidence.calls if call.code)
    found = violations(evidence)
    return (
        f"kills {len(evidence.kills)}, restarts {run.starts - run.replicas}, faults upstream {run.strikes}, "
        f"{run.seconds:.0f} s under load\n"
        f"requests {len(evidence.calls)}: ok {outcomes[Outcome.OK]}, failed {outcomes[Outcome.FAILED]}, "
        f"unknown {outcomes[Outcome.UNKNOWN]}; {dict(codes.most_common())}\n"
        f"duplicates {len(found['I1']) + len(found['I4'])}, lost {len(found['I2'])}, "
        f"changed {len(found['I3'])}, unrecorded {len(found['I5'])}, in doubt {len(found['I6'])}; "
        f"{len(evidence.events)} events in {len({event['chain'] for event in evidence.events})} chains, "
        f"{len(evidence.changes)} changes in NetBox, {len(evidence.held)} addresses held at the end"
    )
