"""Creating, changing and deleting addresses; every call here takes NetBox's advisory lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.domain.inventory import Address, Changes, Draft, Host, Json, Pool, Receipt
from app.domain.upstream import FaultKind, ItemFault, Rejected
from app.netbox import translate
from app.netbox.lookups import PATH, Lookups
from app.netbox.resilience import Line
from app.netbox.wire import Lane, Question, Reply
from app.netbox.writes import changed, made, read_again, remove


@dataclass(frozen=True)
class Addresses:
    """IP addresses that exist in NetBox, or shall."""

    line: Line
    lookups: Lookups

    async def read(self, netbox_id: int) -> Address | None:
        """The address with this id, with its ETag (NetBox >= 4.6.0); None on NetBox's 404."""
        return await self.lookups.read(netbox_id)

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Address]:
        """Those of the addresses that NetBox shows, without ETags; simultaneous callers share a call."""
        return await self.lookups.read_many(netbox_ids)

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Every address whose `berth_key` is exactly one of the keys."""
        return await self.lookups.find_claims(keys)

    async def find_host(self, host: Host, vrf_id: int | None) -> list[Address]:
        """Every address with this host part in the VRF, whatever its mask."""
        return await self.lookups.find_host(host, vrf_id)

    async def find_name(self, dns_name: str, vrf_id: int | None) -> list[Address]:
        """Every address with this DNS name in the VRF; simultaneous callers share a call."""
        return await self.lookups.find_name(dns_name, vrf_id)

    async def find_names(self, before: str, after: str, vrf_id: int | None) -> list[Address]:
        """Every address in the VRF whose DNS name begins and ends so; simultaneous callers share a call."""
        return await self.lookups.find_names(before, after, vrf_id)

    async def claimed_after(self, netbox_id: int, limit: int) -> list[Address]:
        """Addresses that carry a claim and have a larger id, in order of id, at most `limit` (and 1000)."""
        return await self.lookups.claimed_after(netbox_id, limit)

    async def marked(self, pool: Pool, *, role: str = "", tag: str = "") -> list[Address]:
        """Addresses of the pool and its VRF with this role or this tag (slug); at most 5 seconds old."""
        return await self.lookups.marked(pool, role, tag)

    async def is_primary(self, address: Address) -> bool:
        """Whether it is the primary address of the device or VM that it is assigned to."""
        return await self.lookups.is_primary(address)

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create exactly these addresses, all or none."""
        bodies = [self._explicit(vrf_id, draft) for draft in drafts]
        return await post(
            self.line,
            Question(method="POST", path=PATH, endpoint=PATH, body=[*bodies], expect=201, lane=Lane.LOCK),
            drafts,
            self.lookups.translate,
            lambda address, draft: address.address == draft.address and address.vrf_id == vrf_id,
        )

    async def change(self, address: Address, changes: Changes) -> Address:
        """Change it, with If-Match where it was read with an ETag; without one, read again afterwards.

        Raises:
            Stale: it changed since it was read.
            Unsure: also when it cannot be read afterwards.
        """
        question = Question(
            method="PATCH",
            path=f"{PATH}{address.id}/",
            endpoint=f"{PATH}{{id}}/",
            body=translate.patch(changes, message=self.line.takes_messages),
            etag=address.etag,
            lane=Lane.LOCK,
        )
        reply = await self.line.ask(question)
        if address.etag is None:
            after = await read_again(self.read, address.id, "address")
        else:
            after = changed(reply, address.id, self._read_reply)
        return replace(after, request_id=reply.request_id or "")

    async def delete(self, address: Address, message: str) -> str:
        """Delete it, with If-Match where it was read with an ETag; returns NetBox's request id.

        Raises:
            Missing: it is not there.
            Stale: it changed since it was read.
        """
        return await remove(self.line, PATH, address, message, Lane.LOCK)

    def _explicit(self, vrf_id: int | None, draft: Draft) -> dict[str, Json]:
        if draft.address is None:
            raise ValueError("a draft without an address cannot be created explicitly")
        return {"vrf": vrf_id, **translate.payload(draft, message=self.line.takes_messages)}

    def _read_reply(self, reply: Reply) -> Address:
        return translate.address(reply.data, self.lookups.links, reply.etag)


async def post(
    line: Line,
    question: Question,
    drafts: Sequence[Draft],
    read: Callable[[Json], Address],
    fits: Callable[[Address, Draft], bool],
) -> Receipt:
    """Send a list of drafts and check the answer: count, ids, claims, order and place.

    Raises:
        Rejected: the list holds a claim or an address twice. Both pass NetBox's own check when they stand
            in one list (claims on 4.3.7 and 4.7.3, addresses on 4.3.7; measured), so nothing is sent.
        Unsure: the answer does not fit the question.
    """
    if not drafts:
        return Receipt(())
    twice = _twice(drafts)
    if twice:
        raise Rejected("one list holds a claim or an address twice", twice)
    reply = await line.ask(question)
    found = made(
        reply, drafts, read, lambda address, draft: (address.key or "") == draft.key and fits(address, draft)
    )
    return Receipt(found, reply.request_id)


def _twice(drafts: Sequence[Draft]) -> dict[int, ItemFault]:
    """The positions of drafts whose claim or address an earlier one has."""
    faults: dict[int, ItemFault] = {}
    keys: set[str] = set()
    hosts: set[Host] = set()
    for index, draft in enumerate(drafts):
        if draft.key in keys:
            faults[index] = ItemFault(FaultKind.CLAIM, {"__all__": "the claim stands in this list twice"})
        elif draft.address and draft.address.ip in hosts:
            faults[index] = ItemFault(FaultKind.DUPLICATE, {"address": "it stands in this list twice"})
        keys |= {draft.key} - {""}
        hosts |= {draft.address.ip} if draft.address else set()
    return faults
