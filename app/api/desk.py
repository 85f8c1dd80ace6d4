"""What the routes ask of the desk: the operations, each by the one way it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.api.ports import Shelf
from app.domain.commands import Caller, Wish
from app.domain.credentials import ApiKey
from app.domain.inventory import Json, Pool
from app.domain.registrations import MachineWish
from app.operations.answers import Filters, NameReport, Page, Result
from app.operations.enrol import EnrolmentWish, Issued
from app.operations.keys import KeyWish, MadeKey
from app.operations.machine_answers import MachineFilters, MachineResult, OpenOperation, OperationOutcome


class Writer(Protocol):
    """Gets or creates an allocation, or converges one."""

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """Do it. An empty key is drawn from the DNS name.

        Raises:
            KeyRequired: there is none to draw it from.
        """
        ...


class Reader(Protocol):
    """Reads one allocation."""

    async def __call__(self, caller: Caller, key: str) -> Result:
        """The allocation, as NetBox holds it now.

        Raises:
            NotFound: there is none.
        """
        ...


class Lister(Protocol):
    """Lists allocations."""

    async def __call__(
        self, caller: Caller, filters: Filters, cursor: str | None, limit: int
    ) -> Page[Result]:
        """Those that the caller may see, in order of key, after the cursor."""
        ...


class Confirmer(Protocol):
    """Ends a hold."""

    async def __call__(self, caller: Caller, key: str, *, dry_run: bool = False) -> Result:
        """Make the allocation active; one that is active stays so."""
        ...


class Releaser(Protocol):
    """Gives an allocation up."""

    async def __call__(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Release it; what is not there is released already."""
        ...


class Namer(Protocol):
    """Checks names against the convention."""

    async def __call__(  # noqa: PLR0913 - one parameter a field of the question
        self,
        caller: Caller,
        dns_name: str,
        *,
        prefix: str | int | None,
        vrf: str | int | None,
        tenant: str | int | None = None,
        role: str = "",
        suggest: bool = False,
    ) -> NameReport:
        """Every rule that the name breaks there, all at once, and a free one of its kind if that is asked."""
        ...


class Previewer(Protocol):
    """Looks into a prefix."""

    async def __call__(self, pool: Pool, limit: int) -> Sequence[str]:
        """The next addresses that it would hand out, with masks.

        Raises:
            PrefixClosed: it would hand out none.
        """
        ...


class Judge(Protocol):
    """Knows which prefixes are closed."""

    def __call__(self, pool: Pool) -> str | None:
        """Why the next free address is not given out of a prefix; None if it is."""
        ...


class Auditor(Protocol):
    """Shows the audit log."""

    async def __call__(
        self, caller: Caller, conditions: Mapping[str, str], cursor: str | None, limit: int
    ) -> Page[Mapping[str, Json]]:
        """Events that meet every condition (field and exact value), the oldest first, after the cursor."""
        ...


class Sight(Protocol):
    """Knows what a caller may allocate from."""

    def __call__(self, caller: Caller, pool: Pool) -> bool:
        """Whether this caller may allocate from it."""
        ...


class MachineWriter(Protocol):
    """Registers a virtual machine, or converges one."""

    async def __call__(self, caller: Caller, wish: MachineWish, *, dry_run: bool = False) -> MachineResult:
        """Do it, all of it or nothing."""
        ...


class MachineReader(Protocol):
    """Reads one virtual machine."""

    async def __call__(self, caller: Caller, key: str) -> MachineResult:
        """The machine, as NetBox holds it now.

        Raises:
            NotFound: there is none.
        """
        ...


class MachineLister(Protocol):
    """Lists virtual machines."""

    async def __call__(
        self, caller: Caller, filters: MachineFilters, cursor: str | None, limit: int
    ) -> Page[MachineResult]:
        """Those that the caller may see, in order of key, after the cursor."""
        ...


class MachineRetirer(Protocol):
    """Retires a virtual machine."""

    async def __call__(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Delete it with its interfaces and addresses; what is not there is retired already."""
        ...


class OperationLister(Protocol):
    """Lists the operations on virtual machines that are not over."""

    async def __call__(self, caller: Caller, cursor: str | None, limit: int) -> Page[OpenOperation]:
        """Those of all owners, after the cursor."""
        ...


class OperationMender(Protocol):
    """Tries an operation on a virtual machine again, or gives it up."""

    async def __call__(self, caller: Caller, operation_id: str) -> OperationOutcome:
        """Do it, and say what it came to.

        Raises:
            NotFound: there is no such operation, or it is over.
        """
        ...


class KeyMaker(Protocol):
    """Makes API keys."""

    async def __call__(self, caller: Caller, wish: KeyWish) -> MadeKey:
        """Make one.

        Raises:
            KeysUnprepared: there is no pepper.
        """
        ...


class KeyLister(Protocol):
    """Lists API keys."""

    async def __call__(self, client: str, cursor: str | None, limit: int) -> Page[ApiKey]:
        """Those of a client (empty: of all), in order of id, after the cursor."""
        ...


class KeyRevoker(Protocol):
    """Revokes API keys."""

    async def __call__(self, caller: Caller, key_id: str) -> None:
        """Have it count no longer.

        Raises:
            NotFound: there is no such key.
        """
        ...


class Enroller(Protocol):
    """Issues enrolment tokens."""

    async def __call__(self, caller: Caller, wish: EnrolmentWish) -> Issued:
        """Issue one.

        Raises:
            KeysUnprepared: there is no pepper.
        """
        ...


class Readiness(Protocol):
    """Knows whether this process can take work. It never looks at NetBox, whose outage hits every replica."""

    async def __call__(self) -> Sequence[str]:
        """What stands in the way, in plain words; empty if nothing does."""
        ...


def sees_everything(caller: Caller, pool: Pool) -> bool:  # noqa: ARG001 - a Sight
    """The sight of every caller where no policy narrows it."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDesk:
    """All operations on virtual machines that have a route."""

    register: MachineWriter
    converge_machine: MachineWriter
    read_machine: MachineReader
    list_machines: MachineLister
    retire: MachineRetirer
    open_operations: OperationLister
    retry_operation: OperationMender
    abandon_operation: OperationMender


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDesk:
    """All operations on what callers show that have a route."""

    create_key: KeyMaker
    list_keys: KeyLister
    revoke_key: KeyRevoker
    enrol: Enroller


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All operations that have a route."""

    allocate: Writer
    upsert: Writer
    read: Reader
    list_allocations: Lister
    confirm: Confirmer
    release: Releaser
    check_name: Namer
    audit: Auditor
    preview: Previewer
    closed_because: Judge
    shelf: Shelf
    machines: MachineDesk
    credentials: CredentialDesk
    sees: Sight = sees_everything
