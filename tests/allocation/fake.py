"""NetBox's semantics in memory: lists all or nothing, claims unique, faults on demand. Nothing waits.

It keeps a diary: which call had whom in it, and what struck it.
"""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from app.allocation.seats import Line
from app.domain.errors import NetBoxNonsense
from app.domain.inventory import (
    Address,
    Draft,
    Interface,
    Pool,
    PoolKind,
    Receipt,
    Reference,
    coexist,
)
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    NoRoom,
    PermissionRefused,
    Rejected,
    Unsure,
    UpstreamError,
)
from tests.allocation.wire import Garbled, checked

Plan: TypeAlias = UpstreamError | NetBoxNonsense | Garbled | None


class Late(Unsure):
    """The call times out, and NetBox carries it out after so many further calls."""

    def __init__(self, calls: int) -> None:
        super().__init__("timeout")
        self.calls = calls


def pool(number: int, network: str, vrf: int | None = None) -> Pool:
    """A prefix."""
    where = None if vrf is None else Reference(vrf, f"vrf{vrf}")
    return Pool(PoolKind.PREFIX, number, ipaddress.ip_network(network), vrf=where)


def held(  # what an object of NetBox is made of
    netbox_id: int, address: str, key: str | None, owner: str | None, role: str | None = None
) -> Address:
    """An address that NetBox holds in the global table."""
    return Address(
        id=netbox_id,
        address=ipaddress.ip_interface(address),
        vrf=None,
        dns_name="",
        description="",
        status="active",
        role=role,
        tenant=None,
        tags=(),
        custom_fields={},
        key=key,
        owner=owner,
        assigned=None,
        url="",
    )


@dataclass(frozen=True)
class Call:
    """One call: what it was, who was in it (the drafts' messages), and what struck it."""

    kind: Literal["list", "look", "count"]
    members: tuple[str, ...]
    error: Exception | None = None


@dataclass(frozen=True)
class Work:
    """What a call that writes asks for, to be done at once or late. `place` gives each draft its address."""

    drafts: Sequence[Draft]
    vrf: Reference | None
    place: Callable[[], Sequence[Draft]]
    fits: Callable[[Address, Draft], bool]


