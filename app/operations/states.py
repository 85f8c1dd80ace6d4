"""Where a key stands, once what was left in the middle is finished."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.access.rules import reaches
from app.domain.commands import Caller, Wish
from app.domain.errors import ClaimDuplicated, NameTaken, NotOwner, OutcomeUnknown, QuotaExhausted
from app.domain.inventory import Address, coexist
from app.ledger.ledger import Begun, Ledger, Limits, NameHeld, ObjectHeld, landed, resume
from app.ledger.records import Candidate, Entry, Event, State
from app.operations.events import SYSTEM, event_of, only_reading
from app.operations.fitting import is_as_asked
from app.operations.freeing import Freeing, released, supersede
from app.operations.gateways import Gateways
from app.operations.places import label
from app.operations.ports import Addresses

_CLOCK_SLACK = 60.0
"""Seconds by which NetBox's clock may be off before a hold is taken for an older allocation's."""


@dataclass(frozen=True, slots=True)
class States:
    """Settles entries. The caller holds the key's turn."""

    ledger: Ledger
    addresses: Addresses
    freeing: Freeing
    gateways: Gateways

    async def current(self, caller: Caller, key: str) -> Entry | None:
        """The entry: done, released, failed or none; or pending, where NetBox does not show it (yet)."""
        entry = await self.ledger.find(key)
        if entry is None:
            return None
        if entry.state is State.RELEASING:
            return await self.freeing.resumed(caller, entry)
        if entry.state is State.PENDING:
            return await self.pending(caller, entry)
        return entry

    async def pending(self, caller: Caller, entry: Entry) -> Entry:
        """Settle an allocation whose outcome is not known, if NetBox shows the object under its claim.

        One that is another owner's, or lies elsewhere, is not what this entry asked for. The entry stays as
        it is; the next request for the key is refused by NetBox itself, which knows the claim.
        """
        rows = await self.addresses.find_claims([entry.key])
        address = the_one(entry.key, rows)
        if address is None or not is_as_asked(entry, address):
            return entry
        begun = resume(entry, event_of(caller, "allocate", entry.key))
        return await self.land(begun, address, "recovered")

    async def begin(
        self,
        event: Event,
        entry: Entry,
        *,
        expected: Entry | None,
        names: Sequence[Candidate] = (),
        limits: Limits = (),
    ) -> Begun:
        """T1; a name that only a stale entry holds is taken from it first. The rest as in `Ledger.begin`.

        Raises:
            NameHeld: others have taken all of `names`.
            NameTaken: another key holds the name, and NetBox agrees.
            QuotaExhausted: the caller holds as many addresses as it may.
            Overtaken: the entry is not `expected` any more.
        """
        try:
            return await self._begin(event, entry, expected, names, limits)
        except NameHeld as held:
            if names:
                raise
            if not await self._name_is_stale(held.holder):
                error = name_held(entry.dns_name)
                await self.ledger.deny(event, error)
                raise error from held
        return await self._begin(event, entry, expected, (), limits)

    async def _begin(
        self,
        event: Event,
        entry: Entry,
        expected: Entry | None,
        names: Sequence[Candidate],
        limits: Limits,
    ) -> Begun:
        try:
            return await self.ledger.begin(event, entry, expected=expected, names=names, limits=limits)
        except QuotaExhausted as error:
            await self.ledger.deny(event, error)
            raise

    async def _name_is_stale(self, holder: Entry) -> bool:
        """Whether NetBox has given up what the entry says of its name; the entry is put right.

        An entry that is just being changed is ahead of NetBox, so it is believed.
        """
        changing = await self.ledger.read(lambda tx: tx.is_open(holder.operation))
        if holder.state is not State.DONE or changing:
            return False
        async with only_reading():
            return await self._put_right(holder)

    async def _put_right(self, holder: Entry) -> bool:
        address = await self.addresses.read(holder.netbox_id or 0)
        if address is not None and address.dns_name.lower() == holder.dns_name:
            return False
        right = released(holder) if address is None else replace(holder, dns_name="", name_claim=None)
        await self.ledger.record(_closing(holder), right, expected=holder, decision="stale")
        return True

    async def land(self, begun: Begun, address: Address, decision: str, request_id: str = "") -> Entry:
        """T2: NetBox holds the address for this entry.

        Returns the entry as done; or as released, where the address cannot be kept: it is the prefix's
        gateway, whose record somebody had deleted, or somebody had it before us.
        """
        mine = begun.entry if decision == "allocated" else _as_found(begun, address)
        if not mine.adopted and (reason := await self._unfit(begun.entry, address)):
            return await self._give_back(begun, address, reason)
        entry = landed(mine, address)
        return await self.settle(begun, entry, decision, request_id)

    async def settle(self, begun: Begun, entry: Entry, decision: str, request_id: str = "") -> Entry:
        """T2, also where another key's entry still points to the object."""
        try:
            return await self.ledger.settle(begun, entry, decision, netbox_request_id=request_id)
        except ObjectHeld as held:
            await supersede(self.ledger, held.holder)
        return await self.ledger.settle(begun, entry, decision, netbox_request_id=request_id)

    async def _unfit(self, entry: Entry, address: Address) -> str:
        """Why the address cannot be kept, empty if it can.

        Only for what this operation made: what exists is not broken by a policy that came later.
        """
        if _older(entry, address):
            return ""
        if await self.gateways.gateway_of(address) == address.address.ip:
            return "gateway"
        return "doubled" if await self._is_doubled(entry, address) else ""

    async def _is_doubled(self, entry: Entry, address: Address) -> bool:
        """Whether somebody had the address first, where NetBox may not have refused the second.

        A VRF need not enforce uniqueness, nor need the global table (a setting that NetBox does not show).
        There NetBox creates an address that exists when it is asked for by name. Its lock puts the ids in
        the order of the commits, so of several that look after they have created, the lowest id stays.
        """
        vrfs = [] if address.vrf_id is None else await self.gateways.inventory.vrfs(address.vrf_id)
        enforced = bool(vrfs) and all(vrf.enforce_unique for vrf in vrfs)
        if enforced or (address.vrf_id is None and entry.sent.get("address") is None):
            return False
        rows = await self.addresses.find_host(address.address.ip, address.vrf_id)
        return any(row.id < address.id and not coexist(row.role, address.role) for row in rows)

    async def _give_back(self, begun: Begun, address: Address, reason: str) -> Entry:
        """In one step from T1 to `releasing`: at no time does the key stand for the address."""
        event = replace(begun.event, action="release", reason=reason)
        held = landed(begun.entry, address)
        giving = await self.freeing.begin(event, held, expected=begun.entry, closing=(begun, reason))
        return await self.freeing.finish(SYSTEM, giving, force=True)


