"""What a request may be told, judged by what NetBox did to it: a fault excuses only those whom it struck."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.allocation.seats import Seated
from app.domain import errors
from app.domain.inventory import SHARED_ROLES, Address, Pool
from app.domain.upstream import (
    FaultKind,
    Missing,
    NoRoom,
    NotSent,
    PermissionRefused,
    Rejected,
    TokenRefused,
    Unsure,
)
from tests.allocation.fake import Call, FakeNetBox


@dataclass(frozen=True)
class Member:
    """One request. `host` is the number of an address in the pool, None for the next free one."""

    key: str
    owner: str
    pool: Pool
    host: int | None
    shared_roles: bool = False

    @property
    def address(self) -> str | None:
        """The address that is asked for by name."""
        network = self.pool.network
        return None if self.host is None else f"{network[self.host]}/{network.prefixlen}"


@dataclass(frozen=True)
class Told:
    """A request and its outcome. `name` is what the diary calls it; `late` and `crowded` are its excuses.

    `late`: its time was up when it was told. `crowded`: the queue was full when it came.
    """

    name: str
    member: Member
    outcome: Seated | BaseException
    late: bool
    crowded: bool
    left: bool


@dataclass(frozen=True)
class Oracle:
    """Knows what NetBox holds and what it did."""

    netbox: FakeNetBox

    def judge(self, told: Told) -> None:
        """An outcome has to have its reason."""
        assert not told.crowded or told.left or isinstance(told.outcome, errors.Overloaded)
        if isinstance(told.outcome, Seated):
            self._judge_address(told.member, told.outcome)
        else:
            reasons = self.reasons(told)
            assert type(told.outcome) in reasons, (told, reasons, self._calls(told.name))

    def _judge_address(self, member: Member, seated: Seated) -> None:
        row = self._row(member.key)
        assert row is not None
        assert row == seated.address
        assert _misfit(member, row) is None, (member, row)

    def reasons(self, told: Told) -> set[type[BaseException]]:
        """The errors that the request may be told; none where it has to be served."""
        calls, member = self._calls(told.name), told.member
        if told.left:
            return {asyncio.CancelledError}
        row = self._row(member.key)
        refusals = self._refusals(told, calls, row)
        lists = [call for call in calls if call.kind == "list"]
        found: set[type[BaseException]] = {errors.Overloaded} if told.crowded else set()
        if any(call.kind == "look" and call.error for call in calls):
            found.add(errors.OutcomeUnknown)
        if not any(isinstance(call.error, Unsure) for call in lists):
            return found | refusals | ({errors.Overloaded} if told.late else set())
        if refusals - {errors.NotOwner} or told.late or self._doubt_stays(lists):
            found.add(errors.OutcomeUnknown)
        return found | (refusals & {errors.NotOwner})

    def _doubt_stays(self, lists: Sequence[Call]) -> bool:
        """Whether the second doubt was the last word: after the first there is a look and another try."""
        last = lists[-1].error
        if not isinstance(last, Unsure) or sum(isinstance(call.error, Unsure) for call in lists) == 1:
            return False
        return not last.server_error or self._is_blamed(lists[-1])

    def _refusals(self, told: Told, calls: Sequence[Call], row: Address | None) -> set[type[BaseException]]:
        found: set[type[BaseException]] = set()
        misfit = row and _misfit(told.member, row)
        if misfit:
            found.add(misfit)
        if told.member.key in self.netbox.hidden:
            found.add(errors.ClaimInvisible)
        if calls and calls[-1].kind == "count" and calls[-1].error:
            nonsense = isinstance(calls[-1].error, errors.NetBoxNonsense)
            found.add(errors.NetBoxNonsense if nonsense else errors.NetBoxUnavailable)
        lists = [call for call in calls if call.kind == "list"]
        return found | (self._of_list(told, lists[-1]) if lists else set())

    def _of_list(self, told: Told, last: Call) -> set[type[BaseException]]:
        """What the last list that it was in was answered."""
        error = last.error
        if isinstance(error, NotSent):
            return {errors.Overloaded if error.overloaded else errors.NetBoxUnavailable}
        if isinstance(error, NoRoom):
            return {errors.PrefixExhausted} if self._is_full(told.member.pool) else set()
        if isinstance(error, Rejected) and error.items:
            fault = error.items.get(last.members.index(told.name))
            return {_OF_ITEM[fault.kind]} if fault and fault.kind in _OF_ITEM else set()
        if isinstance(error, Rejected | PermissionRefused) and not self._is_blamed(last):
            return set()
        return {told for kind, told in _OF_LIST.items() if isinstance(error, kind)}

    def _is_blamed(self, call: Call) -> bool:
        """Whether it was alone in the list, or two who were alone had the same error before."""
        alone = [each for each in self.netbox.diary if len(each.members) == 1 and each.kind == "list"]
        return len(call.members) == 1 or sum(type(each.error) is type(call.error) for each in alone) > 1

    def _is_full(self, pool: Pool) -> bool:
        taken = {row.address.ip for row in self.netbox.rows if row.vrf_id == pool.vrf_id}
        return taken >= set(pool.network.hosts())

    def _calls(self, name: str) -> list[Call]:
        return [call for call in self.netbox.diary if name in call.members]

    def _row(self, key: str) -> Address | None:
        return next((row for row in self.netbox.rows if row.key == key), None)


_OF_ITEM: dict[FaultKind, type[BaseException]] = {
    FaultKind.OTHER: errors.RefusedByNetBox,
    FaultKind.DUPLICATE: errors.AddressTaken,
}
_OF_LIST: dict[type[BaseException], type[BaseException]] = {
    Missing: errors.PrefixNotFound,
    TokenRefused: errors.NetBoxDenied,
    PermissionRefused: errors.NetBoxDenied,
    Rejected: errors.RefusedByNetBox,
}


def _misfit(member: Member, row: Address) -> type[BaseException] | None:
    """Why the address under the key is not for this request."""
    if row.owner != member.owner:
        return errors.NotOwner
    wanted = None if member.host is None else member.pool.network[member.host]
    if row.vrf_id != member.pool.vrf_id or not member.pool.holds(row.address.ip):
        return errors.KeyConflict
    if wanted is not None and row.address.ip != wanted:
        return errors.KeyConflict
    return errors.SharedRole if row.role in SHARED_ROLES and not member.shared_roles else None
