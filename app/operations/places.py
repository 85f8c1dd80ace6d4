"""Where an address shall come from: the words of a request, resolved against NetBox."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from app.domain.commands import UNSET, Maybe, Place, Unset
from app.domain.errors import (
    AddressOutside,
    BerthError,
    InvalidRequest,
    KeyConflict,
    PrefixAmbiguous,
    PrefixClosed,
    PrefixNotFound,
    UnknownReference,
    Violation,
)
from app.domain.inventory import Address, Host, Interface, Kind, Network, Pool, PoolKind, Reference
from app.domain.policy import PrefixRules
from app.ledger.records import Entry
from app.operations.ports import Inventory

_REMEMBERED: Final = 1024
"""Prefixes whose text is not parsed anew: most requests name the same few."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that exists. `address` is set where one address was asked for, with the mask it will get.

    `pointer` leads to the field of the request that names the place.
    """

    pool: Pool
    address: Interface | None = None
    pointer: str = "/prefix"

    @property
    def vrf_id(self) -> int | None:
        """The VRF's id, or None for the global table."""
        return self.pool.vrf_id

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.pool.network.version


def pointer_to(place: Place) -> str:
    """Which field of a request names its place: what is wrong with the place is wrong there."""
    if place.ip_range is not None:
        return "/ip_range"
    return "/prefix" if place.prefix is not None else "/address"