def the_one(key: str, rows: Sequence[Address]) -> Address | None:
    """The only address with this claim.

    Raises:
        ClaimDuplicated: there are several.
    """
    if len(rows) > 1:
        listed = ", ".join(f"{row.address} (id {row.id})" for row in rows)
        raise ClaimDuplicated(
            f"Several addresses in NetBox carry the key {key!r}: {listed}. Clear berth_key on all but one."
        )
    return rows[0] if rows else None


def name_held(dns_name: str, pointer: str | None = None) -> NameTaken:
    """The refusal of a name that another key of the ledger holds."""
    return NameTaken(f"The DNS name {dns_name} is held by another key; choose another one.", pointer=pointer)


def check_owner(caller: Caller, entry_owner: str, address_owner: str | None) -> None:
    """Whether the caller owns it, forces it, or may do what it does to others' as well.

    What NetBox says wins over the ledger.

    Raises:
        NotOwner: it belongs to somebody else.
    """
    if not caller.forced and not reaches(caller, address_owner or entry_owner):
        raise NotOwner


def continued(planned: Entry, left: Entry | None) -> Entry:
    """An allocation that was left in doubt goes on from when it was opened, also its hold.

    One that was given up as failed may still turn up: it is not taken for an older allocation then.
    """
    if left is None or left.owner != planned.owner or left.state not in (State.PENDING, State.FAILED):
        return planned
    hold_until = left.hold_until if left.state is State.PENDING else planned.hold_until
    return replace(planned, opened_at=left.opened_at, hold_until=hold_until)


def check_free(caller: Caller, entry: Entry | None, wish: Wish) -> None:
    """A key whose first request is still in doubt belongs to its owner, and to its place."""
    if entry is None or entry.state is not State.PENDING:
        return
    if entry.owner != caller.owner:
        raise NotOwner
    if label(wish.place) != entry.prefix:
        raise OutcomeUnknown


def _closing(entry: Entry) -> Event:
    return event_of(Caller(owner=entry.owner, method="system"), "close", entry.key)


def _older(entry: Entry, address: Address) -> bool:
    """Whether the object was there before this entry's operation began."""
    return address.created is not None and address.created.timestamp() < entry.opened_at - _CLOCK_SLACK


def remembered(entry: Entry, former: Entry | None, address: Address) -> Entry:
    """The entry, with what it or an earlier one of its key knows: whether Berth did not make this object."""
    adopted = any(each.adopted and each.netbox_id == address.id for each in (entry, former) if each)
    return replace(entry, adopted=adopted, netbox_id=address.id if adopted else entry.netbox_id)


def _as_found(begun: Begun, address: Address) -> Entry:
    """An object that was there before keeps no deadline of this request's, and was bound by somebody else.

    One that is being adopted does.
    """
    entry = remembered(begun.entry, begun.before, address)
    if entry.adopted or not _older(entry, address):
        return entry
    return replace(entry, hold_until=None, assigned=None)
