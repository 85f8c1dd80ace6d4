"""Answers about machines that do not fit their question: nothing of them is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Json
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    MachineChanges,
    MachineDraft,
)
from app.domain.upstream import Missing, Rejected, Unsure
from app.netbox import translate_machines
from app.netbox.interface_writes import InterfaceWrites
from app.netbox.lookups import Lookups
from app.netbox.machine_lookups import MachineLookups
from app.netbox.machine_writes import LastChange, MachineWrites
from app.netbox.machines import Machines
from app.netbox.macs import MacAddresses
from app.netbox.wire import Lane, Reply
from tests.netbox_room.conftest import Rig

if TYPE_CHECKING:
    from app.operations import machine_ports

Rigs = Callable[..., Rig]
LINKS = "http://netbox"
DRAFTS = [
    MachineDraft(key=f"k{number}", owner="o", name=f"vm{number}", cluster_id=5, message="m")
    for number in (1, 2)
]
NICS = [
    InterfaceDraft(key=f"k{number}~1", owner="o", machine_id=number, name="eth0", message="m")
    for number in (1, 2)
]


def machine(number: int, **changes: Json) -> dict[str, Json]:
    """A machine as NetBox would show it."""
    return {
        "id": number,
        "name": f"vm{number}",
        "status": {"value": "staged", "label": "Staged"},
        "site": None,
        "cluster": {"id": 5, "name": "c"},
        "device": None,
        "tenant": None,
        "role": None,
        "platform": None,
        "vcpus": None,
        "memory": None,
        "disk": None,
        "description": "",
        "comments": "",
        "tags": [],
        "custom_fields": {"berth_key": f"k{number}", "berth_owner": "o"},
        "primary_ip4": None,
        "primary_ip6": None,
        **changes,
    }


def interface(number: int, **changes: Json) -> dict[str, Json]:
    """An interface as NetBox would show it."""
    return {
        "id": number,
        "virtual_machine": {"id": number, "name": f"vm{number}"},
        "name": "eth0",
        "enabled": True,
        "mtu": None,
        "description": "",
        "tags": [],
        "primary_mac_address": None,
        "mac_addresses": [],
        "custom_fields": {"berth_key": f"k{number}~1", "berth_owner": "o"},
        **changes,
    }


def mac(number: int, address: str) -> dict[str, Json]:
    """A MAC address as NetBox shows it in an interface."""
    return {"id": number, "mac_address": address}


def lookups(rig: Rig) -> MachineLookups:
    """The reads, over a scripted wire."""
    return MachineLookups(rig.line, Lookups(rig.line, LINKS))


def writes(rig: Rig) -> MachineWrites:
    """The writes of machines, over a scripted wire."""
    return MachineWrites(rig.line, lookups(rig))


def nic_writes(rig: Rig) -> InterfaceWrites:
    """The writes of interfaces, over a scripted wire."""
    return InterfaceWrites(rig.line, lookups(rig), MacAddresses(rig.line, LINKS))


WRONG: dict[str, list[Json]] = {
    "one too few": [machine(1)],
    "one too many": [machine(1), machine(2), machine(3)],
    "another order": [machine(2), machine(1)],
    "one id twice": [machine(1), machine(2, id=1)],
    "another name": [machine(1), machine(2, name="other")],
    "another cluster": [machine(1), machine(2, cluster={"id": 6, "name": "d"})],
    "no cluster": [machine(1), machine(2, cluster=None)],
    "another claim": [machine(1), machine(2, custom_fields={"berth_key": "k9", "berth_owner": "o"})],
    "no claim": [machine(1), machine(2, custom_fields={})],
    "half an object": [machine(1), {"id": 2}],
    "a number of virtual CPUs that is none": [machine(1), machine(2, vcpus="2")],
}


@pytest.mark.parametrize("answer", [*WRONG.values(), {"id": 1}], ids=[*WRONG, "no list"])
async def test_a_creation_that_does_not_fit_is_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """Count, ids, order, names, clusters and claims are checked."""
    with pytest.raises(Unsure):
        await writes(rig(Reply(status=201, data=answer))).create(DRAFTS)


async def test_a_creation_that_fits_is_believed(rig: Rigs) -> None:
    """With the request id of NetBox's change log; it takes no slot of the lock."""
    made = rig(Reply(status=201, data=[machine(1), machine(2, vcpus=2)], request_id="r"))
    found = await writes(made).create(DRAFTS)
    assert [(each.id, each.vcpus, each.request_id) for each in found] == [(1, None, "r"), (2, 2.0, "r")]
    (question,) = made.wire.asked
    assert (question.lane, question.params) == (
        Lane.WRITE,
        {"exclude": "config_context", "omit": "config_context"},
    )