def label(place: Place) -> str:
    """The text by which a place is recognised on a repeat, before anything is looked up."""
    if place.ip_range is not None:
        return f"range {place.ip_range}"
    return "" if place.prefix is None else str(place.prefix)


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds places in NetBox."""

    inventory: Inventory

    async def find(self, place: Place) -> Spot:
        """The one place that fits.

        Raises:
            PrefixNotFound, PrefixAmbiguous: none or several fit.
            AddressOutside: the address does not lie in it, or no host can have it.
            UnknownReference: there is no such VRF.
            InvalidRequest: the words do not go together.
        """
        _check_words(place)
        vrf = await self.vrf(place.vrf)
        candidates = _in_vrf(await self._candidates(place, vrf), vrf)
        if not candidates:
            raise PrefixNotFound(_missing(place), pointer=pointer_to(place))
        if len(candidates) > 1:
            raise PrefixAmbiguous(errors=[_candidate(pool) for pool in candidates])
        return _spot(candidates[0], place)

    async def vrf(self, wanted: Maybe[str | int]) -> Reference | Literal[Unset.UNSET] | None:
        """The VRF that is meant, None for the global table, unset if the request does not say."""
        if wanted is UNSET or wanted is None:
            return wanted
        found = await self.inventory.vrfs(wanted)
        if len(found) == 1:
            return found[0]
        if found:
            candidates = [
                Violation("/vrf", "candidate", f"id {vrf.id}: {vrf.name}, rd {vrf.rd}") for vrf in found
            ]
            raise UnknownReference(f"Several VRFs are called {wanted!r}; send the id.", errors=candidates)
        near = await self.inventory.near(Kind.VRF, str(wanted))
        raise UnknownReference(errors=[unknown("/vrf", "VRF", wanted, near)])

    async def check_same(self, place: Place, entry: Entry, address: Address) -> None:
        """Refuse a repeat that asks for another place than the address has.

        A prefix or VRF in the words of the entry is the same without a look at NetBox: it may be gone, or
        have another name by now.

        Raises:
            KeyConflict: it does; says what differs.
        """
        differences = []
        if place.address is not None and not _same_address(place, place.address, address.address):
            differences.append(Violation("/address", "differs", f"the key holds {address.address}"))
        if place.family is not None and place.family != address.address.version:
            differences.append(Violation("/family", "differs", f"the key holds {address.address}"))
        if not await self._in_same_vrf(place, entry, address):
            name = address.vrf.name if address.vrf else "the global table"
            differences.append(Violation("/vrf", "differs", f"the key holds an address in {name}"))
        if label(place) not in ("", entry.prefix) and not await self._holds(place, address):
            differences.append(Violation("/prefix", "differs", f"the key holds {address.address}"))
        if differences:
            raise KeyConflict(errors=differences)

    async def _in_same_vrf(self, place: Place, entry: Entry, address: Address) -> bool:
        word = entry.sent.get("vrf")
        if isinstance(place.vrf, Unset) or (word is not None and str(place.vrf) == str(word)):
            return True
        vrf = await self.vrf(place.vrf)
        return not isinstance(vrf, Unset) and (vrf.id if vrf else None) == address.vrf_id

    async def _holds(self, place: Place, address: Address) -> bool:
        try:
            pools = await self._candidates(place, UNSET)
        except BerthError:
            return False
        return any(fits(pool, address) for pool in pools)

    async def _candidates(self, place: Place, vrf: Reference | Literal[Unset.UNSET] | None) -> Sequence[Pool]:
        if place.ip_range is not None:
            return await self._ranges(place.ip_range)
        if place.prefix is not None:
            return await self._prefixes(place.prefix)
        if place.address is None:
            raise InvalidRequest(errors=[_NO_PLACE])
        vrf_id = vrf.id if isinstance(vrf, Reference) else vrf
        around = await self.inventory.prefixes_around(place.address.ip, vrf_id)
        return list({pool.vrf_id: pool for pool in reversed(around)}.values())  # the innermost of each VRF

    async def _prefixes(self, prefix: str | int) -> Sequence[Pool]:
        if isinstance(prefix, int) or prefix.isdecimal():
            return _one(await self.inventory.prefix(int(prefix)))
        return await self.inventory.prefixes_at(network_of(prefix))

    async def _ranges(self, ip_range: str | int) -> Sequence[Pool]:
        if isinstance(ip_range, int) or ip_range.isdecimal():
            return _one(await self.inventory.ip_range(int(ip_range)))
        first, _, last = ip_range.partition("-")
        try:
            return await self.inventory.ranges_at(
                ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            )
        except ValueError as error:
            detail = f"{ip_range!r} is no range; write it as 10.20.0.10-10.20.0.50 or send its id"
            raise InvalidRequest(errors=[Violation("/ip_range", "range", detail)]) from error


_NO_PLACE = Violation("/prefix", "missing", "send a prefix (CIDR or id), an ip_range or an address")


def check_open(pool: Pool, rules: PrefixRules, pointer: str, *, named: bool = False) -> None:
    """Refuse a prefix whose addresses NetBox would hand out although they belong to somebody else.

    NetBox allocates from containers, from prefixes with children (also inside the children), from
    deprecated ones and from those marked as fully used (measured on 4.3.7 and 4.7.3). An address that is
    asked for by name (`named`) may lie beside the children, so they alone do not stand against it.

    Raises:
        PrefixClosed: says why, and which line of the policy would open it.
    """
    for word, reason in closed_by(pool, rules).items():
        if not named or word != "children":
            raise PrefixClosed(
                f"The {pool} {reason}. Choose a more specific prefix, or have the policy allow it: "
                f"{opening_line(pool, word)}",
                pointer=pointer,
            )


def closed_by(pool: Pool, rules: PrefixRules) -> dict[str, str]:
    """What stands against allocating from a pool, by the policy's word for it; empty if it is open."""
    reasons = {
        "container": (pool.status == "container", "is a container"),
        "children": (
            pool.children > 0,
            f"has {pool.children} child prefixes, whose addresses it would hand out",
        ),
        "deprecated": (pool.status == "deprecated", "is deprecated"),
        "utilized": (pool.mark_utilized, "is marked as fully utilized"),
    }
    return {word: text for word, (holds, text) in reasons.items() if holds and word not in rules.allow}


def opening_line(pool: Pool, word: str) -> str:
    """The line of the policy that lets addresses be taken from a pool although it is closed."""
    return f"prefixes: [{{prefix: {pool.network}, allow: [{word}]}}]"


