"""What a batch comes to: every seat gets exactly one outcome, and the right one.

Two facts about NetBox carry this file (measured on 4.3.7 and 4.7.3). A list is all or nothing: after any
refusal nothing of it was created. And the claim, a unique custom field, is checked inside the lock that
all allocations share: sending the same claims again after an unsure outcome creates nothing twice.

serve               one list POST, then by its outcome:
├── (created)       every seat its address
├── _rejected       the bad items get their refusal, or their own earlier address; the rest goes again
├── _no_room        as many as there is room for, first come first served; who has a claim, its address
├── _unsure         look for the claims, then send the rest again, once
└── _halved         where NetBox does not say whose fault it was
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.allocation.ports import Allocator
from app.allocation.seats import Batch, Seat, Seated
from app.domain.errors import (
    AddressTaken,
    BerthError,
    ClaimDuplicated,
    ClaimInvisible,
    KeyConflict,
    NetBoxNonsense,
    NotOwner,
    OutcomeUnknown,
    Overloaded,
    PrefixExhausted,
    PrefixNotFound,
    SharedRole,
)
from app.domain.inventory import SHARED_ROLES, Address, PoolKind, Receipt
from app.domain.translation import refused_item, to_error
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    Missing,
    NoRoom,
    PermissionRefused,
    Rejected,
    Unsure,
    UpstreamError,
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Takes batches to NetBox. `clock` gives seconds, for deciding whether a list is still in time."""

    upstream: Allocator
    clock: Callable[[], float]

    async def serve(self, batch: Batch) -> None:
        """Send the batch and settle every seat; those whose time is up are not sent, nor sent again."""
        batch = self._in_time(batch)
        if not batch.seats:
            return
        try:
            receipt = await self._post(batch)
        except Rejected as rejection:
            await self._rejected(batch, rejection)
        except NoRoom:
            await self._no_room(batch)
        except PermissionRefused as refusal:
            await self._halved(batch, to_error(refusal))
        except Unsure as doubt:
            await self._unsure(batch, doubt)
        except UpstreamError as error:
            _refuse(batch, _gone(batch) if isinstance(error, Missing) else to_error(error))
        else:
            batch.blame.lies_with_some()
            for seat, address in zip(batch.seats, receipt.addresses, strict=True):
                seat.fill(Seated(address, adopted=False, netbox_request_id=receipt.request_id))

    def _in_time(self, batch: Batch) -> Batch:
        """The seats whose callers can still be answered; the others are told so."""
        now = self.clock()
        _refuse(batch.only([seat for seat in batch.seats if now >= seat.expires_at]), Overloaded())
        return batch.only([seat for seat in batch.seats if now < seat.expires_at])

    async def _post(self, batch: Batch) -> Receipt:
        if batch.line.explicit or batch.line.place is None:
            return await self.upstream.create(batch.line.vrf_id, batch.drafts)
        return await self.upstream.allocate(batch.line.place, batch.drafts)

    # -- refusals --------------------------------------------------------------------------------

    async def _rejected(self, batch: Batch, rejection: Rejected) -> None:
        faults = {
            batch.seats[index]: fault for index, fault in rejection.items.items() if index < len(batch.seats)
        }
        if not faults:
            await self._halved(batch, to_error(rejection))
            return
        claimed = [seat for seat, fault in faults.items() if fault.kind is FaultKind.CLAIM]
        for seat, fault in faults.items():
            if fault.kind is not FaultKind.CLAIM:
                seat.refuse(_in_doubt(batch, _refusal(fault)))
        if claimed:
            await self._adopt(batch.only(claimed))
        rest = [seat for seat in batch.seats if seat not in faults]
        await self.serve(batch.only(rest))

    async def _no_room(self, batch: Batch) -> None:
        place = batch.line.place
        if place is None or batch.recounted:
            await self._halved(batch, PrefixExhausted())
            return
        try:
            left = await self.upstream.count_available(place, len(batch.seats))
        except (UpstreamError, NetBoxNonsense) as error:
            _refuse(batch, error if isinstance(error, NetBoxNonsense) else to_error(error, read=True))
            return
        first, rest = batch.only(batch.seats[:left]), batch.only(batch.seats[left:])
        await self.serve(replace(first, recounted=left >= len(batch.seats)))
        if rest.seats and not all(seat.took_room for seat in first.seats):
            await self._no_room(rest)  # whoever was refused, or had its address, left room to the next
            return
        rest = rest.only(await self._found(rest))  # a full prefix does not refuse whom it holds already
        _refuse(rest, PrefixExhausted(f"{_sentence(place)} has no free address left."))

    async def _halved(self, batch: Batch, error: BerthError) -> None:
        """NetBox did not say whose fault it was: ask again with half, until one seat is left to blame.

        Where two have been blamed for the same, it is hardly their fault: a token that may add nothing would
        cost 99 calls for a list of 50. What is left is then sent once as it is, and not divided any more.
        """
        alone = len(batch.seats) == 1
        if alone or batch.blame.is_everybodys(error):
            if alone:
                batch.blame.lies_with(error)
            _refuse(batch, error)
            return
        for half in batch.halves():
            await self.serve(half)

    # -- doubts ----------------------------------------------------------------------------------

    async def _unsure(self, batch: Batch, doubt: Unsure) -> None:
        rest = await self._found(replace(batch, unsure=True))
        if not rest:
            return
        again = replace(batch.only(rest), unsure=True)
        smaller = doubt.server_error and len(rest) < len(batch.seats)
        if not batch.unsure or smaller:  # a list that nobody has sent yet
            await self.serve(again)
        elif doubt.server_error:
            await self._halved(again, OutcomeUnknown())
        else:
            _refuse(again, OutcomeUnknown())

    async def _found(self, batch: Batch) -> Sequence[Seat]:
        """Seat those whose claim NetBox holds after all; returns the others."""
        if not batch.seats:
            return ()
        try:
            rows = await self.upstream.find_claims([seat.draft.key for seat in batch.seats])
        except (UpstreamError, NetBoxNonsense):
            _refuse(batch, OutcomeUnknown())
            return ()
        missing = []
        for seat in batch.seats:
            found = [row for row in rows if row.key == seat.draft.key]
            if found:
                _seat_or_refuse(batch, seat, found)
            else:
                missing.append(seat)
        return missing

    # -- adoption --------------------------------------------------------------------------------

    async def _adopt(self, batch: Batch) -> None:
        """NetBox says that these claims are taken: find by what."""
        for seat in await self._found(batch):
            if batch.claim_seen:
                seat.refuse(_in_doubt(batch, ClaimInvisible()))
            else:
                await self.serve(replace(batch.only([seat]), claim_seen=True))


