"""A step fails, definitely or for all anybody knows: complete in the end or nothing, by NetBox's lists."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    ClaimInvisible,
    KeyConflict,
    Later,
    MachineNameTaken,
    NameTaken,
    NetBoxDenied,
    NotFound,
    NotOwner,
    OperationStuck,
    OutcomeUnknown,
    PrefixExhausted,
    RefusedByNetBox,
    StillWorking,
)
from app.domain.upstream import FaultKind, ItemFault, Missing, NotSent, Rejected, TokenRefused, Unsure
from app.emulator.faults import Fault
from app.ledger.machine_records import MachineState
from app.operations.machine_answers import Registration
from tests.operations.conftest import LAB, SIX, SMALL, Desk, Meddler, wish
from tests.operations.test_machine_crashes import ETH0, ETH1

MACHINES = "/api/virtualization/virtual-machines/"
INTERFACES = "/api/virtualization/interfaces/"
AVAILABLE = "*/available-ips/"
MAKING = [("POST", MACHINES), ("POST", INTERFACES), ("POST", AVAILABLE), ("PATCH", MACHINES)]
WHOLE = ["web", "web~1", "web~1~v4~1", "web~2", "web~2~v4~1", "web~2~v6~1"]
WORDS: dict[str, Any] = {"name": "web", "cluster": "matrix", "interfaces": [ETH0, ETH1]}
SMALLER: dict[str, Any] = {**WORDS, "interfaces": [ETH0]}
TAKEN = Rejected("taken", {0: ItemFault(FaultKind.DUPLICATE, {"__all__": "taken"})})
CLAIMED = Rejected("claimed", {0: ItemFault(FaultKind.CLAIM, {"__all__": "claimed"})})
REFUSED = Rejected("no", {0: ItemFault(FaultKind.OTHER, {"status": "no"})})


def raising(error: Exception, *, times: int = 1_000_000, after: int = 0) -> Callable[..., Any]:
    """A hook that fails so many calls, after so many that it lets pass."""
    left = [after, times]

    async def hook(method: Callable[..., Any], *args: object) -> object:
        at = 0 if left[0] else 1
        if left[at] == 0:
            return await method(*args)
        left[at] -= 1
        if at == 1:
            raise error
        return await method(*args)

    return hook


def meddle(desk: Desk, **hooks: Callable[..., Any]) -> None:
    """Put something between the operations and NetBox's machines."""
    desk.restart(machines=Meddler(desk.netbox.machines, **hooks))


def unmeddle(desk: Desk) -> None:
    """Take it out again."""
    desk.restart(machines=desk.netbox.machines, addresses=desk.netbox.addresses)


async def state_of(desk: Desk, key: str = "web") -> MachineState | None:
    """Where the ledger has the key."""
    entry = await desk.registered(key)
    return entry.state if entry else None


# -- a registration ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(("method", "path"), MAKING)
async def test_a_step_that_is_refused_leaves_nothing(
    desk: Desk, alice: Caller, method: str, path: str, status: int
) -> None:
    """A clean slate at once, and the next request finds it clean."""
    desk.fault(Fault("error", method=method, path=path, status=status))
    with pytest.raises(NetBoxDenied if status == 403 else RefusedByNetBox):
        await desk.register(alice, "web", **WORDS)
    assert desk.hanging("web") == []
    assert await state_of(desk) is MachineState.FAILED
    await desk.quiet()
    made = await desk.register(alice, "web", **WORDS)
    assert desk.hanging("web") == WHOLE
    assert await desk.machine(alice, "web") == made
    await desk.quiet()


@pytest.mark.parametrize(
    "fault", ["answer_lost", "down", "error 500", "error 502", "error_after 500", "error_after 504"]
)
@pytest.mark.parametrize("times", [1, 2, None])
@pytest.mark.parametrize(("method", "path"), MAKING)
async def test_a_step_that_may_have_been_done_is_rolled_forward(  # noqa: PLR0917 - what is drawn
    desk: Desk, alice: Caller, method: str, path: str, fault: str, times: int | None
) -> None:
    """Made at once, or in doubt; without any other request it is complete in the end."""
    kind, _, status = fault.partition(" ")
    desk.fault(Fault(kind, method=method, path=path, times=times, status=int(status) if status else None))
    made: Registration | None = None
    try:
        made = await desk.register(alice, "web", **WORDS)
    except OutcomeUnknown:
        assert await state_of(desk) is MachineState.WORKING
    await desk.quiet()
    assert desk.hanging("web") == WHOLE
    shown = await desk.machine(alice, "web")
    assert shown.status == "active"
    assert await desk.register(alice, "web", **WORDS) == shown
    assert made in (None, shown)


