"""Look at names and at the audit log; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.commands import UNSET, Caller, Place
from app.domain.errors import InvalidRequest, Violation
from app.domain.inventory import Json
from app.domain.policy import NamePlace
from app.ledger.ledger import Ledger
from app.naming.names import Names, place_of
from app.operations.answers import Page
from app.operations.places import Finder


@dataclass(frozen=True, slots=True)
class CheckName:
    """Says whether a name may be used somewhere."""

    names: Names
    finder: Finder

    async def __call__(
        self,
        caller: Caller,  # noqa: ARG002 - the convention is the same for everybody
        dns_name: str,
        *,
        prefix: str | int | None,
        vrf: str | int | None,
    ) -> Sequence[Violation]:
        """Every rule that the name breaks there, all at once; without a prefix, nowhere in particular."""
        place = NamePlace()
        if prefix is not None:
            pool = (await self.finder.find(Place(prefix=prefix, vrf=UNSET if vrf is None else vrf))).pool
            place = place_of(pool)
        return self.names.verdict(dns_name, place).violations


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """Shows the audit log, the oldest line first."""

    ledger: Ledger

    async def __call__(
        self, caller: Caller, conditions: Mapping[str, str], cursor: str | None, limit: int
    ) -> Page[Mapping[str, Json]]:
        """Lines that meet every condition; only an operator sees those of other owners.

        Raises:
            InvalidRequest: the cursor is none of ours.
        """
        wanted = dict(conditions)
        if not caller.operator:
            if wanted.get("owner", caller.owner) != caller.owner:
                return Page(())
            wanted["owner"] = caller.owner
        rows = await self.ledger.events(wanted, _number(cursor), limit + 1)
        shown = tuple(line for _, line in rows[:limit] if isinstance(line, dict))
        return Page(shown, str(rows[limit - 1][0]) if len(rows) > limit else None)


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal():
        raise InvalidRequest(errors=[Violation("", "cursor", "send the cursor as the last page gave it")])
    return int(cursor)
