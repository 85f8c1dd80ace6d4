"""A key that NetBox holds an address for: read it, check that it is ours, and show it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.access.rules import check_credential
from app.domain.commands import Caller, Wish
from app.domain.errors import NotFound, OutcomeUnknown
from app.domain.inventory import Address, Json, space_of
from app.ledger.ledger import landed
from app.ledger.records import Entry, State
from app.operations.answers import Allocation, Result
from app.operations.echo import show
from app.operations.freeing import check_claim
from app.operations.gateways import Gateways
from app.operations.late import is_undone
from app.operations.places import Finder
from app.operations.ports import Addresses
from app.operations.sites import site_of_address
from app.operations.states import check_owner, remembered, the_one
from app.telemetry.events import note


@dataclass(frozen=True, slots=True)
class Keep:
    """Answers for what exists. Nothing is answered from memory: every answer has a read behind it."""

    addresses: Addresses
    finder: Finder
    gateways: Gateways

    async def held(self, caller: Caller, entry: Entry) -> Address | None:
        """The object behind the key, None if it is gone.

        Raises:
            NotOwner: it belongs to somebody else.
            ClaimChanged: a human took it away from the key.
        """
        rows = await self.addresses.read_many([entry.netbox_id or 0])
        address = rows[0] if rows else await self.addresses.read(entry.netbox_id or 0)
        ours = address is not None and address.key == entry.key
        check_owner(caller, entry.owner, address.owner if address and ours else None)
        if address is not None:
            check_credential(caller, site_of_address(address, entry.owner))
            check_claim(entry, address)
        return address

    async def claimed(
        self, caller: Caller, key: str, entry: Entry | None, now: float
    ) -> tuple[Entry, Address]:
        """What NetBox holds under a key for which the ledger (`entry`) has nothing: it may have been lost.

        Raises:
            NotFound: nothing.
            NotOwner: it belongs to somebody else.
            OutcomeUnknown: it came too late, and the reconciler is about to take it back.
        """
        address = the_one(key, await self.addresses.find_claims([key]))
        if address is None:
            raise NotFound(f"No allocation has the key {key!r}.")
        check_owner(caller, "", address.owner)
        check_credential(caller, site_of_address(address))
        if entry is not None and is_undone(entry, address, now):
            raise OutcomeUnknown("This allocation came too late and is being undone; ask again in a moment.")
        return from_claim(address), address

    async def repeat(self, caller: Caller, wish: Wish, entry: Entry) -> Result | None:
        """The answer to a repeat, None if the object is gone.

        Raises:
            KeyConflict: it asks for another place than the address has.
        """
        address = await self.held(caller, entry)
        if address is None:
            return None
        await self.finder.check_same(wish.place, entry, address)
        return Result(await self.show(entry, address, wish.sent), replayed=True)

    async def show(self, entry: Entry, address: Address, sent: Mapping[str, Json]) -> Allocation:
        """The answer for an address that was just read or written."""
        note(prefix=space_of(address.address.network, address.vrf))
        return show(entry, address, sent, await self.gateways.route_of(address))


def from_claim(address: Address, former: Entry | None = None) -> Entry:
    """An entry made from nothing but NetBox: for a key that the ledger has lost, or gave up (`former`)."""
    bare = Entry(
        key=address.key or "",
        owner=address.owner or "",
        state=State.DONE,
        operation="",
        family=address.address.version,
    )
    return landed(remembered(bare, former, address), address)
