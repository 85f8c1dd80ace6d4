"""Look at names, into prefixes and at the audit log; nothing is written."""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from app.access.rules import owners_of
from app.domain.commands import UNSET, Caller, Maybe, Place, Traits
from app.domain.errors import Forbidden, InvalidRequest, NameRefused, NameTaken, Violation
from app.domain.inventory import Json, Pool, Reference
from app.domain.policy import NamePlace
from app.domain.rights import Action
from app.ledger.ledger import Ledger
from app.naming.names import Names, place_of
from app.operations.answers import NameReport, Page
from app.operations.events import only_reading
from app.operations.gateways import Gateways
from app.operations.numbers import Numbers, Where
from app.operations.places import Finder, check_open, closed_by
from app.operations.ports import Inventory
from app.operations.references import Resolver
from app.operations.sites import sees


@dataclass(frozen=True, slots=True)
class CheckName:
    """Says whether a name may be used somewhere, and which one of its kind is free there."""

    names: Names
    finder: Finder
    numbers: Numbers
    resolver: Resolver

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
        """Every rule that the name breaks there, all at once; without a prefix, anywhere in the VRF.

        Raises:
            Forbidden: no rule of the caller's is about the prefix.
            UnknownReference, PrefixNotFound, PrefixAmbiguous: there is no such place, or no such tenant.
        """
        async with only_reading():
            where = await self._where(caller, prefix, UNSET if vrf is None else vrf)
            named = await self.resolver.resolve(Traits(tenant=tenant))
            where = replace(where, place=replace(where.place, tenant=named.tenant_slug, role=role))
            verdict = self.names.verdict(dns_name, where.place)
            suggestion = await self._next(dns_name, where) if suggest else None
        return NameReport(verdict.violations, verdict.warnings, suggestion)

    async def _where(self, caller: Caller, prefix: str | int | None, vrf: Maybe[str | int]) -> Where:
        if prefix is not None:
            spot = await self.finder.find(Place(prefix=prefix, vrf=vrf))
            if not sees(caller, spot.pool):
                raise Forbidden(f"No rule that holds for {caller.owner} is about {spot.pool.network}.")
            return Where(spot.vrf_id, spot.family, place_of(spot.pool))
        found = await self.finder.vrf(vrf)
        if isinstance(found, Reference):
            return Where(found.id, None, NamePlace(vrf=found.name))
        return Where(None, None, NamePlace())

    async def _next(self, dns_name: str, where: Where) -> str | None:
        """The name's like with the lowest free number that the convention allows. Nothing is reserved."""
        template = self.names.template(dns_name, where.place)
        if template is None:
            return None
        try:
            return (await self.numbers.offer(template, where))[0]
        except (NameRefused, NameTaken):
            return None


@dataclass(frozen=True, slots=True)
class LookInto:
    """Shows what a prefix would hand out now."""

    gateways: Gateways
    inventory: Inventory

    def closed_because(self, pool: Pool) -> str | None:
        """Why the next free address is not given out of a prefix; None if it is."""
        return "; ".join(closed_by(pool, self.gateways.rules(pool)).values()) or None

    async def __call__(self, pool: Pool, limit: int) -> list[str]:
        """The next free addresses, with masks. NetBox counts a gateway that is not recorded among them.

        Raises:
            PrefixClosed: it would hand out none.
        """
        check_open(pool, self.gateways.rules(pool), "")
        async with only_reading():
            route = await self.gateways.route(pool, "", "")
            free = await self.inventory.preview(pool, limit + 1)
        return [each for each in free if ipaddress.ip_interface(each).ip != route.gateway][:limit]


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """Shows the audit log, the oldest line first."""

    ledger: Ledger

    async def __call__(
        self, caller: Caller, conditions: Mapping[str, str], cursor: str | None, limit: int
    ) -> Page[Mapping[str, Json]]:
        """Lines that meet every condition; those of other owners are shown to whom a rule gives them.

        Raises:
            InvalidRequest: the cursor is none of ours.
        """
        wanted: dict[str, str | Collection[str]] = dict(conditions)
        owners = owners_of(caller, conditions.get("owner"), Action.AUDIT)
        if owners == frozenset():
            return Page(())
        if owners is not None:
            wanted["owner"] = owners
        rows = await self.ledger.events(wanted, _number(cursor), limit + 1)
        shown = tuple(line for _, line in rows[:limit] if isinstance(line, dict))
        return Page(shown, str(rows[limit - 1][0]) if len(rows) > limit else None)


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal():
        raise InvalidRequest(errors=[Violation("", "cursor", "send the cursor as the last page gave it")])
    return int(cursor)
