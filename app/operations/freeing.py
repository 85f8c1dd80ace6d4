"""Nothing is freed on suspicion.

Every deletion first commits the key's entry as `releasing`, with the NetBox id. From there it leads to
`released`, also after a crash and in another process's hands. The one way back: NetBox refused the deletion
outright, so that it certainly did not happen. An address that was adopted is not deleted: in the same steps
its claim is taken off.
"""

from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import BerthError, ClaimChanged, InUse, OutcomeUnknown
from app.domain.inventory import Address, Changes
from app.domain.translation import to_error
from app.domain.upstream import Missing, Stale, Unsure, UpstreamError
from app.ledger.ledger import Begun, Ledger, ObjectHeld, resume
from app.ledger.records import Entry, Event, State
from app.operations.events import event_of
from app.operations.plan import change_message
from app.operations.ports import Addresses

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Freeing:
    """Deletes addresses that carry our claim. One that was there before Berth stays, without the claim."""

    ledger: Ledger
    addresses: Addresses

    async def begin(
        self,
        event: Event,
        entry: Entry,
        *,
        expected: Entry | None,
        closing: tuple[Begun, str] | None = None,
    ) -> Begun:
        """Commit that the key is being released; `closing` as in `Ledger.begin`."""
        releasing = replace(entry, state=State.RELEASING)
        try:
            return await self.ledger.begin(event, releasing, expected=expected, closing=closing)
        except ObjectHeld as held:
            await supersede(self.ledger, held.holder)
        return await self.ledger.begin(event, releasing, expected=expected, closing=closing)

    async def resumed(self, caller: Caller, entry: Entry) -> Entry:
        """Take up a release that was left in the middle."""
        begun = resume(entry, event_of(caller, "release", entry.key))
        return await self.finish(caller, begun, force=caller.forced)

    async def finish(self, caller: Caller, begun: Begun, *, force: bool) -> Entry:
        """Delete the object, and commit that the key is released.

        Raises:
            InUse, ClaimChanged: somebody began to use it meanwhile; the entry is as it was before, unless an
                earlier attempt may still be under way.
            OutcomeUnknown: the reconciler, or the next request for the key, goes on.
        """
        doubt = begun.before is not None and begun.before.state is State.RELEASING
        try:
            decision, request_id = await self._delete(caller, begun.entry, force=force)
        except Unsure as error:
            raise OutcomeUnknown from error
        except UpstreamError as error:
            raise await self._back(begun, to_error(error), doubt=doubt) from error
        except (InUse, ClaimChanged) as error:
            if not (force and doubt and isinstance(error, ClaimChanged)):
                raise await self._back(begun, error, doubt=doubt) from error
            decision, request_id = "let go", ""  # it is another key's now, and an operator lets this key go
        return await self.ledger.settle(begun, released(begun.entry), decision, netbox_request_id=request_id)

    async def _back(self, begun: Begun, error: BerthError, *, doubt: bool) -> BerthError:
        if doubt:  # an earlier attempt may still be on its way: stay in `releasing`
            return error
        await self.ledger.cancel(begun, error)
        return error

    async def _delete(self, caller: Caller, entry: Entry, *, force: bool) -> tuple[str, str]:
        """One deletion, repeated where the object changed between our look and our call.

        Returns what it came to, and NetBox's id of the request.
        Once an attempt is in doubt, nothing that a later one is told takes the doubt away.
        """
        doubt: Unsure | None = None
        for _ in range(_TRIES):
            try:
                return await self._attempt(caller, entry, force=force)
            except Stale:
                continue
            except Unsure as error:
                doubt = error
            except (UpstreamError, BerthError) as error:
                raise doubt or error from error
        raise doubt or Unsure("the address keeps changing")

    async def _attempt(self, caller: Caller, entry: Entry, *, force: bool) -> tuple[str, str]:
        address = await self.addresses.read(entry.netbox_id or 0)
        if address is None:
            return "gone", ""
        if entry.adopted:
            return await self._let_go(caller, entry, address)
        check_claim(entry, address)
        if not force:
            await check_unused(self.addresses, entry, address)
        try:
            request_id = await self.addresses.delete(address, change_message(caller, "release", entry.key))
        except Missing:
            return "gone", ""
        return "released", request_id

    async def _let_go(self, caller: Caller, entry: Entry, address: Address) -> tuple[str, str]:
        """Take the claim off. Where it is off or another's, an earlier attempt did it, or somebody else."""
        if address.key != entry.key:
            return "let go", ""
        message = change_message(caller, "let go of", entry.key)
        try:
            changed = await self.addresses.change(address, Changes(claim=("", ""), message=message))
        except Missing:
            return "gone", ""
        return "let go", changed.request_id


def check_claim(entry: Entry, address: Address) -> None:
    """Whether the object still is what the key stands for.

    Raises:
        ClaimChanged: a human cleared or changed the claim, or gave the address to another owner.
    """
    if address.key != entry.key:
        holds = f"berth_key is {address.key!r}" if address.key else "berth_key is empty"
        raise ClaimChanged(
            f"The address {address.address} (id {address.id}) is no longer marked as {entry.key!r} in "
            f"NetBox: {holds}. Put it back, or let an operator release the key with force."
        )


async def check_unused(addresses: Addresses, entry: Entry, address: Address) -> None:
    """Whether nobody but Berth does something with the address. One that was there before Berth may be used.

    Raises:
        InUse: it is assigned to an interface that Berth did not bind it to, or somebody's primary address.
    """
    assigned = address.assigned
    if assigned is None or entry.adopted:
        return
    is_primary = await addresses.is_primary(address)
    if str(assigned) in (entry.assigned or "").split() and not is_primary:
        return
    where = (
        f"interface {assigned.interface or assigned.object_id} of {assigned.parent or assigned.object_type}"
    )
    primary = ", as its primary address" if is_primary else ""
    raise InUse(
        f"{address.address} is assigned to {where}{primary}. "
        "Unassign it in NetBox first, or let an operator release it with force."
    )


async def supersede(ledger: Ledger, holder: Entry) -> None:
    """NetBox shows this entry's object under another key: NetBox is the truth, so the entry is over."""
    event = event_of(Caller(owner=holder.owner, method="system"), "close", holder.key)
    over = replace(released(holder), netbox_id=None)
    await ledger.record(event, over, expected=holder, decision="superseded")


def released(entry: Entry) -> Entry:
    """The entry once its object is gone; the address is remembered, for the key's next allocation."""
    return replace(entry, state=State.RELEASED, name_claim=None, hold_until=None)
