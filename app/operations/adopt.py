"""Adopt: an address that NetBox has already, without a claim, is put under a key.

find it → compare (PUT) → T1, with its NetBox id → one PATCH: the claim, and what differs → T2

The ledger holds each NetBox object for one live key only, so two keys never reach for one address. Killed
between T1 and the PATCH, the key is left in doubt and the address without a claim; killed after it, the claim
tells whose it is. NetBox >= 4.6 refuses the PATCH if the object changed meanwhile.
"""

from dataclasses import dataclass, replace

from app.domain.commands import Caller, Place, Wish
from app.domain.errors import (
    AddressIsGateway,
    AddressTaken,
    BerthError,
    ClaimInvisible,
    Forbidden,
    InvalidRequest,
    KeyConflict,
    NetBoxDenied,
    StillWorking,
    Violation,
)
from app.domain.inventory import Address, Changes, Interface
from app.domain.upstream import Missing, Stale
from app.ledger.ledger import Begun, Ledger, ObjectHeld, Overtaken, landed
from app.ledger.records import Entry, Event
from app.operations.answers import Result
from app.operations.changing import Changing, ClaimTaken
from app.operations.events import denials_recorded
from app.operations.gaps import Gap, Gaps, pool_of
from app.operations.keep import Keep
from app.operations.memory import Guard
from app.operations.places import Spot
from app.operations.plan import Planner, change_message, shared_role
from app.operations.references import Named
from app.operations.sites import demand_forced, site_of_address
from app.operations.states import States, check_free, check_owner, continued

_ATTEMPTS = 3
_CANNOT_CHANGE = (
    "NetBox shows the address and does not let Berth's token change it: a constraint of its permission keeps "
    "it from addresses that carry no key. An operator should widen it for as long as addresses are adopted."
)
_SEVERAL = (
    "Several objects in NetBox have this address, so it cannot be told which one is meant. They are in "
    "`errors`: remove all but one."
)


def check_may_adopt(caller: Caller, wish: Wish) -> None:
    """Refuse an adoption that is not an operator's, or names no address.

    Raises:
        InvalidRequest, Forbidden: it is such a one.
    """
    if not wish.adopt:
        return
    asked_for(wish)
    if not caller.operator:
        raise Forbidden("Only an operator may adopt an address; ask one, or for the role.")


def asked_for(wish: Wish) -> Interface:
    """The address that is to be adopted.

    Raises:
        InvalidRequest: there is none in the request.
    """
    if wish.place.address is None:
        detail = "send the address that is to be adopted"
        raise InvalidRequest(errors=[Violation("/address", "missing", detail)])
    return wish.place.address