def unknown(pointer: str, what: str, name: object, near: Sequence[str]) -> Violation:
    """The violation for a name that NetBox does not have, with near matches."""
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return Violation(pointer, "unknown", f"NetBox has no {what} {name!r}{hint}")


def _check_words(place: Place) -> None:
    if place.prefix is not None and place.ip_range is not None:
        detail = "send either a prefix or an ip_range, not both"
        raise InvalidRequest(errors=[Violation("/ip_range", "contradiction", detail)])


@lru_cache(_REMEMBERED)
def network_of(text: str) -> Network:
    """A prefix in CIDR form.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        detail = f"{text!r} is no prefix: {error}"
        raise InvalidRequest(errors=[Violation("/prefix", "prefix", detail)]) from error


def _one(pool: Pool | None) -> Sequence[Pool]:
    return [] if pool is None else [pool]


def _in_vrf(pools: Sequence[Pool], vrf: Reference | Literal[Unset.UNSET] | None) -> list[Pool]:
    if isinstance(vrf, Unset):
        return list(pools)
    wanted = vrf.id if vrf else None
    return [pool for pool in pools if pool.vrf_id == wanted]


def fits(pool: Pool, address: Address) -> bool:
    """Whether an address is one of a pool's: in its VRF, with its mask, inside of it."""
    same_mask = pool.kind is PoolKind.RANGE or pool.network == address.address.network
    return pool.vrf_id == address.vrf_id and same_mask and pool.holds(address.address.ip)


def _missing(place: Place) -> str:
    if place.ip_range is not None:
        wanted = f"IP range {_by_id(place.ip_range)}"
    elif place.prefix is not None:
        wanted = f"prefix {_by_id(place.prefix)}"
    else:
        wanted = f"prefix around {place.address.ip if place.address else ''}"
    where = "" if place.vrf is UNSET else f" in VRF {place.vrf!r}" if place.vrf else " in the global table"
    return f"NetBox has no {wanted}{where}, or hides it from Berth."


def _by_id(word: str | int) -> str:
    return f"with the id {word}" if str(word).isdecimal() else str(word)


def _candidate(pool: Pool) -> Violation:
    return Violation(
        "/vrf" if pool.kind is PoolKind.PREFIX else "/ip_range", "candidate", f"id {pool.id}: {pool}"
    )


def _spot(pool: Pool, place: Place) -> Spot:
    if place.family is not None and place.family != pool.network.version:
        detail = f"the {pool} holds IPv{pool.network.version} addresses"
        raise InvalidRequest(errors=[Violation("/family", "contradiction", detail)])
    if place.address is None:
        return Spot(pool, pointer=pointer_to(place))
    host = place.address.ip
    if not pool.holds(host):
        raise AddressOutside(f"{host} does not lie in the {pool}.")
    _check_host(pool, host)
    mask = pool.network.prefixlen
    if place.address_has_mask and place.address.network.prefixlen != mask:
        detail = f"the mask of the {pool} is /{mask}; leave it out or send {host}/{mask}"
        raise InvalidRequest(errors=[Violation("/address", "mask", detail)])
    return Spot(pool, ipaddress.ip_interface(f"{host}/{mask}"), pointer_to(place))


def _same_address(place: Place, sent: Interface, held: Interface) -> bool:
    return sent == held if place.address_has_mask else sent.ip == held.ip


def _check_host(pool: Pool, host: Host) -> None:
    """Refuse the addresses that available-ips would never hand out, and that NetBox accepts by name."""
    network = pool.network
    if pool.is_pool or network.num_addresses <= 2:  # noqa: PLR2004 - /31, /32, /127 and /128 have no such
        return
    broadcast = isinstance(network, ipaddress.IPv4Network) and host == network.broadcast_address
    if broadcast or host == network.network_address:
        raise AddressOutside(
            f"{host} is the network or broadcast address of the {pool}; no host can have it."
        )
