"""The operations over the real gateway, the emulator and a ledger; the clock is the test's.

The ledger is on SQLite, and once more on PostgreSQL (`make test-postgres`).
"""

import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from app.api.machine_schemas import MachineRequest, wish_of
from app.assembly import Operations, Parts, assemble
from app.domain.commands import Caller, Place, Traits, Wish, target_of
from app.domain.inventory import Address, Changes
from app.domain.policy import GatewayRule, Policy, PrefixSection
from app.domain.registrations import MachineWish
from app.emulator import SEED_TOKEN, Emulator, create_app, running
from app.emulator.faults import Fault
from app.ledger.chain import verify
from app.ledger.machine_records import MACHINE_OPEN, MachineEntry
from app.ledger.records import Entry, State
from app.netbox import NetBox, NetBoxSettings, connect
from app.operations.answers import Allocation
from app.operations.machine_answers import Registration
from app.operations.replicas import Replicas
from app.operations.turns import Nobody
from app.store import Database, open_database
from tests.postgres import Cluster

PLACE = {"prefix", "ip_range", "vrf", "address", "address_has_mask", "family"}
TRAITS = {*Traits.__dataclass_fields__}
LAB = "192.168.4.0/24"
SMALL = "192.168.5.0/29"
SIX = "fd00:3::/64"
INSIDE = "10.99.0.0/24"
PARTS = ("virtualization/virtual-machines", "virtualization/interfaces", "ipam/ip-addresses")
POLICY = Policy(
    sections=(
        PrefixSection(gateway=GatewayRule("first"), record_gateway=True, dns_servers=("192.168.3.53",)),
    )
)


class Token:
    """A token that never changes."""

    def current(self) -> str:
        """The token."""
        return SEED_TOKEN

    async def refresh(self) -> bool:
        """There is no other."""
        return False


@dataclass
class Clock:
    """Seconds since the epoch, moved by the test."""

    ahead: float = 0.0

    def __call__(self) -> float:
        """Now."""
        return time.time() + self.ahead


async def _at_once(_seconds: float) -> None:
    """Wait no time between two attempts."""


def wish(key: str = "", **words: Any) -> Wish:  # noqa: ANN401 - the fields of a request
    """A wish as the API would make it."""
    place = Place(**{name: value for name, value in words.items() if name in PLACE})
    traits = Traits(**{name: _as_trait(value) for name, value in words.items() if name in TRAITS})
    named = {name: value for name, value in words.items() if name in ("requested_by", "reference")}
    unsent = {"address_has_mask", "adopt"}
    sent = {name: _as_sent(name, value, words) for name, value in words.items() if name not in unsent}
    return Wish(key=key, place=place, traits=traits, adopt=words.get("adopt", False), sent=sent, **named)


def machine_wish(key: str, **words: Any) -> MachineWish:  # noqa: ANN401 - as above
    """A wish for a machine as the API would make it."""
    return MachineRequest.model_validate(words).wish(key)


def _as_trait(value: Any) -> Any:  # noqa: ANN401 - as above
    return target_of(value) if isinstance(value, dict) and "interface" in value else value


def _claim(row: Any) -> str:  # noqa: ANN401 - NetBox's JSON
    return str(row["custom_fields"].get("berth_key") or "")