async def test_a_lost_answer_costs_a_look_and_not_a_second_machine(desk: Desk, alice: Caller) -> None:
    """The caller is not told of it."""
    desk.fault(*(Fault("answer_lost", method=method, path=path, times=1) for method, path in MAKING[:2]))
    await desk.register(alice, "web", **WORDS)
    assert desk.hanging("web") == WHOLE
    await desk.quiet()


async def test_a_token_that_is_refused_leaves_nothing_once_it_works_again(desk: Desk, alice: Caller) -> None:
    """Nothing can be undone with it either, so that comes later, and nobody is called for it."""
    desk.fault(Fault("token_expired", skip=12))
    with pytest.raises(NetBoxDenied):
        await desk.register(alice, "web", **WORDS)
    await desk.quiet()
    assert desk.hanging("web") == []


async def test_a_netbox_that_is_down_in_the_middle_is_not_said_to_have_changed_nothing(
    desk: Desk, alice: Caller
) -> None:
    """Something was made, and goes on."""
    meddle(desk, create_interface=raising(NotSent("down", retry_after=7.0)))
    with pytest.raises(OutcomeUnknown, match="goes on") as told:
        await desk.register(alice, "web", **WORDS)
    assert told.value.retry_after == 7.0
    unmeddle(desk)
    with pytest.raises(OutcomeUnknown):
        await desk.machine(alice, "web")
    assert (await desk.register(alice, "web", **WORDS)).status == "active"
    await desk.quiet()


@pytest.mark.parametrize(
    ("hook", "error", "told"),
    [
        ("create", TAKEN, MachineNameTaken),
        ("create", CLAIMED, ClaimInvisible),
        ("create_interface", TAKEN, KeyConflict),
        ("create_interface", CLAIMED, KeyConflict),
        ("create_interface", Rejected("no item"), RefusedByNetBox),
        ("finish", Missing("gone"), StillWorking),
        ("finish", TokenRefused("expired"), NetBoxDenied),
    ],
    ids=str,
)
async def test_what_is_told_of_a_step_that_fails(
    desk: Desk, alice: Caller, hook: str, error: Exception, told: type[BerthError]
) -> None:
    """In the words of the request; and afterwards it is complete or nothing."""
    meddle(desk, **{hook: raising(error)})
    with pytest.raises(told):
        await desk.register(alice, "web", **WORDS)
    unmeddle(desk)
    await desk.quiet()
    assert desk.hanging("web") == (WHOLE if told is StillWorking else [])


async def test_a_prefix_that_runs_out_in_a_race_leaves_nothing(desk: Desk, alice: Caller) -> None:
    """Five addresses are left for eight machines: five are complete, three are refused and gone."""
    words = {"cluster": "matrix", "interfaces": [{"name": "eth0", "addresses": [{"prefix": SMALL}]}]}
    outcomes = await asyncio.gather(
        *(desk.register(alice, f"k{n}", name=f"k{n}", **words) for n in range(8)), return_exceptions=True
    )
    made = [each for each in outcomes if isinstance(each, Registration)]
    assert len(made) == 5
    assert sum(isinstance(each, PrefixExhausted) for each in outcomes) == 3
    there = [key for key in (f"k{n}" for n in range(8)) if desk.hanging(key)]
    assert there == [each.key for each in made]
    await desk.quiet()