async def test_messages_are_sent_to_those_who_keep_them(rig: Rigs) -> None:
    """NetBox before 4.4 does not."""
    for series, kept in (("4.3", False), ("4.4", True)):
        made = rig(Reply(status=200, data=machine(1), series=series), Reply(status=201, data=[machine(1)]))
        await lookups(made).read(1)
        await writes(made).create(DRAFTS[:1])
        sent = made.wire.asked[-1].body
        assert isinstance(sent, list)
        assert isinstance(sent[0], dict)
        assert ("changelog_message" in sent[0]) == kept


WRONG_NICS: dict[str, list[Json]] = {
    "one too few": [interface(1)],
    "another order": [interface(2), interface(1)],
    "another machine": [interface(1), interface(2, virtual_machine={"id": 9, "name": "vm9"})],
    "another name": [interface(1), interface(2, name="eth1")],
    "another claim": [interface(1), interface(2, custom_fields={"berth_key": "k9", "berth_owner": "o"})],
    "without its list of MAC addresses": [interface(1), interface(2, mac_addresses=None)],
}


@pytest.mark.parametrize("answer", WRONG_NICS.values(), ids=WRONG_NICS)
async def test_interfaces_that_do_not_fit_are_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """Count, order, machines, names and claims are checked."""
    with pytest.raises(Unsure):
        await nic_writes(rig(Reply(status=201, data=answer))).create(NICS)


LAST = [
    LastChange(translate_machines.machine(machine(number), LINKS), MachineChanges(status="active"))
    for number in (1, 2)
]
ACTIVE: dict[str, Json] = {"status": {"value": "active", "label": "Active"}}
WRONG_ENDS: dict[str, list[Json]] = {
    "another machine": [machine(1, **ACTIVE), machine(3, **ACTIVE)],
    "one id twice": [machine(1, **ACTIVE), machine(1, **ACTIVE)],
    "not as asked": [machine(1, **ACTIVE), machine(2)],
    "half an object": [machine(1, **ACTIVE), {"id": 2}],
}


@pytest.mark.parametrize("answer", WRONG_ENDS.values(), ids=WRONG_ENDS)
async def test_last_changes_that_do_not_fit_are_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """Ids, status and primary addresses are checked."""
    with pytest.raises(Unsure):
        await writes(rig(Reply(status=200, data=answer))).finish(LAST)


async def test_last_changes_come_in_netbox_s_own_order(rig: Rigs) -> None:
    """4.7.3 orders them by name (measured); one that 4.3 passed over is Missing."""
    answer: list[Json] = [machine(2, **ACTIVE), machine(1, **ACTIVE)]
    done = await writes(rig(Reply(status=200, data=answer))).finish(LAST)
    assert [getattr(each, "id", None) for each in done] == [1, 2]
    first, second = await writes(rig(Reply(status=200, data=answer[:1]))).finish(LAST)
    assert isinstance(first, Missing)
    assert not isinstance(second, Missing)


@pytest.mark.parametrize("answer", [machine(2), {"id": 1}, None])
async def test_a_change_that_answers_something_else_is_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """It was made, to whatever."""
    read = translate_machines.machine(machine(1), LINKS, 'W/"1"')
    with pytest.raises(Unsure):
        await writes(rig(Reply(status=200, data=answer))).change(read, MachineChanges())
    nic = translate_machines.vm_interface(interface(1), LINKS, 'W/"1"')
    other = interface(2) if answer == machine(2) else answer
    with pytest.raises(Unsure):
        await nic_writes(rig(Reply(status=200, data=other))).change(nic, InterfaceChanges())


