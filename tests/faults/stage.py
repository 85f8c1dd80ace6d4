"""A stage for one fault: a NetBox, a proxy that fails on demand, a Berth, and the history of its clients."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from tests.contract.client import ADDRESSES, unique
from tests.faults.checker import violations
from tests.faults.evidence import change_of, gather_ledger, held_of, unsettled
from tests.faults.history import Evidence, Outcome
from tests.faults.load import Client, Subject
from tests.faults.processes import Mortal
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tests.contract.client import NetBox, Row
    from tests.end_to_end.spaces import Spaces
    from tests.faults.history import Call
    from tests.faults.processes import Zygote

TOKENS = {"alice": "token-of-alice", "bob": "token-of-bob"}
POLICY = "clients:\n" + "".join(
    f"  {name}: {{token_sha256: [{hashlib.sha256(token.encode()).hexdigest()}], roles: [allocator]}}\n"
    for name, token in TOKENS.items()
)
CHANGES = "core/object-changes"
TO_REST = 40.0
"""Seconds in which everything has to be settled: four times the doubt of these processes, and some."""


@dataclass
class Stage:
    """What one test stands on. `berths` are the replicas; the first is the one that is asked by default."""

    netbox: NetBox
    spaces: Spaces
    proxy: FaultProxy
    berths: list[Mortal]
    ledger: str
    session: requests.Session
    run: str = field(default_factory=lambda: unique("f"))
    calls: list[Call] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen = self.netbox.get(CHANGES, limit=1).json()["count"]

    @property
    def berth(self) -> Mortal:
        """The one that is asked by default."""
        return self.berths[0]

    def prefix(self, length: int = 28) -> str:
        """Make a prefix of this test's own."""
        self.prefixes.append(self.spaces.prefix(length=length))
        return self.prefixes[-1]

    def subject(self, prefix: str = "", *, named: bool = True, owner: str = "alice") -> Subject:
        """Return a key that nobody has used, in a prefix of its own unless one is given."""
        return Subject(
            f"{self.run}-{len(self.calls)}-{unique('k')}", owner, prefix or self.prefix(), named, False
        )

    def client(self, berth: Mortal | None = None) -> Client:
        """Return a client of a replica."""
        return Client((berth or self.berth).url, TOKENS, self.session)

    def ask(
        self,
        action: str,
        subject: Subject,
        body: dict[str, Any] | None = None,
        berth: Mortal | None = None,
        **options: Any,  # noqa: ANN401 - the client's
    ) -> Call:
        """Make one request; a POST or PUT without a body asks for the subject's allocation."""
        if action in ("POST", "PUT"):
            body = subject.wanted(action) | (body or {})
        call = self.client(berth).ask(action, subject, body, **options)
        self.calls.append(call)
        return call

    def insist(self, action: str, subject: Subject, **options: Any) -> Call:  # noqa: ANN401 - as above
        """Make a request until it is done, as a client with `retry` does, and return the last answer."""
        deadline = time.monotonic() + TO_REST
        while (call := self.ask(action, subject, **options)).outcome is not Outcome.OK:
            assert time.monotonic() < deadline, f"{action} is never done: {call}"
            assert not 400 <= call.status < 500, call
            time.sleep(0.2)
        return call

    def rows(self, subject: Subject) -> list[Row]:
        """Return the addresses in NetBox that carry the subject's key."""
        return self.netbox.found(ADDRESSES, cf_berth_key=subject.key)

    def rest(self) -> None:
        """Wait until nothing is left to settle."""
        wait(lambda: not unsettled(self.ledger), lambda: f"settled; left are {unsettled(self.ledger)}")

    def evidence(self) -> Evidence:
        """Gather what is left, of this test's keys and prefixes alone."""
        evidence = Evidence(calls=list(self.calls), kills=list(self.kills))
        rows = [row for prefix in self.prefixes for row in self.spaces.inside(prefix)]
        evidence.hosts = [row["address"].partition("/")[0] for row in rows]
        evidence.held = [held_of(row) for row in rows if row["custom_fields"]["berth_key"]]
        changes = (change_of(row) for row in self._changes())
        evidence.changes = [each for each in changes if each and each.key.startswith(self.run)]
        gather_ledger(evidence, self.ledger)
        return evidence

    def verify(self, without: Collection[str] = ()) -> Evidence:
        """Let everything come to rest, and check every invariant, but for those named."""
        self.proxy.clear()
        self.rest()
        evidence = self.evidence()
        broken = {name: sentences for name, sentences in violations(evidence).items() if sentences}
        found = {name: sentences[:10] for name, sentences in broken.items() if name not in without}
        assert not found, found
        return evidence

    def kill(self, berth: Mortal | None = None) -> int:
        """Kill a replica, note when, and return its exit code."""
        killed = berth or self.berth
        self.kills.append((time.monotonic(), killed.url))
        return killed.end(signal.SIGKILL)

    def _changes(self) -> list[Row]:
        """Return NetBox's own log since this test began, newest first."""
        new = self.netbox.get(CHANGES, limit=1).json()["count"] - self._seen
        return self.netbox.found(CHANGES, ordering="-id", limit=new + 20) if new else []


def wait(holds: Callable[[], bool], what: Callable[[], str], seconds: float = TO_REST) -> None:
    """Wait until something holds, and say what was waited for if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:g} s not yet {what()}"
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where stages are built: what Berths are forked from, and a NetBox with its URL and token."""

    zygote: Zygote
    netbox: NetBox
    spaces: Spaces
    url: str
    token: str

    @contextlib.contextmanager
    def stage(self, folder: Path) -> Iterator[Stage]:
        """One Berth with a ledger in this folder, that reaches NetBox through a proxy."""
        (folder / "policy.yaml").write_text(POLICY)
        with contextlib.ExitStack() as stack:
            proxy = stack.enter_context(FaultProxy(self.url))
            session = stack.enter_context(requests.Session())
            session.trust_env = False
            berth = stack.enter_context(Mortal(self.zygote, folder, self._variables(proxy.url, folder)))
            berth.serve()
            ledger = f"sqlite:///{folder / 'berth.db'}"
            yield Stage(self.netbox, self.spaces, proxy, [berth], ledger, session)

    @contextlib.contextmanager
    def replicas(self, folder: Path, ledger: str, count: int = 3) -> Iterator[Stage]:
        """Several Berths with one ledger, on PostgreSQL, that reach NetBox through one proxy."""
        (folder / "policy.yaml").write_text(POLICY)
        with contextlib.ExitStack() as stack:
            proxy = stack.enter_context(FaultProxy(self.url))
            session = stack.enter_context(requests.Session())
            session.mount("http://", HTTPAdapter(pool_maxsize=64))
            session.trust_env = False
            variables = {**self._variables(proxy.url, folder), "BERTH_DATABASE_URL": ledger}
            berths = [stack.enter_context(Mortal(self.zygote, folder, variables)) for _ in range(count)]
            for berth in berths:
                berth.start()
            for berth in berths:
                wait(berth.answers, lambda: f"every replica serves: {folder}")
            yield Stage(self.netbox, self.spaces, proxy, berths, ledger, session)

    def _variables(self, netbox_url: str, folder: Path) -> dict[str, str]:
        return {
            "NETBOX_URL": netbox_url,
            "NETBOX_API_TOKEN": self.token,
            "BERTH_STATE_DIR": str(folder),
            "BERTH_POLICY_FILE": str(folder / "policy.yaml"),
        }