async def test_a_dns_name_that_is_taken_in_between_leaves_nothing(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """Somebody was faster while the machine was made."""
    named = {"prefix": LAB, "dns_name": "web.example.com"}

    async def race(method: Callable[..., Any], *args: object) -> object:
        await desk.operations.allocate(bob, wish("faster", **named))
        return await method(*args)

    meddle(desk, create=race)
    with pytest.raises(NameTaken):
        await desk.register(
            alice, "web", name="web", cluster="matrix", interfaces=[{"name": "eth0", "addresses": [named]}]
        )
    assert desk.hanging("web") == []
    await desk.quiet()


# -- a change ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", INTERFACES), ("POST", AVAILABLE), ("PATCH", f"{MACHINES}*")]
)
async def test_a_change_that_is_refused_takes_back_what_it_made(
    desk: Desk, alice: Caller, method: str, path: str, status: int
) -> None:
    """The machine has what it had, with the same addresses."""
    before = await desk.register(alice, "web", **SMALLER)
    desk.fault(Fault("error", method=method, path=path, status=status))
    with pytest.raises((NetBoxDenied, RefusedByNetBox)):
        await desk.converge(alice, "web", **WORDS, description="new", reference="T-2")
    assert desk.hanging("web") == WHOLE[:3]
    desk.fault()
    assert replace(await desk.machine(alice, "web"), interfaces=()) == replace(before, interfaces=())
    await desk.quiet()
    await desk.converge(alice, "web", **WORDS, description="new", reference="T-2")
    assert desk.hanging("web") == WHOLE
    assert (await desk.machine(alice, "web")).reference == "T-2"


@pytest.mark.parametrize("fault", ["answer_lost", "error 500", "error_after 502"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", INTERFACES),
        ("POST", AVAILABLE),
        ("PATCH", f"{INTERFACES}*"),
        ("PATCH", "/api/ipam/ip-addresses/*"),
        ("PATCH", f"{MACHINES}*"),
        ("DELETE", "/api/ipam/ip-addresses/*"),
        ("DELETE", f"{INTERFACES}*"),
    ],
)
async def test_a_change_that_may_have_been_made_is_rolled_forward(
    desk: Desk, alice: Caller, method: str, path: str, fault: str
) -> None:
    """Whatever step it was at: added, changed and removed in the end."""
    await desk.register(alice, "web", **WORDS)
    kind, _, status = fault.partition(" ")
    desk.fault(Fault(kind, method=method, path=path, status=int(status) if status else None))
    nics = [
        {"name": "eth0", "mtu": 1400, "addresses": [{"prefix": LAB, "description": "kept"}]},
        {"name": "eth2", "addresses": [{"prefix": SIX}]},
    ]
    with contextlib.suppress(Later):  # a second look may tell
        await desk.converge(alice, "web", status="planned", interfaces=nics)
    await desk.quiet()
    assert desk.hanging("web") == ["web", "web~1", "web~1~v4~1", "web~3", "web~3~v6~1"]
    shown = await desk.machine(alice, "web")
    assert (shown.status, shown.interfaces[0].mtu) == ("planned", 1400)
    assert shown.interfaces[0].addresses[0].allocation.description == "kept"
    assert shown.primary_ip6 == shown.interfaces[1].addresses[0].allocation.ip