def _as_sent(name: str, value: Any, words: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    if name == "address":
        return str(value) if words.get("address_has_mask") else str(value.ip)
    return list(value) if isinstance(value, tuple) else value


def ask(url: str, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - NetBox's JSON
    """Ask NetBox directly; the answer's JSON."""
    headers = {"Authorization": f"Token {SEED_TOKEN}"}
    answer = requests.request(method, f"{url}/api/{path}", json=body, headers=headers, timeout=10)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


@dataclass
class Desk:
    """Everything that a test of the operations looks at."""

    operations: Operations
    netbox: NetBox
    database: Database
    clock: Clock
    url: str
    policy: list[Policy]
    emulator: Emulator
    parts: Parts

    async def post(self, caller: Caller, key: str = "", **words: Any) -> Allocation:  # noqa: ANN401
        """Allocate; words that are Place's fields go there, the rest are traits."""
        return (await self.operations.allocate(caller, wish(key, **words))).allocation

    async def put(self, caller: Caller, key: str, **words: Any) -> Allocation:  # noqa: ANN401
        """Converge."""
        return (await self.operations.upsert(caller, wish(key, **words))).allocation

    async def register(self, caller: Caller, key: str, **words: Any) -> Registration:  # noqa: ANN401
        """Register a machine."""
        return (await self.operations.machines.register(caller, machine_wish(key, **words))).machine

    async def converge(self, caller: Caller, key: str, **words: Any) -> Registration:  # noqa: ANN401
        """Make a machine what is sent."""
        return (await self.operations.machines.converge(caller, machine_wish(key, **words))).machine

    async def machine(self, caller: Caller, key: str) -> Registration:
        """Read a machine."""
        return (await self.operations.machines.read(caller, key)).machine

    async def get(self, caller: Caller, key: str) -> Allocation:
        """Read."""
        return (await self.operations.read(caller, key)).allocation

    def restart(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Parts
        """A new process over the same database and NetBox."""
        self.parts = replace(self.parts, **changes)
        self.operations = assemble(self.parts)

    # -- NetBox, as other people use it ----------------------------------------------------------

    async def claimed(self, key: str) -> Address:
        """The only object with this claim."""
        [row] = await self.netbox.addresses.find_claims([key])
        return row

    async def edit(self, key: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Changes
        """Change it as a human does."""
        row = await self.netbox.addresses.read((await self.claimed(key)).id)
        assert row is not None
        await self.netbox.addresses.change(row, Changes(**changes))

    async def erase(self, key: str) -> None:
        """Delete it as a human does."""
        await self.netbox.addresses.delete(await self.claimed(key), "")

    def api(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - NetBox's JSON
        """Ask NetBox directly; the answer's JSON."""
        return ask(self.url, method, path, body)

    def listed(self, path: str) -> list[Any]:
        """Everything that NetBox lists there."""
        rows: list[Any] = self.api("GET", f"{path}/?limit=1000")["results"]
        return rows

    def hanging(self, key: str) -> list[str]:
        """What NetBox has under a machine's key: the machine, its interfaces and its addresses, by claim."""
        found = [_claim(row) for path in PARTS for row in self.listed(path)]
        return sorted(claim for claim in found if claim.partition("~")[0] == key)

    def orphans(self) -> list[str]:
        """Claims of interfaces and addresses that are not on the machine of their key; claims used twice."""
        machines, nics, addresses = (self.listed(path) for path in PARTS)
        keys = {row["id"]: _claim(row) for row in machines}
        parents = {row["id"]: keys[row["virtual_machine"]["id"]] for row in nics}
        found: list[tuple[str, str | None]] = [
            (_claim(row), keys[row["virtual_machine"]["id"]]) for row in nics if _claim(row)
        ]
        found += [
            (_claim(row), parents.get(row["assigned_object_id"])) for row in addresses if "~" in _claim(row)
        ]
        astray = [claim for claim, key in found if claim.partition("~")[0] != key]
        counted = Counter([*filter(None, keys.values()), *(claim for claim, _ in found)])
        return [*astray, *(claim for claim, count in counted.items() if count > 1)]

    def fault(self, *faults: Fault) -> None:
        """What NetBox does to the next calls, instead of what it did before."""
        self.emulator.faults.faults = list(faults)

    def calls(self, *methods: str) -> int:
        """How many calls NetBox has seen of these methods."""
        counts = self.emulator.faults.counts
        return sum(count for name, count in counts.items() if name.partition(" ")[0] in methods)

    # -- the ledger ------------------------------------------------------------------------------

    async def entry(self, key: str) -> Entry | None:
        """What the ledger has of a key."""
        return await self.operations.ledger.find(key)

    async def lose(self, key: str) -> None:
        """The ledger forgets a key, as an old backup does."""
        await self.database.write(lambda tx: tx.drop(key))

    async def registered(self, key: str) -> MachineEntry | None:
        """What the ledger has of a machine's key."""
        return await self.operations.machines.reconcile.ledger.find(key)

    def forget(self, key: str) -> None:
        """The ledger forgets a machine and all its parts."""
        with self.database.backend.engine.begin() as connection:
            connection.execute(text("DELETE FROM machines WHERE key = :key"), {"key": key})
            connection.execute(text("DELETE FROM entries WHERE key LIKE :parts"), {"parts": f"{key}~%"})

    async def audit(self, key: str = "") -> list[str]:
        """The lines of the log as `event action decision reason`, of one key or of all."""
        lines: list[Any] = await self.operations.ledger.events({"key": key} if key else {}, 0, 10_000)
        words = ("event", "action", "decision", "reason")
        return [" ".join(line[word] for word in words if line.get(word)) for _, line in lines]

    async def quiet(self) -> None:
        """Let time pass until nothing is in doubt, and see that everything is accounted for (I4, I5, I6)."""
        self.fault()
        for _ in range(2):
            self.clock.ahead += 200.0
            assert (await self.operations.reconcile()).errors == 0
            assert (await self.operations.machines.reconcile()).errors == 0
        await self.accounted()
        assert self.orphans() == []

    async def accounted(self) -> None:
        """Every intent has one outcome, the chain holds, nothing is in doubt."""
        lines: list[Any] = await self.operations.ledger.events({}, 0, 10_000)
        of = {
            kind: sorted(line["operation"] for _, line in lines if line["event"] == kind)
            for kind in ("intent", "outcome")
        }
        assert of["intent"] == of["outcome"]
        assert (
            list(verify(each for _, each in await self.database.read(lambda tx: tx.chains(0, 10_000)))) == []
        )
        assert await self.database.read(lambda tx: tx.unfinished(9)) == []
        for state in (State.PENDING, State.RELEASING):
            assert await self.database.read(lambda tx, s=state: tx.in_state(s, (0.0, ""), 9)) == []  # type: ignore[misc]
        assert await self.database.read(lambda tx: tx.machines_in(MACHINE_OPEN, (0.0, ""), 9)) == []


class Meddler:
    """Something in the way to what the operations ask: `hooks` by method's name, called with the method."""

    def __init__(self, inner: object, **hooks: Callable[..., Awaitable[Any]]) -> None:
        self.inner, self.hooks = inner, hooks

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method
        """The method, with the hook before it."""
        method, hook = getattr(self.inner, name), self.hooks.get(name)
        return method if hook is None else partial(hook, method)


@pytest.fixture
def alice() -> Caller:
    """An owner."""
    return Caller(owner="alice", request_id="request-1")


@pytest.fixture
def bob() -> Caller:
    """Another owner."""
    return Caller(owner="bob")


@pytest.fixture
def operator() -> Caller:
    """Somebody who may force."""
    return Caller(owner="ops", operator=True)


class Stage:
    """One server for all tests; each test puts its own emulator on it."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.ledger = folder / "berth.db"
        open_database(f"sqlite:///{self.ledger}", "chain-0").close()
        self.emulator = create_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Let the emulator of the moment answer."""
        await self.emulator(scope, receive, send)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The server, started once: to stop it takes a tenth of a second. And an empty ledger, to be copied."""
    stage = Stage(tmp_path_factory.mktemp("ledger"))
    with running(stage) as stage.url:  # type: ignore[arg-type]
        yield stage


Opener = Callable[..., Awaitable[Desk]]


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """An empty ledger on PostgreSQL, to be copied; its name."""
    url = cluster.new()
    open_database(url, "chain-0").close()
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def new_ledger(
    kind: str, stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], str]]:
    """Make an empty ledger; its URL."""
    if kind == "sqlite":
        yield lambda name: copied(stage, tmp_path / f"{name}.db")
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    template: str = request.getfixturevalue("template")
    with cluster.lending() as lend:
        yield lambda _name: lend(f"TEMPLATE {template}")


@pytest.fixture
async def open_desk(stage: Stage, new_ledger: Callable[[str], str]) -> AsyncIterator[Opener]:
    """Open a desk before a NetBox of one's own; keywords are the emulator's."""
    opened: list[Desk] = []

    async def opener(**kwargs: Any) -> Desk:  # noqa: ANN401 - create_app's
        stage.emulator = create_app(seed=True, **kwargs)
        opened.append(make_desk(stage, new_ledger(f"berth-{len(opened)}")))
        return opened[-1]

    yield opener
    for desk in opened:
        close_desk(desk)


@pytest.fixture
async def desk(open_desk: Opener) -> Desk:
    """The operations."""
    return await open_desk()


def copied(stage: Stage, path: Path) -> str:
    """A copy of the empty ledger on SQLite; its URL."""
    shutil.copy(stage.ledger, path)
    return f"sqlite:///{path}"


def make_desk(stage: Stage, ledger: str) -> Desk:
    """Put everything together around the emulator that is on the stage."""
    clock = Clock()
    database = open_database(ledger, "chain-1")
    settings = NetBoxSettings(url=stage.url, breaker_failures=10_000, retry_share=1.0)
    netbox = connect(settings, Token(), clock=clock, sleep=_at_once)
    policy = [POLICY]
    parts = Parts(
        allocator=netbox.allocator,
        addresses=netbox.addresses,
        inventory=netbox.inventory,
        machines=netbox.machines,
        wish_of=wish_of,
        fields=netbox.fields,
        store=database,
        policy=lambda: policy[-1],
        now=clock,
        monotonic=clock,
        others=Nobody() if database.alone else Replicas(database),
    )
    return Desk(assemble(parts), netbox, database, clock, stage.url, policy, stage.emulator, parts)


def close_desk(desk: Desk, *, emulator: bool = True) -> None:
    """Let go of everything."""
    desk.netbox.close()
    desk.database.close()
    if emulator:
        desk.emulator.close()
