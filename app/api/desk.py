"""What the routes ask of the desk: the operations, each by the one way it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.api.ports import Shelf
from app.domain.commands import Caller, Wish
from app.domain.inventory import Json, Pool
from app.operations.answers import Filters, NameReport, Page, Result


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


class Readiness(Protocol):
    """Knows whether this process can take work. It never looks at NetBox, whose outage hits every replica."""

    async def __call__(self) -> Sequence[str]:
        """What stands in the way, in plain words; empty if nothing does."""
        ...


def sees_everything(caller: Caller, pool: Pool) -> bool:  # noqa: ARG001 - a Sight
    """The sight of every caller where no policy narrows it."""
    return True


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
    shelf: Shelf
    sees: Sight = sees_everything