async def test_what_was_to_go_and_cannot_is_stuck_and_the_new_stays(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """After the new addresses stand there is no way back that would not lose more."""
    await desk.register(alice, "web", **SMALLER)
    desk.fault(Fault("error", method="DELETE", path=f"{INTERFACES}*", status=403))
    with pytest.raises(OperationStuck, match="changed to its end"):
        await desk.converge(alice, "web", interfaces=[{"name": "eth1", "addresses": [{"prefix": SIX}]}])
    assert desk.hanging("web") == ["web", "web~1", "web~2", "web~2~v6~1"]
    assert (await desk.operations.machines.reconcile()).stuck == 1
    [shown] = (await desk.operations.machines.open_operations(operator, None, 9)).items
    assert (shown.state, shown.step, shown.key) == ("stuck", "removals", "web")
    desk.fault()
    mended = await desk.operations.machines.mend.retry(operator, shown.id)
    assert (mended.result, desk.hanging("web")) == ("finished", ["web", "web~2", "web~2~v6~1"])
    await desk.quiet()


async def test_a_machine_that_somebody_deletes_while_it_is_changed_is_given_up(
    desk: Desk, alice: Caller
) -> None:
    """Nothing of the change is left, and the next one makes it anew."""
    await desk.register(alice, "web", **SMALLER)
    meddle(desk, change=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.converge(alice, "web", **WORDS, description="new")
    unmeddle(desk)
    [row] = desk.api("GET", "virtualization/virtual-machines/?name=web")["results"]
    desk.api("DELETE", f"virtualization/virtual-machines/{row['id']}/")
    await desk.quiet()
    assert desk.hanging("web") == []
    assert (await desk.converge(alice, "web", **WORDS)).netbox_id != str(row["id"])
    assert desk.hanging("web") == WHOLE
    await desk.quiet()


# -- undoing and retiring ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "down", "error 500", "error_after 502"])
@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("path", ["/api/ipam/ip-addresses/*", f"{INTERFACES}*", f"{MACHINES}*"])
async def test_an_undo_that_may_have_been_done_goes_on(
    desk: Desk, alice: Caller, path: str, fault: str, times: int | None
) -> None:
    """What is told is the refusal, or that it is not known; nothing is left in the end."""
    kind, _, status = fault.partition(" ")
    deleting = Fault(kind, method="DELETE", path=path, times=times, status=int(status) if status else None)
    desk.fault(Fault("error", method="PATCH", path=MACHINES, status=400), deleting)
    with pytest.raises((RefusedByNetBox, OutcomeUnknown)):
        await desk.register(alice, "web", **WORDS)
    await desk.quiet()
    assert desk.hanging("web") == []
    assert await state_of(desk) is MachineState.FAILED


@pytest.mark.parametrize("path", ["/api/ipam/ip-addresses/*", f"{INTERFACES}*", f"{MACHINES}*"])
async def test_an_undo_that_is_refused_is_stuck_until_it_is_tried_again(
    desk: Desk, alice: Caller, operator: Caller, path: str
) -> None:
    """Counted, listed, refused to everybody, mended by a retry."""
    denied = Fault("error", method="DELETE", path=path, status=403)
    desk.fault(Fault("error", method="PATCH", path=MACHINES, status=400), denied)
    for _ in range(2):
        with pytest.raises(OperationStuck, match="cannot be taken back: netbox_denied"):
            await desk.register(alice, "web", **WORDS)
    with pytest.raises(OperationStuck):
        await desk.machine(alice, "web")
    with pytest.raises(OperationStuck):
        await desk.operations.machines.retire(alice, "web")
    assert (await desk.operations.machines.reconcile()).stuck == 1
    [shown] = (await desk.operations.machines.open_operations(operator, None, 9)).items
    assert (await desk.operations.machines.mend.retry(operator, shown.id)).result == "still stuck"
    desk.fault()
    assert (await desk.operations.machines.mend.retry(operator, shown.id)).result == "undone"
    assert desk.hanging("web") == []
    assert (await desk.operations.machines.reconcile()).stuck == 0
    await desk.quiet()


@pytest.mark.parametrize("fault", ["answer_lost", "down", "error 500", "error_after 502"])
@pytest.mark.parametrize("path", ["/api/ipam/ip-addresses/*", f"{INTERFACES}*", f"{MACHINES}*"])
async def test_a_retirement_that_may_have_been_done_goes_on(
    desk: Desk, alice: Caller, path: str, fault: str
) -> None:
    """Whoever asks meanwhile is told to come again; nothing is left in the end."""
    await desk.register(alice, "web", **WORDS)
    kind, _, status = fault.partition(" ")
    desk.fault(Fault(kind, method="DELETE", path=path, status=int(status) if status else None))
    with contextlib.suppress(OutcomeUnknown):  # a second look may tell
        await desk.operations.machines.retire(alice, "web")
    with pytest.raises((OutcomeUnknown, NotFound)):
        await desk.machine(alice, "web")
    await desk.quiet()
    assert desk.hanging("web") == []
    await desk.operations.machines.retire(alice, "web")


async def test_a_machine_that_keeps_changing_is_retired_later(desk: Desk, alice: Caller) -> None:
    """Each deletion is for what was looked at; three in vain are enough for one request."""
    await desk.register(alice, "web", **SMALLER)

    async def race(method: Callable[..., Any], machine: Any, message: str) -> object:  # noqa: ANN401 - a machine
        desk.api("PATCH", f"virtualization/virtual-machines/{machine.id}/", {"comments": message})
        return await method(machine, message)

    meddle(desk, delete=race)
    with pytest.raises(StillWorking):
        await desk.operations.machines.retire(alice, "web")
    unmeddle(desk)
    await desk.quiet()
    assert desk.hanging("web") == []


# -- one name, one key ---------------------------------------------------------------------------


async def test_of_twelve_keys_for_one_name_one_gets_the_machine(desk: Desk, alice: Caller) -> None:
    """The others are told who has it, and leave nothing."""
    words = {"name": "web", "cluster": "matrix", "interfaces": [ETH0]}
    outcomes = await asyncio.gather(
        *(desk.register(alice, f"k{n}", **words) for n in range(12)), return_exceptions=True
    )
    made = [each for each in outcomes if isinstance(each, Registration)]
    assert len(made) == 1
    assert sum(isinstance(each, MachineNameTaken) for each in outcomes) == 11
    assert desk.api("GET", "virtualization/virtual-machines/?name=web")["count"] == 1
    assert [n for n in range(12) if desk.hanging(f"k{n}")] == [int(made[0].key[1:])]
    await desk.quiet()


async def test_the_one_who_loses_the_race_for_a_name_may_get_a_server_error(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """As NetBox answers where its database decides: looked up, tried again, refused."""
    await desk.register(bob, "bobs", name="web", cluster="matrix")

    async def blind(_method: object, *_args: object) -> list[object]:
        return []

    meddle(desk, find_name=blind, create=raising(Unsure("500", server_error=True), times=1))
    with pytest.raises(MachineNameTaken):
        await desk.register(alice, "web", name="web", cluster="matrix")
    unmeddle(desk)
    assert desk.hanging("web") == []
    await desk.quiet()


async def test_twelve_requests_with_one_key_get_one_machine_and_one_answer(desk: Desk, alice: Caller) -> None:
    """The first makes it, the others wait for it."""
    answers = await asyncio.gather(*(desk.register(alice, "web", **WORDS) for _ in range(12)))
    assert all(answer == answers[0] for answer in answers)
    assert desk.hanging("web") == WHOLE
    await desk.quiet()


async def test_a_key_that_another_owner_has_under_a_lost_ledger_is_refused(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """Also where the other was faster by a moment: what is his is not taken back."""
    made = await desk.register(bob, "web", **SMALLER)
    desk.forget("web")
    with pytest.raises(NotOwner):
        await desk.register(alice, "web", **SMALLER)

    async def blind(_method: object, *_args: object) -> list[object]:
        return []

    sightless = [True]

    async def once(method: Callable[..., Any], *args: object) -> object:
        return [] if sightless and sightless.pop() else await method(*args)

    meddle(desk, find_claims=once, find_name=blind)
    with pytest.raises(NotOwner):
        await desk.register(alice, "web", **SMALLER)
    unmeddle(desk)
    assert desk.hanging("web") == WHOLE[:3]
    assert await desk.machine(bob, "web") == made


async def test_a_key_that_stands_in_another_cluster_by_now_is_a_conflict(desk: Desk, alice: Caller) -> None:
    """Another ledger was faster: its machine is not taken back."""
    kind = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["type"]["id"]
    desk.api("POST", "virtualization/clusters/", {"name": "zion", "type": kind})
    await desk.register(alice, "web", **SMALLER)
    desk.forget("web")
    sightless = [True]

    async def once(method: Callable[..., Any], *args: object) -> object:
        return [] if sightless and sightless.pop() else await method(*args)

    meddle(desk, find_claims=once)
    with pytest.raises(KeyConflict, match="another cluster"):
        await desk.register(alice, "web", **{**SMALLER, "cluster": "zion"})
    unmeddle(desk)
    assert desk.hanging("web") == WHOLE[:3]
    await desk.quiet()
    assert desk.hanging("web") == WHOLE[:3]