@dataclass
class FakeNetBox:
    """An `Allocator`.

    Of the next calls that write, `posts` are the faults before NetBox works on them and `answers` those
    after it; of the reads, `reads`. A list with one of `bad` keys is rejected at its index, with one of
    `forbidden` it is forbidden as a whole, with one of `poison` it is answered 500, with one of `mute` it is
    rejected without saying which. What is under one of `hidden` is not shown. Each call takes so many
    seconds of `now`.
    """

    rows: list[Address] = field(default_factory=list)
    posts: deque[Plan] = field(default_factory=deque)
    answers: deque[Plan] = field(default_factory=deque)
    reads: deque[Plan] = field(default_factory=deque)
    bad: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    lists: list[list[str]] = field(default_factory=list)
    takes: float = 0.0
    now: float = 0.0
    diary: list[Call] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    late: list[tuple[int, Work]] = field(default_factory=list)
    _flights: dict[object, dict[str, str]] = field(default_factory=dict)

    def clock(self) -> float:
        """The time, in seconds."""
        return self.now

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Take the next free ones."""

        def place() -> Sequence[Draft]:
            free = self._free(pool)
            if len(free) < len(drafts):
                raise NoRoom("not enough")
            return [replace(draft, address=host) for draft, host in zip(drafts, free, strict=False)]

        return await self._write(Work(drafts, pool.vrf, place, lambda row, _: pool.holds(row.address.ip)))

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create by name."""
        vrf = None if vrf_id is None else Reference(vrf_id, "")
        return await self._write(Work(drafts, vrf, lambda: drafts, lambda row, it: row.address == it.address))

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Look."""
        names = self._flights.get(asyncio.current_task(), {})
        await self._read("look", [names.get(key, "") for key in keys])
        return [row for row in self.rows if row.key in keys and row.key not in self.hidden]

    async def count_available(self, pool: Pool, limit: int) -> int:
        """Count."""
        await self._read("count", list(self._flights.get(asyncio.current_task(), {}).values()))
        return min(limit, len(self._free(pool)))

    def settle(self) -> None:
        """Carry out what is late."""
        for _, work in self.late:
            self._do_late(work)
        self.late = []

    def _free(self, pool: Pool) -> list[Interface]:
        taken = {row.address.ip for row in self.rows if row.vrf_id == pool.vrf_id}
        length = pool.network.prefixlen
        return [
            ipaddress.ip_interface(f"{host}/{length}") for host in pool.network.hosts() if host not in taken
        ]

    async def _read(self, kind: Literal["look", "count"], members: Sequence[str]) -> None:
        await self._pass()
        fault = self.reads.popleft() if self.reads else None
        error = fault if isinstance(fault, Exception) else None
        self.diary.append(Call(kind, tuple(members), error))
        if error is not None:
            raise error

    async def _write(self, work: Work) -> Receipt:
        members = tuple(draft.message for draft in work.drafts)
        names = self._flights.setdefault(asyncio.current_task(), {})
        names.update({draft.key: draft.message for draft in work.drafts})
        self.lists.append([draft.key for draft in work.drafts])
        await self._pass()
        try:
            receipt = await self._answer(work)
        except (UpstreamError, NetBoxNonsense) as error:
            self.diary.append(Call("list", members, error))
            raise
        self.diary.append(Call("list", members))
        self.answered |= {row.id for row in receipt.addresses}
        return receipt

    async def _answer(self, work: Work) -> Receipt:
        fault = self.posts.popleft() if self.posts else None
        if isinstance(fault, Late):
            self.late.append((fault.calls, work))
        if isinstance(fault, Exception):
            raise fault
        made = self._do(work)
        fault = self.answers.popleft() if self.answers else None
        if isinstance(fault, Exception):
            raise fault
        return await checked(made, work.drafts, work.fits, fault)

    async def _pass(self) -> None:
        """Let others run, and time pass; what is late and due is carried out before this call."""
        await asyncio.sleep(0)
        self.now += self.takes
        due = [work for calls, work in self.late if calls == 0]
        self.late = [(calls - 1, work) for calls, work in self.late if calls > 0]
        for work in due:
            self._do_late(work)

    def _do_late(self, work: Work) -> None:
        with suppress(UpstreamError):  # nobody hears of it
            self._do(work)

    def _do(self, work: Work) -> list[Address]:
        self._check({draft.key for draft in work.drafts})
        placed = work.place()
        claims = {row.key for row in self.rows}
        faults = {}
        for index, draft in enumerate(placed):
            if draft.key in claims:
                faults[index] = ItemFault(FaultKind.CLAIM, {"__all__": "taken"})
            elif draft.key in self.bad:
                faults[index] = ItemFault(FaultKind.OTHER, {"status": "no such status"})
            elif self._is_taken(work.vrf, draft):
                faults[index] = ItemFault(FaultKind.DUPLICATE, {"address": "exists"})
        if faults:
            raise Rejected("refused", faults)
        return [self._row(work.vrf, draft) for draft in placed]

    def _is_taken(self, vrf: Reference | None, draft: Draft) -> bool:
        return any(
            draft.address is not None
            and row.address.ip == draft.address.ip
            and row.vrf_id == (vrf.id if vrf else None)
            and not coexist(row.role, draft.role)
            for row in self.rows
        )

    def _check(self, keys: set[str]) -> None:
        if keys & self.poison:
            raise Unsure("500", server_error=True)
        if keys & self.forbidden:
            raise PermissionRefused("You do not have permission to perform this action.")
        if keys & self.mute:
            raise Rejected("something is wrong")

    def _row(self, vrf: Reference | None, draft: Draft) -> Address:
        assert draft.address is not None
        row = held(len(self.rows) + 1, str(draft.address), draft.key, draft.owner, draft.role)
        self.rows.append(replace(row, vrf=vrf))
        return self.rows[-1]


def draft(key: str, owner: str = "alice", address: str | None = None, member: str = "") -> Draft:
    """What is to be created; `member` is who asks, as the diary calls them."""
    where = ipaddress.ip_interface(address) if address else None
    return Draft(key=key, owner=owner, address=where, message=member)


def next_free(of: Pool) -> Line:
    """The line for a pool's next free address."""
    return Line(of, of.vrf_id)


def explicit(of: Pool) -> Line:
    """The line for addresses named one by one."""
    return Line(of, of.vrf_id, explicit=True)
