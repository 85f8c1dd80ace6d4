"""Look at allocations. Nothing is written, and every answer has a read of NetBox behind it."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from app.access.rules import demand, is_allowed, owners_of
from app.domain.commands import Caller
from app.domain.errors import InvalidRequest, NotFound, OutcomeUnknown, Violation
from app.domain.inventory import Address
from app.domain.rights import Action
from app.ledger.ledger import Ledger
from app.ledger.records import Entry, State
from app.operations.answers import Filters, Page, Result
from app.operations.keep import Keep
from app.operations.places import fits, network_of
from app.operations.sites import site_of_address
from app.operations.states import check_owner

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Read:
    """GET of one key."""

    ledger: Ledger
    keep: Keep

    async def __call__(self, caller: Caller, key: str) -> Result:
        """The allocation under the key; one that the ledger has lost is found by its claim.

        Raises:
            NotFound: the key stands for nothing.
            NotOwner: it belongs to somebody else.
            OutcomeUnknown: it is being made or released.
        """
        entry = await self.ledger.find(key)
        if entry is not None and entry.state is State.DONE:
            address = await self.keep.held(caller, entry)
            if address is None:
                raise NotFound(f"The address of the key {key!r} was deleted in NetBox.")
            demand(caller, site_of_address(address, entry.owner), Action.READ)
            return Result(await self.keep.show(entry, address, {}))
        if entry is not None and entry.state is State.RELEASING:
            raise OutcomeUnknown("This allocation is being released; ask again in a moment.")
        if entry is not None and entry.state is State.PENDING:
            check_owner(caller, entry.owner, None)
            raise OutcomeUnknown("This allocation is being made; ask again in a moment.")
        found, address = await self.keep.claimed(caller, key, entry, self.ledger.clock())
        demand(caller, site_of_address(address), Action.READ)
        return Result(await self.keep.show(found, address, {}))


@dataclass(frozen=True, slots=True)
class ListAllocations:
    """GET of many keys, in order of key. What a human deleted in NetBox is not shown."""

    ledger: Ledger
    keep: Keep

    async def __call__(
        self, caller: Caller, filters: Filters, cursor: str | None, limit: int
    ) -> Page[Result]:
        """A page of allocations; those of other owners are shown to whom a rule gives them.

        Raises:
            InvalidRequest: a filter makes no sense.
        """
        if owners_of(caller, filters.owner, Action.READ) == frozenset():
            return Page(())
        conditions = _conditions(caller, filters)
        chosen = await self._chosen(caller, filters)
        shown: list[Result] = []
        after = cursor or ""
        while True:
            chunk = await self.ledger.read(
                lambda tx, after=after: tx.entries(conditions, after, _CHUNK)  # type: ignore[misc]
            )
            for entry, address in await self._read(chunk):
                if len(shown) == limit:
                    return Page(tuple(shown), shown[-1].allocation.key)
                if chosen(entry, address):
                    shown.append(Result(await self.keep.show(entry, address, {})))
            if len(chunk) < _CHUNK:
                return Page(tuple(shown))
            after = chunk[-1].key

    async def _chosen(self, caller: Caller, filters: Filters) -> Callable[[Entry, Address], bool]:
        """What the filters leave, as a function. What NetBox says wins: what a human changed there counts."""
        owners = owners_of(caller, filters.owner, Action.READ)
        name = filters.dns_name.lower() if filters.dns_name else None
        host = _host(filters.address) if filters.address else None
        in_prefix = await self._in_prefix(filters.prefix) if filters.prefix else None

        def chosen(entry: Entry, address: Address) -> bool:
            return (
                (owners is None or (address.owner or entry.owner) in owners)
                and is_allowed(caller, site_of_address(address, entry.owner), Action.READ)
                and name in (None, address.dns_name.lower())
                and host in (None, address.address.ip)
                and (in_prefix is None or entry.prefix == filters.prefix or in_prefix(address))
            )

        return chosen

    async def _in_prefix(self, prefix: str) -> Callable[[Address], bool]:
        """Whether an address lies in a prefix, by whichever of CIDR and id it was asked for."""
        if not prefix.isdecimal():
            network = network_of(prefix)
            return lambda address: address.address.network == network
        pool = await self.keep.finder.inventory.prefix(int(prefix))
        return lambda address: pool is not None and fits(pool, address)

    async def _read(self, entries: list[Entry]) -> list[tuple[Entry, Address]]:
        ids = [entry.netbox_id for entry in entries if entry.netbox_id]
        rows = {row.id: row for row in await self.keep.addresses.read_many(ids)} if ids else {}
        found = [(entry, rows[entry.netbox_id or 0]) for entry in entries if entry.netbox_id in rows]
        return [(entry, address) for entry, address in found if address.key == entry.key]


def _conditions(caller: Caller, filters: Filters) -> dict[str, str]:
    owners = owners_of(caller, filters.owner, Action.READ)
    wanted = {
        "owner": next(iter(owners)) if owners is not None and len(owners) == 1 else None,
        "dns_name": filters.dns_name.lower() if filters.dns_name else None,
        "state": filters.state,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _host(text: str) -> object:
    try:
        return ipaddress.ip_interface(text).ip
    except ValueError as error:
        detail = f"{text!r} is no address"
        raise InvalidRequest(errors=[Violation("/address", "address", detail)]) from error
