"""The operations over the real gateway, the emulator and a SQLite ledger; the clock is the test's."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.assembly import Operations, Parts, assemble
from app.domain.commands import Caller, Place, Traits, Wish
from app.domain.policy import GatewayRule, Policy, PrefixSection
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox import NetBox, NetBoxSettings, connect
from app.operations.answers import Allocation
from app.store import Database, open_database


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
        return time.time() + self.ahead


@dataclass
class Desk:
    """Everything that a test of the operations looks at."""

    operations: Operations
    netbox: NetBox
    database: Database
    clock: Clock
    url: str
    policy: list[Policy] = field(default_factory=list)

    async def post(self, caller: Caller, key: str = "", **words: object) -> Allocation:
        """Allocate; words that are Place's fields go there, the rest are traits."""
        return (await self.operations.allocate(caller, wish(key, **words))).allocation

    async def put(self, caller: Caller, key: str, **words: object) -> Allocation:
        """Converge."""
        return (await self.operations.upsert(caller, wish(key, **words))).allocation


PLACE = {"prefix", "ip_range", "vrf", "address", "address_has_mask", "family"}


def wish(key: str = "", **words: object) -> Wish:
    """A wish as the API would make it."""
    place = Place(**{name: value for name, value in words.items() if name in PLACE})  # type: ignore[arg-type]
    traits = Traits(**{name: value for name, value in words.items() if name not in PLACE})  # type: ignore[arg-type]
    sent = {
        name: list(value) if isinstance(value, tuple) else str(value) if name == "address" else value
        for name, value in words.items()
        if name != "address_has_mask"
    }
    return Wish(key=key, place=place, traits=traits, sent=sent)  # type: ignore[arg-type]


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


@pytest.fixture
def emulator_url() -> Iterator[str]:
    """A fresh emulator with the demonstration's inventory."""
    with running(create_app(seed=True)) as url:
        yield url


POLICY = Policy(
    sections=(PrefixSection(gateway=GatewayRule("first"), record_gateway=True, dns_servers=("192.168.3.53",)),)
)


@pytest.fixture
async def desk(emulator_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The operations."""
    database = open_database(f"sqlite:///{tmp_path}/berth.db", "chain-1")
    netbox = connect(NetBoxSettings(url=emulator_url), Token())
    clock = Clock()
    policy = [POLICY]
    parts = Parts(
        allocator=netbox.allocator,
        addresses=netbox.addresses,
        inventory=netbox.inventory,
        fields=netbox.fields,
        store=database,
        policy=lambda: policy[-1],
        now=clock,
        monotonic=time.monotonic,
    )
    yield Desk(assemble(parts), netbox, database, clock, emulator_url, policy)
    netbox.close()
    database.close()
