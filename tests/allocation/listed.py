"""What lists go to: members are texts, done all or nothing, each only once, with faults on demand."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.upstream import (
    FaultKind,
    ItemFault,
    Missing,
    PermissionRefused,
    Rejected,
    Unsure,
    UpstreamError,
)

Plan = UpstreamError | None


@dataclass
class FakeLists:
    """Does lists as NetBox does them.

    Of the next lists, `before` are the faults before NetBox works on them and `after` those after it. A list
    with one of `bad` is rejected at its index, with one of `forbidden` it is forbidden as a whole, with one
    of `poison` it is answered 500, with one of `mute` it is rejected without saying which. What is `absent`
    is passed over. While there is a `gate`, lists wait for it.
    """

    done: list[str] = field(default_factory=list)
    before: deque[Plan] = field(default_factory=deque)
    after: deque[Plan] = field(default_factory=deque)
    bad: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    lists: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def send(self, members: Sequence[str]) -> list[str | UpstreamError]:
        """Do a list."""
        self.lists.append([*members])
        if self.gate:
            await self.gate.wait()
        await self._strike(self.before)
        self._check({*members})
        faults = {index: fault for index, each in enumerate(members) if (fault := self._fault(each))}
        if faults:
            raise Rejected("refused", faults)
        self.done += [each for each in members if each not in self.absent]
        await self._strike(self.after)
        return [Missing("gone") if each in self.absent else f"{each} done" for each in members]

    def _check(self, members: set[str]) -> None:
        if members & self.poison:
            raise Unsure("500", server_error=True)
        if members & self.forbidden:
            raise PermissionRefused("You do not have permission to perform this action.")
        if members & self.mute:
            raise Rejected("something is wrong")

    def _fault(self, member: str) -> ItemFault | None:
        if member in self.done:
            return ItemFault(FaultKind.CLAIM, {"__all__": "taken"})
        return ItemFault(FaultKind.OTHER, {"name": "bad", "mtu": "worse"}) if member in self.bad else None

    async def _strike(self, faults: deque[Plan]) -> None:
        await asyncio.sleep(0)
        fault = faults.popleft() if faults else None
        if fault is not None:
            raise fault
