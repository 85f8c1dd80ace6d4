"""Creating, changing and deleting virtual machines. None of it takes NetBox's advisory lock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.commands import UNSET
from app.domain.inventory import Json
from app.domain.machines import Machine, MachineChanges, MachineDraft
from app.domain.upstream import Missing, Rejected, Unsure, UpstreamError
from app.netbox import translate_machines
from app.netbox.machine_lookups import MACHINES, SLIM, MachineLookups
from app.netbox.resilience import Line
from app.netbox.wire import Lane, Question, Reply
from app.netbox.writes import changed, changed_many, made, read_again, remove


@dataclass(frozen=True, slots=True)
class LastChange:
    """A machine that was just made, and what is left to change on it."""

    machine: Machine
    changes: MachineChanges


@dataclass(frozen=True)
class MachineWrites:
    """One call to NetBox each."""

    line: Line
    lookups: MachineLookups

    async def create(self, drafts: Sequence[MachineDraft]) -> list[Machine]:
        """Create machines, all or none, in the order of the drafts.

        It is always a list that is sent, also of one: so errors come by position.
        """
        message = self.line.takes_messages
        bodies = [translate_machines.machine_payload(draft, message=message) for draft in drafts]
        reply = await self.line.ask(
            Question(
                method="POST",
                path=MACHINES,
                endpoint=MACHINES,
                params=SLIM,
                body=[*bodies],
                expect=201,
                lane=Lane.WRITE,
            )
        )
        found = made(reply, drafts, self._read, _is_made_from)
        return [replace(machine, request_id=reply.request_id or "") for machine in found]

    async def finish(self, members: Sequence[LastChange]) -> list[Machine | UpstreamError]:
        """Change machines, all or none, without If-Match; Missing is for those that NetBox does not have.

        Raises:
            Unsure: also when one of them is not as it shall be.
        """
        message = self.line.takes_messages
        bodies: list[Json] = [
            {"id": each.machine.id, **translate_machines.machine_patch(each.changes, message=message)}
            for each in members
        ]
        question = Question(
            method="PATCH", path=MACHINES, endpoint=MACHINES, params=SLIM, body=bodies, lane=Lane.WRITE
        )
        reply = await self.line.ask(question)
        found = changed_many(reply, [each.machine.id for each in members], self._read)
        return [
            each if isinstance(each, Missing) else _as_asked(each, member.changes, reply)
            for each, member in zip(found, members, strict=True)
        ]

    async def change(self, machine: Machine, changes: MachineChanges) -> Machine:
        """Change it, with If-Match where it was read with an ETag; without one, read again afterwards."""
        question = Question(
            method="PATCH",
            path=f"{MACHINES}{machine.id}/",
            endpoint=f"{MACHINES}{{id}}/",
            params=SLIM,
            body=translate_machines.machine_patch(changes, message=self.line.takes_messages),
            etag=machine.etag,
            lane=Lane.WRITE,
        )
        reply = await self.line.ask(question)
        if machine.etag is None:
            after = await read_again(self.lookups.read, machine.id, "virtual machine")
        else:
            after = changed(reply, machine.id, self._read_reply)
        return replace(after, request_id=reply.request_id or "")

    async def delete(self, machine: Machine, message: str) -> str:
        """Delete it, with If-Match where it was read with an ETag; returns NetBox's request id."""
        return await remove(self.line, MACHINES, machine, message, Lane.WRITE)

    def _read(self, row: Json) -> Machine:
        return translate_machines.machine(row, self.lookups.links)

    def _read_reply(self, reply: Reply) -> Machine:
        return translate_machines.machine(reply.data, self.lookups.links, reply.etag)


def gone(error: Rejected) -> UpstreamError:
    """The refusal of one member of a list: Missing, where all that NetBox minds is its id."""
    named = [set(fault.messages) for fault in error.items.values()]
    return Missing(str(error)) if named == [{"id"}] else error


def _is_made_from(machine: Machine, draft: MachineDraft) -> bool:
    at_home = machine.cluster is not None and machine.cluster.id == draft.cluster_id
    return at_home and machine.name == draft.name and (machine.key or "") == draft.key


def _as_asked(machine: Machine, changes: MachineChanges, reply: Reply) -> Machine:
    """The machine, if what matters most is as it was asked for."""
    asked = (
        (changes.status or UNSET, machine.status),
        (changes.primary_ip4, machine.primary_ip4),
        (changes.primary_ip6, machine.primary_ip6),
    )
    if any(wanted not in (UNSET, shown) for wanted, shown in asked):
        raise Unsure(f"NetBox answered with virtual machine {machine.id}, which is not as it shall be")
    return replace(machine, request_id=reply.request_id or "")