async def test_a_change_is_sent_with_the_etag_that_was_read(rig: Rigs) -> None:
    """And answered with the new one."""
    read = translate_machines.machine(machine(1), LINKS, 'W/"1"')
    asked = rig(Reply(status=200, data=machine(1), etag='W/"2"', request_id="r"))
    after = await writes(asked).change(read, MachineChanges())
    assert (asked.wire.asked[0].etag, after.etag, after.request_id) == ('W/"1"', 'W/"2"', "r")


async def test_an_object_that_is_gone_after_its_change_is_an_unknown_outcome(rig: Rigs) -> None:
    """It was changed; by the time that it was to be read again it was deleted."""
    gone = Reply(status=404, data={"detail": "No VirtualMachine matches the given query."})
    read = translate_machines.machine(machine(1), LINKS)
    with pytest.raises(Unsure, match="any more"):
        await writes(rig(Reply(status=200, data=machine(1)), gone)).change(read, MachineChanges())


async def test_one_former_mac_address_of_several_alike_is_not_guessed(rig: Rigs) -> None:
    """Nobody knows which of them was the primary one, so none is deleted."""
    read = translate_machines.vm_interface(
        interface(1, primary_mac_address=mac(7, "02:00:00:00:00:0A")), LINKS, 'W/"1"'
    )
    assigned: list[Json] = [mac(7, "02:00:00:00:00:0A"), mac(8, "02:00:00:00:00:0A")]
    asked = rig(Reply(status=200, data=interface(1, mac_addresses=assigned)))
    after = await nic_writes(asked).change(read, InterfaceChanges(mac_address=None))
    assert after.mac_address is None
    assert [question.method for question in asked.wire.asked] == ["PATCH"]


async def test_netbox_that_ignores_a_filter_is_not_believed(rig: Rigs) -> None:
    """What was not asked for is left out; a page full of it is nonsense."""
    asked = rig(Reply(status=200, data=[machine(1), machine(2)]))
    assert [each.id for each in await lookups(asked).find_claims(["k2"])] == [2]
    assert [each.id for each in await lookups(asked).read_many([1, 9])] == [1]
    assert [each.id for each in await lookups(asked).find_name("VM1", 5)] == [1]
    assert await lookups(asked).find_name("vm1", 6) == []
    nics = rig(Reply(status=200, data=[interface(1), interface(2)]))
    assert [each.id for each in await lookups(nics).interfaces(2)] == [2]
    full = rig(Reply(status=200, data=[machine(number) for number in range(100, 112)]))
    with pytest.raises(NetBoxNonsense, match="ignored a filter"):
        await lookups(full).find_claims(["k2"])


async def test_a_refused_look_up_is_nobody_s_but_the_caller_s(rig: Rigs) -> None:
    """Only the refusal of the machine itself means that there is none."""
    refusal = rig(Reply(status=400, data={"limit": ["too much"]}))
    with pytest.raises(Rejected):
        await lookups(refusal).interfaces(1)
    with pytest.raises(Rejected):
        await lookups(refusal).find_name("vm1", 5)


async def test_a_last_change_that_is_refused_for_its_values_is_not_missing(rig: Rigs) -> None:
    """Missing is only what NetBox does not have."""
    refused: Json = {"detail": "1 of 1", "errors": [{"id": 1, "errors": {"status": ["no choice"]}}]}
    machines: machine_ports.Machines = Machines(
        (asked := rig(Reply(status=400, data=refused))).line, lookups(asked)
    )
    with pytest.raises(Rejected, match="no choice"):
        await machines.finish(LAST[0].machine, LAST[0].changes)
    unnamed = rig(Reply(status=400, data={"detail": "no"}))
    with pytest.raises(Rejected):
        await Machines(unnamed.line, lookups(unnamed)).finish(replace(LAST[0].machine, id=1), LAST[0].changes)
