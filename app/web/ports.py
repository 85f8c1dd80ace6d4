"""What the pages ask of the desk: the operations that have a page, each by the one way it is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from app.domain.commands import Caller, Wish
from app.domain.errors import BerthError
from app.domain.inventory import Address, Json, Kind, Pool, Reference
from app.domain.registrations import MachineWish
from app.ledger.records import EVER, Span
from app.operations.answers import Filters, NameReport, Page, Result
from app.operations.machine_answers import MachineFilters, MachineResult


class Allocate(Protocol):
    """Gets or creates an allocation."""

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """Do it."""
        ...


class Read(Protocol):
    """Reads an allocation."""

    async def __call__(self, caller: Caller, key: str) -> Result:
        """The allocation, as NetBox holds it now.

        Raises:
            NotFound: there is none.
        """
        ...


class ListAllocations(Protocol):
    """Lists allocations."""

    async def __call__(
        self, caller: Caller, filters: Filters, cursor: str | None, limit: int
    ) -> Page[Result]:
        """Those that the caller may see, in order of key, after the cursor."""
        ...


class GiveUp(Protocol):
    """Releases an allocation, or retires a machine."""

    async def __call__(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Do it; what is not there is given up already."""
        ...


class CheckName(Protocol):
    """Checks names against the convention."""

    async def __call__(
        self,
        caller: Caller,
        dns_name: str,
        *,
        prefix: str | int | None,
        vrf: str | int | None,
        suggest: bool = False,
    ) -> NameReport:
        """Every rule that the name breaks there, and a free one of its kind."""
        ...


class Audit(Protocol):
    """Shows the audit log."""

    async def __call__(
        self,
        caller: Caller,
        conditions: Mapping[str, str],
        cursor: str | None,
        limit: int,
        span: Span = EVER,
    ) -> Page[Mapping[str, Json]]:
        """Events of the span that meet every condition, after the cursor."""
        ...


class Preview(Protocol):
    """Looks into a prefix."""

    async def __call__(self, pool: Pool, limit: int) -> Sequence[str]:
        """The next addresses that it would hand out, with masks."""
        ...


class Shelf(Protocol):
    """What there is to choose from, straight from NetBox."""

    async def offers(self, kind: Kind, q: str, after: int, limit: int) -> list[Reference]:
        """Objects of a kind, in order of id."""
        ...

    async def prefixes(  # noqa: PLR0913 - the filters of NetBox's list
        self,
        *,
        site: str | None,
        role: str | None,
        tag: str | None,
        vrf: str | None,
        q: str,
        after: int,
        limit: int,
    ) -> list[Pool]:
        """Prefixes in order of id."""
        ...

    async def prefix(self, netbox_id: int) -> Pool | None:
        """The prefix with this id."""
        ...

    async def used(self, pool: Pool) -> int:
        """How many addresses NetBox holds inside the prefix and its VRF."""
        ...

    async def taken(self, pool: Pool) -> list[Address]:
        """These addresses themselves."""
        ...

    async def ranges(self, pool: Pool) -> list[Pool]:
        """The IP ranges inside the prefix and its VRF."""
        ...


class Register(Protocol):
    """Registers a virtual machine."""

    async def __call__(self, caller: Caller, wish: MachineWish, *, dry_run: bool = False) -> MachineResult:
        """Do it, all of it or nothing."""
        ...


class ReadMachine(Protocol):
    """Reads a virtual machine."""

    async def __call__(self, caller: Caller, key: str) -> MachineResult:
        """The machine, as NetBox holds it now."""
        ...


class ListMachines(Protocol):
    """Lists virtual machines."""

    async def __call__(
        self, caller: Caller, filters: MachineFilters, cursor: str | None, limit: int
    ) -> Page[MachineResult]:
        """Those that the caller may see, in order of key, after the cursor."""
        ...


class Record(Protocol):
    """Writes down a refusal that no operation has seen."""

    async def __call__(self, caller: Caller, action: str, key: str, error: BerthError) -> None:
        """Write it into the audit log."""
        ...


Mood: TypeAlias = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Vital:
    """A line of the status page. `mood` says whether somebody has to do something, and `hint` what."""

    name: str
    value: str
    mood: Mood = "plain"
    hint: str = ""


class Vitals(Protocol):
    """Knows how Berth is."""

    async def __call__(self) -> Sequence[Vital]:
        """What an operator looks at first, most important first. Never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDesk:
    """All operations that have a page.

    `wish` and `machine_wish` make commands of a request's fields, by the API's own rules.
    """

    allocate: Allocate
    read: Read
    list_allocations: ListAllocations
    release: GiveUp
    check_name: CheckName
    audit: Audit
    preview: Preview
    closed_because: Callable[[Pool], str | None]
    sees: Callable[[Caller, Pool], bool]
    size_of: Callable[[Pool], int]
    shelf: Shelf
    register: Register
    read_machine: ReadMachine
    list_machines: ListMachines
    retire: GiveUp
    wish: Callable[[Mapping[str, Json]], Wish]
    machine_wish: Callable[[Mapping[str, Json]], MachineWish]
    vitals: Vitals
    record: Record