def judge(seat: Seat, rows: Sequence[Address]) -> Address:
    """The address that carries the seat's claim, if it is what the seat asks for.

    Raises:
        ClaimDuplicated: several addresses carry the claim.
        NotOwner: it belongs to another owner.
        KeyConflict: it lies elsewhere.
        SharedRole: several owners may hold it, and the policy does not allow that.
    """
    if len(rows) > 1:
        listed = ", ".join(str(row.address) for row in rows)
        raise ClaimDuplicated(f"Several addresses in NetBox carry the key {seat.draft.key!r}: {listed}.")
    address = rows[0]
    if address.owner != seat.draft.owner:
        raise NotOwner
    wanted, place = seat.draft.address, seat.line.place
    elsewhere = address.vrf_id != seat.line.vrf_id or (
        place is not None and not place.holds(address.address.ip)
    )
    if elsewhere or (wanted is not None and wanted.ip != address.address.ip):
        raise KeyConflict(f"The key stands for {address.address}, which is not what this request asks for.")
    if address.role in SHARED_ROLES and not seat.shared_roles:
        raise SharedRole
    return address


def _seat_or_refuse(batch: Batch, seat: Seat, rows: Sequence[Address]) -> None:
    """What is another's was not made by us; what does not fit may have been, in a prefix that moved."""
    try:
        seat.fill(Seated(judge(seat, rows), adopted=True))
    except NotOwner as error:
        seat.refuse(error)
    except BerthError as error:
        seat.refuse(_in_doubt(batch, error))


def _refusal(fault: ItemFault) -> BerthError:
    if fault.kind is FaultKind.DUPLICATE:
        return AddressTaken()
    return refused_item(fault)


def _gone(batch: Batch) -> PrefixNotFound:
    place = batch.line.place
    of_range = place is not None and place.kind is PoolKind.RANGE
    return PrefixNotFound(pointer="/ip_range" if of_range else None)


def _refuse(batch: Batch, error: BerthError) -> None:
    batch.refuse(_in_doubt(batch, error))


def _in_doubt(batch: Batch, error: BerthError) -> BerthError:
    """What an earlier call may have created is not refused, whatever was said to the later one."""
    return OutcomeUnknown() if batch.unsure else error


def _sentence(thing: object) -> str:
    text = str(thing)
    return text[0].upper() + text[1:]
