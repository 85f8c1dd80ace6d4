"""The operations, put together: which of them may touch what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from uuid6 import uuid7

from app.allocation.batcher import Batcher, BatchSent, Limits
from app.allocation.ports import Allocator
from app.allocation.sender import Sender
from app.domain.inventory import Json
from app.domain.policy import Policy
from app.domain.registrations import MachineWish
from app.ledger.ledger import Ledger
from app.ledger.ports import Store
from app.machine_assembly import MachineOperations, MachineParts, assemble_machines
from app.naming.names import Names
from app.operations.adopt import Adoption
from app.operations.allocate import Allocate, Creation, Keys
from app.operations.changing import Changing
from app.operations.confirm import Confirm
from app.operations.freeing import Freeing
from app.operations.gaps import Gaps
from app.operations.gateways import Gateways
from app.operations.keep import Keep
from app.operations.look import LookInto
from app.operations.machine_ports import Machines
from app.operations.memory import Memory
from app.operations.numbers import Numbers
from app.operations.places import Finder
from app.operations.plan import NameCheck, Planner
from app.operations.ports import Addresses, Fields, Inventory
from app.operations.prepared import Prepared
from app.operations.read import ListAllocations, Read
from app.operations.reconcile import Reconcile
from app.operations.references import Resolver
from app.operations.release import Release
from app.operations.states import States
from app.operations.turns import Nobody, Others, Turns
from app.operations.upsert import Convergence, Upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations are made of. `now` gives seconds since the epoch, `monotonic` seconds."""

    allocator: Allocator
    addresses: Addresses
    inventory: Inventory
    machines: Machines
    fields: Fields
    wish_of: Callable[[str, Mapping[str, Json]], MachineWish]
    store: Store
    policy: Callable[[], Policy]
    now: Callable[[], float]
    monotonic: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    observe: Callable[[BatchSent], None] = lambda _sent: None
    patience: float = 180.0
    others: Others = field(default_factory=Nobody)
    hold_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Every verb, and the instruments that somebody outside looks at."""

    allocate: Allocate
    upsert: Upsert
    read: Read
    list_allocations: ListAllocations
    confirm: Confirm
    release: Release
    reconcile: Reconcile
    batcher: Batcher
    ledger: Ledger
    finder: Finder
    numbers: Numbers
    machines: MachineOperations
    look_into: LookInto
    resolver: Resolver


@dataclass(frozen=True, slots=True)
class _Shared:
    ledger: Ledger
    turns: Turns
    finder: Finder
    gateways: Gateways
    freeing: Freeing
    keep: Keep
    states: States
    planner: Planner
    memory: Memory


def assemble(parts: Parts) -> Operations:
    """Put the operations together."""
    shared = _shared(parts)
    batcher = Batcher(
        Sender(parts.allocator, parts.monotonic), parts.monotonic, parts.limits, observe=parts.observe
    )
    creation = Creation(
        shared.ledger,
        shared.planner,
        batcher,
        shared.states,
        shared.keep,
        parts.inventory,
        shared.memory,
    )
    keys = Keys(shared.ledger, shared.planner)
    gaps, changing = Gaps(shared.planner), Changing(shared.ledger, parts.addresses, shared.memory)
    convergence = Convergence(shared.ledger, shared.states, shared.keep, gaps, changing)
    adoption = Adoption(
        shared.ledger, shared.states, shared.keep, shared.planner, gaps, changing, shared.memory.prepared
    )
    core = (shared.ledger, shared.turns, shared.states, shared.keep)
    asked = (shared.ledger, keys, shared.turns, shared.states, shared.keep, creation)
    return Operations(
        allocate=Allocate(*asked, adoption),
        upsert=Upsert(*asked, convergence, adoption),
        read=Read(shared.ledger, shared.keep),
        list_allocations=ListAllocations(shared.ledger, shared.keep),
        confirm=Confirm(*core),
        release=Release(*core, shared.freeing),
        reconcile=Reconcile(*core, shared.freeing, parts.patience),
        batcher=batcher,
        ledger=shared.ledger,
        finder=shared.finder,
        numbers=shared.planner.numbers,
        resolver=shared.planner.resolver,
        look_into=LookInto(shared.gateways, parts.inventory),
        machines=assemble_machines(_machines(parts, shared, creation, adoption, convergence)),
    )


def _machines(
    parts: Parts, shared: _Shared, creation: Creation, adoption: Adoption, convergence: Convergence
) -> MachineParts:
    return MachineParts(
        machines=parts.machines,
        inventory=parts.inventory,
        addresses=parts.addresses,
        ledger=shared.ledger,
        turns=shared.turns,
        names=Names(parts.policy),
        finder=shared.finder,
        planner=shared.planner,
        creation=creation,
        adoption=adoption,
        convergence=convergence,
        states=shared.states,
        keep=shared.keep,
        freeing=shared.freeing,
        prepared=Prepared(parts.fields, parts.monotonic, for_machines=True),
        wish_of=parts.wish_of,
    )


def _shared(parts: Parts) -> _Shared:
    ledger = Ledger(
        parts.store, parts.now, lambda: str(uuid7()), lambda: parts.policy().sha256, parts.hold_seconds
    )
    finder = Finder(parts.inventory)
    gateways = Gateways(parts.policy, parts.inventory, parts.addresses, ledger, parts.monotonic, parts.others)
    freeing = Freeing(ledger, parts.addresses)
    return _Shared(
        ledger=ledger,
        turns=Turns(parts.others),
        finder=finder,
        gateways=gateways,
        freeing=freeing,
        keep=Keep(parts.addresses, finder, gateways),
        states=States(ledger, parts.addresses, freeing, gateways),
        planner=Planner(
            finder,
            gateways,
            Resolver(parts.inventory),
            NameCheck(Names(parts.policy), parts.addresses),
            Numbers(Names(parts.policy), parts.addresses, ledger),
            parts.addresses,
            parts.now,
        ),
        memory=Memory(parts.inventory, Prepared(parts.fields, parts.monotonic)),
    )