@dataclass(frozen=True, slots=True)
class Adoption:
    """Puts addresses under keys. The caller holds the key's turn."""

    ledger: Ledger
    states: States
    keep: Keep
    planner: Planner
    gaps: Gaps
    changing: Changing
    prepared: Guard

    async def __call__(  # noqa: PLR0913 - what a request is made of, and how it is meant
        self,
        caller: Caller,
        wish: Wish,
        left: Entry | None,
        event: Event,
        *,
        converge: bool = False,
        dry_run: bool,
    ) -> Result | None:
        """The allocation; None where there is nothing to adopt: nobody has the address, or it carries a key.

        `left` is what the ledger has of the key. Nothing of the object changes but its claim, unless it is to
        `converge` to what was sent.

        Raises:
            BerthError: see `app.domain.errors`; a Refusal has changed nothing.
        """
        refusal: BerthError = StillWorking()
        for _ in range(_ATTEMPTS):
            async with denials_recorded(self.ledger, event, dry_run=dry_run):
                gap = await self._gap(caller, wish, left, converge=converge)
            if gap is None:
                return None
            if dry_run:
                return Result(await self.keep.show(gap.wanted, gap.after, wish.sent))
            try:
                return await self._claim(caller, wish, gap, left, event)
            except (Stale, Missing, Overtaken) as error:
                refusal = NetBoxDenied(_CANNOT_CHANGE) if isinstance(error, Missing) else StillWorking()
            left = await self.ledger.find(wish.key)
        raise refusal

    async def _gap(self, caller: Caller, wish: Wish, left: Entry | None, *, converge: bool) -> Gap | None:
        check_free(caller, left, wish)
        await self.prepared()
        address = await self._found(caller, wish)
        if address is None:
            return None
        demand_forced(caller, site_of_address(address))
        entry = continued(await self._entry(caller, wish, address), left)
        if converge:
            return await self.gaps.between(caller, wish, entry, address)
        return Gap(entry, entry, address, None, Named())

    async def _found(self, caller: Caller, wish: Wish) -> Address | None:
        """The one object that has the address, and no claim. It is read alone: a list has no ETags."""
        host = asked_for(wish).ip
        spot = await self.planner.finder.find(replace(wish.place, address_has_mask=False))
        rows = await self.keep.addresses.find_host(host, spot.vrf_id)
        if not rows or any(row.key == wish.key for row in rows):
            return None
        if len(rows) > 1:
            raise AddressTaken(_SEVERAL, errors=[_candidate(row) for row in rows])
        address = await self.keep.addresses.read(rows[0].id)
        if address is None or address.key or (address.address.ip, address.vrf_id) != (host, spot.vrf_id):
            return None
        await self._check_key(caller, wish.key)
        await self._check_fit(caller, wish.place, spot, address)
        return address

    async def _check_key(self, caller: Caller, key: str) -> None:
        """Refuse a key that stands for another address in NetBox."""
        for row in await self.keep.addresses.find_claims([key]):
            check_owner(caller, "", row.owner)
            raise KeyConflict(f"The key stands for {row.address} in NetBox: release it, or use another key.")

    async def _check_fit(self, caller: Caller, place: Place, spot: Spot, address: Address) -> None:
        """Refuse a gateway, of whatever prefix around it, and a role whose addresses several may have."""
        if place.address_has_mask and place.address != address.address:
            detail = f"NetBox has it as {address.address}"
            raise InvalidRequest(errors=[Violation("/address", "mask", detail)])
        gateways, host = self.planner.gateways, address.address.ip
        around = await self.planner.finder.inventory.prefixes_around(host, spot.vrf_id)
        for pool in (spot.pool, *around):
            if (await gateways.route(pool, address.dns_name, caller.owner)).gateway == host:
                raise AddressIsGateway
        if refusal := shared_role(address.role or "", gateways.rules((*around, spot.pool)[0])):
            raise refusal

    async def _entry(self, caller: Caller, wish: Wish, address: Address) -> Entry:
        """The key's entry while NetBox is asked: name and place are the object's own.

        A name that another key holds as well is not claimed: it is what NetBox has.
        """
        own = replace(wish, traits=replace(wish.traits, dns_name=address.dns_name))
        planned = self.planner.entry(caller, own, wish.key, Spot(pool_of(address)))
        claim = planned.name_claim
        holder = await self.ledger.read(lambda tx: tx.holder_of_name(claim)) if claim else None
        return replace(
            planned,
            name_claim=claim if holder is None or holder.key == wish.key else None,
            netbox_id=address.id,
            address=str(address.address),
            adopted=True,
        )

    async def _claim(self, caller: Caller, wish: Wish, gap: Gap, left: Entry | None, event: Event) -> Result:
        message = change_message(caller, "adopt", wish.key, wish)
        claim = replace(gap.changes or Changes(), claim=(wish.key, caller.owner), message=message)
        begun = await self._begin(gap.wanted, left, event)
        try:
            changed = await self.changing(begun, gap.address, claim)
        except ClaimTaken as error:
            await self._check_key(caller, wish.key)
            raise ClaimInvisible from error
        settled = await self.states.settle(begun, landed(begun.entry, changed), "adopted", changed.request_id)
        return Result(await self.keep.show(settled, changed, wish.sent))

    async def _begin(self, entry: Entry, left: Entry | None, event: Event) -> Begun:
        """T1: from here on no other key of this ledger can reach for the object."""
        try:
            return await self.states.begin(event, entry, expected=left)
        except ObjectHeld as held:
            error = AddressTaken(
                f"{entry.address} belongs to the key {held.holder.key!r} in Berth's ledger, although NetBox "
                "shows it without one: put berth_key back there, or release that key with force."
            )
            await self.ledger.deny(event, error)
            raise error from held


def _candidate(row: Address) -> Violation:
    key = f"key {row.key}" if row.key else "no key"
    name = f", {row.dns_name}" if row.dns_name else ""
    return Violation("/address", "candidate", f"id {row.id}: {row.address}, {key}{name}")
