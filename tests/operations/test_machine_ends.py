"""The ends of machines: retired, adopted and let go, lost by the ledger, stuck and mended by an operator."""

from dataclasses import replace
from typing import Any

import pytest

from app.access.rules import begin
from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    ClaimChanged,
    ClaimDuplicated,
    Forbidden,
    InUse,
    KeyConflict,
    Later,
    MachineNameTaken,
    NotFound,
    NotOwner,
    OperationStuck,
    OutcomeUnknown,
    StillWorking,
)
from app.domain.rights import Action, Rule
from app.domain.upstream import Stale, Unsure
from app.emulator.faults import Fault
from app.ledger.machine_records import MachineState
from app.operations.machine_answers import MachineFilters
from tests.operations.conftest import LAB, Desk, Meddler, machine_wish
from tests.operations.test_converge import ips, machine_of, nic_of
from tests.operations.test_machine_crashes import ETH0, ETH1
from tests.operations.test_machine_faults import (
    INTERFACES,
    MACHINES,
    SMALLER,
    WHOLE,
    WORDS,
    meddle,
    raising,
    state_of,
    unmeddle,
)

FOREIGN = {"address": "10.77.0.9/24"}
VM_INTERFACE = "virtualization.vminterface"


def claim_of(key: str | None, owner: str = "alice") -> dict[str, Any]:
    """Berth's claim in NetBox's words."""
    return {"custom_fields": {"berth_key": key, "berth_owner": owner}}


def add_nic(desk: Desk, name: str, machine: str = "web", **words: Any) -> int:  # noqa: ANN401 - fields
    """An interface that a human adds."""
    row = desk.api(
        "POST",
        "virtualization/interfaces/",
        {"virtual_machine": machine_of(desk, machine)["id"], "name": name, **words},
    )
    return int(row["id"])


def add_address(desk: Desk, nic: int, **words: Any) -> int:  # noqa: ANN401 - fields
    """An address that a human puts on an interface."""
    on = {"assigned_object_type": VM_INTERFACE, "assigned_object_id": nic}
    return int(desk.api("POST", "ipam/ip-addresses/", {**FOREIGN, **on, **words})["id"])


def patch(desk: Desk, path: str, number: int, **words: Any) -> None:  # noqa: ANN401 - fields
    """A human's edit."""
    desk.api("PATCH", f"{path}/{number}/", words)


async def lately(desk: Desk, key: str, **words: Any) -> None:  # noqa: ANN401 - fields of a request
    """A machine of NetBox's under a key, that no ledger knows."""
    cluster = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["id"]
    row = {"name": key, "cluster": cluster, **claim_of(key), **words}
    desk.api("POST", "virtualization/virtual-machines/", row)


# -- retiring ------------------------------------------------------------------------------------


async def test_what_is_foreign_keeps_a_machine(desk: Desk, alice: Caller, operator: Caller) -> None:
    """An interface, an address, another owner's allocation: each is named; an operator may force it."""
    retire = desk.operations.machines.retire
    await desk.register(alice, "web", **WORDS)
    nic = add_nic(desk, "eth9")
    address = add_address(desk, nic_of(desk, "eth0")["id"])
    other = add_address(desk, nic, address="10.77.0.8/24", **claim_of("bobs", "bob"))
    with pytest.raises(InUse) as told:
        await retire(alice, "web")
    for each in ("interface eth9", "address 10.77.0.9/24", "address 10.77.0.8/24 of key bobs"):
        assert each in told.value.detail
    assert desk.hanging("web") == WHOLE
    with pytest.raises(Forbidden):
        await retire(alice, "web", force=True)
    await retire(operator, "web", force=True, dry_run=True)
    assert desk.hanging("web") == WHOLE
    await retire(operator, "web", force=True)
    assert desk.hanging("web") == []
    assert not {nic} & {row["id"] for row in desk.listed("virtualization/interfaces")}
    assert not {address, other} & {row["id"] for row in desk.listed("ipam/ip-addresses")}
    await desk.quiet()


async def test_another_owner_cannot_retire_it(
    desk: Desk, alice: Caller, bob: Caller, operator: Caller
) -> None:
    """Nor can an operator without saying so."""
    await desk.register(alice, "web", **SMALLER)
    for other in (bob, operator):
        with pytest.raises(NotOwner):
            await desk.operations.machines.retire(other, "web")
        with pytest.raises(NotOwner):
            await desk.register(other, "web", **SMALLER)
        with pytest.raises(NotOwner):
            await desk.machine(other, "web")
    desk.forget("web")
    with pytest.raises(NotOwner):
        await desk.operations.machines.retire(bob, "web")
    assert desk.hanging("web") == WHOLE[:3]


async def test_a_machine_whose_claim_a_human_changed_is_left_alone(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """Refused to everybody; by force the key is let go, and what is in NetBox stays as it is."""
    await desk.register(alice, "web", **SMALLER)
    row = machine_of(desk)
    patch(desk, "virtualization/virtual-machines", row["id"], **claim_of(None))
    for asked in (
        desk.operations.machines.retire(alice, "web"),
        desk.machine(alice, "web"),
        desk.register(alice, "web", **SMALLER),
        desk.converge(alice, "web", **SMALLER),
    ):
        with pytest.raises(ClaimChanged, match="berth_key is empty"):
            await asked
    await desk.operations.machines.retire(operator, "web", force=True)
    assert desk.hanging("web") == ["web~1", "web~1~v4~1"]
    assert machine_of(desk)["id"] == row["id"]
    assert "outcome release let go" in await desk.audit("web~1~v4~1")
    assert await state_of(desk) is MachineState.RETIRED
    patch(desk, "virtualization/virtual-machines", row["id"], **claim_of("web"))
    await desk.quiet()
    assert desk.hanging("web") == WHOLE[:3]
    assert (await desk.machine(alice, "web")).netbox_id == str(row["id"])


async def test_a_machine_that_a_human_deleted_is_retired(desk: Desk, alice: Caller) -> None:
    """What is left of it is freed; a repeat finds nothing."""
    await desk.register(alice, "web", **WORDS)
    row = await desk.claimed("web~1~v4~1")
    patch(desk, "virtualization/virtual-machines", machine_of(desk)["id"], primary_ip4=None)
    patch(desk, "ipam/ip-addresses", row.id, assigned_object_type=None, assigned_object_id=None)
    desk.api("DELETE", f"virtualization/virtual-machines/{machine_of(desk)['id']}/")
    with pytest.raises(NotFound):
        await desk.machine(alice, "web")
    await desk.operations.machines.retire(alice, "web")
    assert desk.hanging("web") == []
    audit = await desk.audit()
    await desk.operations.machines.retire(alice, "web")
    assert await desk.audit() == audit
    await desk.quiet()


async def test_a_machine_that_a_human_deleted_is_made_anew(desk: Desk, alice: Caller) -> None:
    """Under the same keys; unless one of its addresses serves elsewhere by now."""
    await desk.register(alice, "web", **WORDS)
    await desk.register(alice, "other", name="other", cluster="matrix", interfaces=[{"name": "eth7"}])
    row = await desk.claimed("web~1~v4~1")
    patch(desk, "virtualization/virtual-machines", machine_of(desk)["id"], primary_ip4=None)
    patch(desk, "ipam/ip-addresses", row.id, assigned_object_id=nic_of(desk, "eth7")["id"])
    desk.api("DELETE", f"virtualization/virtual-machines/{machine_of(desk)['id']}/")
    for asked in (desk.register(alice, "web", **WORDS), desk.operations.machines.retire(alice, "web")):
        with pytest.raises(InUse):
            await asked
    assert desk.hanging("web") == ["web~1~v4~1"]
    desk.api("DELETE", f"ipam/ip-addresses/{row.id}/")
    await desk.register(alice, "web", **WORDS)
    assert desk.hanging("web") == WHOLE
    await desk.quiet()


async def test_a_key_that_stands_for_nothing_is_retired(desk: Desk, alice: Caller) -> None:
    """Without a word in the log."""
    await desk.operations.machines.retire(alice, "web")
    assert await desk.audit() == []


# -- undoing -------------------------------------------------------------------------------------


async def test_an_undo_that_meets_something_foreign_is_stuck(
    desk: Desk, alice: Caller, bob: Caller, operator: Caller
) -> None:
    """Nothing foreign is deleted; once the human has removed it, a retry finishes."""
    machines = desk.operations.machines
    added: list[int] = []

    async def meanwhile(_method: object, machine: Any, *_args: object) -> object:  # noqa: ANN401 - a machine
        added.append(add_nic(desk, "eth9"))
        desk.fault(Fault("error", method="PATCH", path=MACHINES, status=400))
        return await desk.netbox.machines.finish(machine, *_args)  # type: ignore[arg-type]

    meddle(desk, finish=meanwhile)
    with pytest.raises(OperationStuck, match="interface eth9") as told:
        await desk.register(alice, "web", **SMALLER)
    unmeddle(desk)
    machines = desk.operations.machines
    assert desk.hanging("web") == ["web"]
    assert added[0] in {row["id"] for row in desk.listed("virtualization/interfaces")}
    assert (await machines.reconcile()).stuck == 1
    for caller in (alice, bob):
        for asked in (
            machines.open_operations(caller, None, 9),
            machines.mend.retry(caller, "x"),
            machines.mend.abandon(caller, "x"),
        ):
            with pytest.raises(Forbidden):
                await asked
    page = await machines.open_operations(operator, None, 9)
    [shown] = page.items
    assert (shown.key, shown.owner, shown.state, shown.action) == ("web", "alice", "stuck", "register")
    assert shown.id in told.value.detail
    assert shown.reason.startswith("in_use: ")
    assert (await machines.mend.retry(operator, shown.id)).result == "still stuck"
    desk.api("DELETE", f"virtualization/interfaces/{added[0]}/")
    assert (await machines.mend.retry(operator, shown.id)).result == "undone"
    assert desk.hanging("web") == []
    for asked in (machines.mend.retry(operator, shown.id), machines.mend.abandon(operator, shown.id)):
        with pytest.raises(NotFound):
            await asked
    log = await desk.audit("web")
    assert [line for line in log if "tried again" in line] == ["outcome retry tried again"] * 2
    turns = ["note register turning back refused_by_netbox", "note register stuck in_use"]
    assert [line for line in log if " back " in line or "stuck" in line] == [*turns, turns[1]]
    assert log[-1] == "outcome register undone in_use"
    assert "denied retry forbidden" in await desk.audit()
    await desk.quiet()


async def test_a_stuck_operation_is_abandoned(desk: Desk, alice: Caller, operator: Caller) -> None:
    """The key is let go and found again by its claims, and nothing is taken for late."""
    desk.fault(
        Fault("error", method="PATCH", path=MACHINES, status=400),
        Fault("error", method="DELETE", status=403),
    )
    with pytest.raises(OperationStuck):
        await desk.register(alice, "web", **SMALLER)
    desk.fault()
    machines = desk.operations.machines
    [shown] = (await machines.open_operations(operator, None, 9)).items
    done = await machines.mend.abandon(operator, shown.id)
    assert (done.result, done.key) == ("abandoned", "web")
    assert "outcome register abandoned ops" in await desk.audit("web")
    await desk.quiet()
    assert desk.hanging("web") == WHOLE[:3]
    made = await desk.register(alice, "web", **SMALLER)
    assert (made.status, desk.hanging("web")) == ("active", WHOLE[:3])
    await desk.operations.machines.retire(alice, "web")
    await desk.quiet()
    assert desk.hanging("web") == []


async def test_open_operations_are_shown_page_by_page(desk: Desk, alice: Caller, operator: Caller) -> None:
    """In the order in which they began, also when those of the page before are over."""
    meddle(desk, create=raising(Unsure("lost")))
    for n in range(3):
        with pytest.raises(OutcomeUnknown):
            await desk.register(alice, f"k{n}", name=f"k{n}", cluster="matrix")
    machines = desk.operations.machines
    first = await machines.open_operations(operator, None, 2)
    assert [each.key for each in first.items] == ["k0", "k1"]
    outcome = await machines.mend.retry(operator, first.items[0].id)
    assert outcome.result == "still open"
    await machines.mend.abandon(operator, first.items[1].id)
    rest = await machines.open_operations(operator, first.next, 2)
    assert ([each.key for each in rest.items], rest.next) == (["k2"], None)
    unmeddle(desk)
    assert (await desk.operations.machines.mend.retry(operator, first.items[0].id)).result == "finished"
    await desk.quiet()


async def test_who_may_only_mend_finishes_what_its_owner_began(desk: Desk, alice: Caller) -> None:
    """By the owner's rights of then: a mender's own rules neither stop it nor take back what was made."""
    meddle(desk, create=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **SMALLER)
    unmeddle(desk)
    rules = (Rule(actions=frozenset({Action.OPERATE})),)
    mender = begin(Caller(owner="mender", operator=True, rules=rules), Action.OPERATE)
    machines = desk.operations.machines
    [shown] = (await machines.open_operations(mender, None, 9)).items
    assert (await machines.mend.retry(mender, shown.id)).result == "finished"
    assert desk.hanging("web") == WHOLE[:3]
    narrowed = replace(mender, rules=(replace(rules[0], vrfs=("blue",)),))
    with pytest.raises(Forbidden, match="without prefixes, VRFs, tenants and names"):
        await machines.open_operations(narrowed, None, 9)
    await machines.retire(alice, "web")
    await desk.quiet()


# -- late ----------------------------------------------------------------------------------------


async def test_a_machine_that_comes_late_is_taken_over_by_whoever_goes_on(desk: Desk, alice: Caller) -> None:
    """Its call was stuck in NetBox; the claim tells whose it is. Interfaces and addresses likewise."""
    late: list[Any] = []

    async def stuck(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        late.append((method, args))
        raise Unsure("timeout")

    for hook in ("create", "create_interface"):
        meddle(desk, **{hook: stuck})
        with pytest.raises(OutcomeUnknown):
            await desk.register(alice, "web", **SMALLER)
        method, args = late[-1]
        await method(*args)
    unmeddle(desk)
    desk.fault(Fault("down", method="POST", path="*/available-ips/"))
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **SMALLER)
    desk.fault()
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"]
    on = {"assigned_object_type": VM_INTERFACE, "assigned_object_id": nic_of(desk, "eth0")["id"]}
    desk.api("POST", f"ipam/prefixes/{prefix['id']}/available-ips/", {**claim_of("web~1~v4~1"), **on})
    await desk.quiet()
    assert desk.hanging("web") == WHOLE[:3]
    assert (await desk.machine(alice, "web")).status == "active"
    await desk.quiet()


async def test_a_late_machine_is_not_shown_before_it_is_taken_back(desk: Desk, alice: Caller) -> None:
    """Unless somebody asks for it again long after: then it was put there on purpose."""
    desk.fault(Fault("error", method="POST", path=MACHINES, status=400))
    with pytest.raises(BerthError):
        await desk.register(alice, "web", **SMALLER)
    desk.fault()
    await lately(desk, "web", status="staged")
    for asked in (desk.machine(alice, "web"), desk.register(alice, "web", **SMALLER)):
        with pytest.raises(OutcomeUnknown, match="too late"):
            await asked
    assert (await desk.operations.machines.reconcile()).freed == 1
    assert desk.hanging("web") == []
    desk.clock.ahead += 700.0
    await lately(desk, "web", status="active")
    assert (await desk.operations.machines.reconcile()).freed == 0
    assert (await desk.machine(alice, "web")).name == "web"


async def test_late_interfaces_of_an_undone_change_are_taken_back(desk: Desk, alice: Caller) -> None:
    """And late addresses with them; the machine keeps what it had."""
    before = await desk.register(alice, "web", **SMALLER)
    desk.fault(Fault("error", method="POST", path=INTERFACES, status=400))
    with pytest.raises(BerthError):
        await desk.converge(alice, "web", **WORDS)
    desk.fault()
    add_nic(desk, "eth1", **claim_of("web~2"))
    desk.fault(Fault("down", method="GET", path=INTERFACES))
    assert (await desk.operations.machines.reconcile()).errors == 1
    desk.fault()
    assert (await desk.operations.machines.reconcile()).freed == 1
    assert (await desk.operations.machines.reconcile()).freed == 0
    assert desk.hanging("web") == WHOLE[:3]
    assert await desk.machine(alice, "web") == before
    await desk.quiet()


async def test_a_netbox_that_is_down_stops_the_search_for_late_machines(desk: Desk, alice: Caller) -> None:
    """Counted, and done in the next pass."""
    await desk.register(alice, "web", **SMALLER)
    await desk.operations.machines.retire(alice, "web")
    desk.fault(Fault("down"))
    assert (await desk.operations.machines.reconcile()).errors == 1
    await desk.quiet()


async def test_a_key_that_is_being_worked_on_is_left_to_its_worker(desk: Desk, alice: Caller) -> None:
    """The reconciler does not wait for it."""
    meddle(desk, create=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **SMALLER)
    async with desk.operations.machines.reconcile.turns("web"):
        assert (await desk.operations.machines.reconcile()).errors == 0
    assert (await desk.operations.machines.reconcile()).errors == 1
    unmeddle(desk)
    await desk.quiet()


async def test_an_operation_that_somebody_else_took_up_is_left_to_him(desk: Desk, alice: Caller) -> None:
    """Two processes over one ledger: the slower one looks again, and there is one outcome."""

    async def overtaken(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        unmeddle(desk)
        await desk.operations.machines.reconcile()
        return await method(*args)

    meddle(desk, create_interface=overtaken)
    slow = desk.operations.machines.register
    made = await slow(alice, machine_wish("web", **SMALLER))
    assert made.replayed
    assert desk.hanging("web") == WHOLE[:3]
    await desk.quiet()


# -- lost and found ------------------------------------------------------------------------------


async def test_what_the_ledger_lost_is_found_by_its_claims(desk: Desk, alice: Caller) -> None:
    """GET, POST, PUT and DELETE; nothing is sent to NetBox but by the last."""
    made = await desk.register(alice, "web", **WORDS)
    sent = desk.calls("POST", "PATCH", "DELETE")
    desk.forget("web")
    assert ips(await desk.machine(alice, "web")) == ips(made)
    again = await desk.operations.machines.register(alice, machine_wish("web", **WORDS))
    assert (again.replayed, again.created, again.machine) == (True, False, made)
    assert "outcome register adopted" in await desk.audit("web")
    desk.forget("web")
    assert (await desk.converge(alice, "web", **WORDS)) == made
    assert desk.calls("POST", "PATCH", "DELETE") == sent
    desk.forget("web")
    nics = [{"name": "eth0", "addresses": [{"prefix": LAB, "description": "x"}]}, ETH1]
    changed = await desk.converge(alice, "web", interfaces=nics)
    assert changed.interfaces[0].addresses[0].allocation.description == "x"
    assert ips(changed) == ips(made)
    desk.forget("web")
    await desk.operations.machines.retire(alice, "web")
    assert desk.hanging("web") == []
    await desk.quiet()


async def test_a_half_made_machine_that_no_ledger_knows_is_finished(desk: Desk, alice: Caller) -> None:
    """Its process died and its ledger is lost, or is at it now: the request brings it to the same end."""
    meddle(desk, finish=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **WORDS)
    unmeddle(desk)
    desk.forget("web")
    made = await desk.register(alice, "web", **WORDS)
    assert (made.status, made.primary_ip4) == ("active", ips(made)[0])
    assert desk.hanging("web") == WHOLE


async def test_a_machine_that_is_staged_on_purpose_is_as_it_shall_be(desk: Desk, alice: Caller) -> None:
    """Found again by its claims, it is not activated."""
    made = await desk.register(alice, "web", **SMALLER, status="staged")
    desk.forget("web")
    assert await desk.register(alice, "web", **SMALLER, status="staged") == made


async def test_two_ledgers_see_one_machine(desk: Desk, alice: Caller) -> None:
    """What the other has made anew is found by its claim, though this one remembers another object."""
    await desk.register(alice, "web", **SMALLER)
    entry = await desk.registered("web")
    assert entry is not None
    await desk.operations.machines.retire(alice, "web")
    again = await desk.register(alice, "web", **SMALLER)
    await desk.database.write(lambda tx: tx.put_machine(entry))
    assert (await desk.machine(alice, "web")).netbox_id == again.netbox_id
    assert (await desk.register(alice, "web", **SMALLER)).netbox_id == again.netbox_id
    found = await desk.registered("web")
    assert found is not None
    assert str(found.netbox_id) == again.netbox_id


async def test_several_machines_with_one_claim_are_told(desk: Desk, alice: Caller) -> None:
    """NetBox checks a claim on a machine without a lock, so that it can happen."""
    await lately(desk, "web")
    found = await desk.netbox.machines.find_claims(["web"])

    async def twice(_method: object, *_args: object) -> object:
        return found * 2

    meddle(desk, find_claims=twice)
    with pytest.raises(ClaimDuplicated, match="web"):
        await desk.machine(alice, "web")


async def test_a_list_shows_what_is_there(desk: Desk, alice: Caller, bob: Caller, operator: Caller) -> None:
    """By owner, by name and cluster as NetBox has them, page by page; what is gone is left out."""
    for n, caller in enumerate((alice, alice, bob)):
        await desk.register(caller, f"k{n}", name=f"vm-{n}", cluster="matrix")
    listing = desk.operations.machines.list_machines

    async def keys(caller: Caller, cursor: str | None = None, limit: int = 9, **words: str) -> list[str]:
        page = await listing(caller, MachineFilters(**words), cursor, limit)
        return [each.machine.key for each in page.items] + ([f"next {page.next}"] if page.next else [])

    assert await keys(alice) == ["k0", "k1"]
    assert await keys(operator) == ["k0", "k1", "k2"]
    assert await keys(operator, owner="bob") == ["k2"]
    assert await keys(alice, owner="bob") == []
    assert await keys(operator, limit=2) == ["k0", "k1", "next k1"]
    assert await keys(operator, cursor="k1") == ["k2"]
    assert await keys(operator, name="VM-1") == ["k1"]
    assert await keys(operator, cluster="matrix", name="vm-0") == ["k0"]
    assert await keys(operator, cluster="zion") == []
    desk.api("DELETE", f"virtualization/virtual-machines/{machine_of(desk, 'vm-0')['id']}/")
    patch(desk, "virtualization/virtual-machines", machine_of(desk, "vm-1")["id"], **claim_of("hers"))
    assert await keys(operator) == ["k2"]


# -- adopting ------------------------------------------------------------------------------------


async def brownfield(desk: Desk) -> int:
    """A machine that was there before Berth, with two interfaces, and an address on one of them."""
    cluster = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["id"]
    row = desk.api(
        "POST", "virtualization/virtual-machines/", {"name": "web", "cluster": cluster, "vcpus": 3}
    )
    add_address(desk, add_nic(desk, "eth0"), dns_name="old.example.com")
    add_nic(desk, "eth5")
    return int(row["id"])


async def test_a_machine_that_is_there_is_adopted_by_an_operator(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """It is converged; what it has besides stays foreign, and stays when the key is retired."""
    number = await brownfield(desk)
    for verb in (desk.register, desk.converge):
        with pytest.raises(MachineNameTaken) as told:
            await verb(alice, "web", **WORDS)
        assert told.value.errors[0].detail == f"id {number}: web, with no key"
        with pytest.raises(Forbidden):
            await verb(alice, "web", **WORDS, adopt=True)
    made = await desk.register(operator, "web", **WORDS, adopt=True, memory_mb=512)
    assert (made.netbox_id, made.vcpus, made.memory_mb, made.owner) == (str(number), 3, 512, "ops")
    assert [nic.name for nic in made.interfaces] == ["eth0", "eth1"]
    assert len(ips(made)) == 3
    assert desk.hanging("web") == WHOLE
    assert "outcome register adopted" in await desk.audit("web")
    assert await desk.register(operator, "web", **WORDS, adopt=True) == made
    await desk.converge(operator, "web", interfaces=[ETH1])
    assert [row["name"] for row in desk.listed("virtualization/interfaces")].count("eth0") == 1
    assert desk.hanging("web") == ["web", "web~2", "web~2~v4~1", "web~2~v6~1"]
    await desk.operations.machines.retire(operator, "web")
    assert desk.hanging("web") == []
    assert machine_of(desk)["id"] == number
    assert {"eth0", "eth5"} <= {row["name"] for row in desk.listed("virtualization/interfaces")}
    assert desk.api("GET", f"ipam/ip-addresses/?address={FOREIGN['address']}")["count"] == 1
    await desk.quiet()


async def test_an_interface_is_adopted_with_its_name(desk: Desk, alice: Caller, operator: Caller) -> None:
    """On a machine of the key's own, which takes it along when it is retired."""
    await desk.register(operator, "web", **SMALLER)
    add_nic(desk, "eth1", mtu=1400)
    with pytest.raises(KeyConflict):
        await desk.converge(operator, "web", interfaces=[ETH0, {"name": "eth1"}])
    shown = await desk.converge(operator, "web", interfaces=[ETH0, {"name": "eth1"}], adopt=True)
    assert [(nic.name, nic.mtu) for nic in shown.interfaces] == [("eth0", None), ("eth1", 1400)]
    assert desk.hanging("web") == ["web", "web~1", "web~1~v4~1", "web~2"]
    await desk.operations.machines.retire(operator, "web")
    assert desk.hanging("web") == []
    assert desk.api("GET", "virtualization/virtual-machines/?name=web")["count"] == 0


async def test_an_adoption_that_is_refused_takes_its_claims_off(desk: Desk, operator: Caller) -> None:
    """And deletes nothing that was there."""
    number = await brownfield(desk)
    desk.fault(Fault("error", method="POST", path="*/available-ips/", status=400))
    with pytest.raises(BerthError):
        await desk.converge(operator, "web", **WORDS, adopt=True)
    desk.fault()
    assert desk.hanging("web") == []
    assert machine_of(desk)["id"] == number
    assert [row["name"] for row in desk.listed("virtualization/interfaces")].count("eth0") == 1
    assert await state_of(desk) is MachineState.FAILED
    await desk.quiet()
    await desk.converge(operator, "web", **WORDS, adopt=True)
    assert desk.hanging("web") == WHOLE


@pytest.mark.parametrize("hook", ["change", "change_interface"])
@pytest.mark.parametrize("error", [Unsure("lost"), Stale("changed")])
async def test_an_adoption_that_is_in_doubt_goes_on(
    desk: Desk, operator: Caller, hook: str, error: Exception
) -> None:
    """Claim by claim."""
    await brownfield(desk)
    meddle(desk, **{hook: raising(error)})
    with pytest.raises(Later):
        await desk.converge(operator, "web", **WORDS, adopt=True)
    unmeddle(desk)
    await desk.quiet()
    assert desk.hanging("web") == WHOLE
    await desk.operations.machines.retire(operator, "web")
    assert machine_of(desk)["name"] == "web"


async def test_an_interface_that_somebody_else_claims_meanwhile_is_not_taken(
    desk: Desk, operator: Caller
) -> None:
    """Looked at again, it is another key's."""
    await brownfield(desk)

    async def theirs(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        patch(desk, "virtualization/interfaces", nic_of(desk, "eth0")["id"], **claim_of("theirs"))
        return await method(*args)

    meddle(desk, change=theirs)
    with pytest.raises(StillWorking):
        await desk.converge(operator, "web", **WORDS, adopt=True)
    unmeddle(desk)
    assert (await desk.operations.machines.reconcile()).errors == 0
    await desk.accounted()
    assert desk.hanging("web") == []
    assert nic_of(desk, "eth0")["custom_fields"]["berth_key"] == "theirs"


async def test_an_abandoned_adoption_is_remembered(desk: Desk, operator: Caller) -> None:
    """Found again by its claims, the machine is still let go and not deleted."""
    number = await brownfield(desk)
    desk.fault(
        Fault("error", method="POST", path="*/available-ips/", status=400),
        Fault("error", method="PATCH", path=f"{MACHINES}*", status=403, skip=1),
    )
    with pytest.raises(OperationStuck):
        await desk.converge(operator, "web", **SMALLER, adopt=True)
    desk.fault()
    [shown] = (await desk.operations.machines.open_operations(operator, None, 9)).items
    await desk.operations.machines.mend.abandon(operator, shown.id)
    await desk.converge(operator, "web", **SMALLER, adopt=True)
    await desk.operations.machines.retire(operator, "web")
    assert desk.hanging("web") == []
    assert machine_of(desk)["id"] == number


async def test_an_operators_force_lets_an_adopted_machine_stay(desk: Desk, operator: Caller) -> None:
    """What Berth made goes with what hangs on it."""
    number = await brownfield(desk)
    await desk.converge(operator, "web", **{**SMALLER, "interfaces": [ETH1]}, adopt=True)
    add_address(desk, nic_of(desk, "eth1")["id"], address="10.77.0.8/24")
    with pytest.raises(InUse, match=r"10\.77\.0\.8/24") as told:
        await desk.operations.machines.retire(operator, "web")
    assert "eth5" not in told.value.detail
    await desk.operations.machines.retire(operator, "web", force=True)
    assert machine_of(desk)["id"] == number
    assert [row["name"] for row in desk.listed("virtualization/interfaces")].count("eth1") == 0
    await desk.quiet()


async def test_a_machine_that_vanishes_while_it_is_adopted_is_made(desk: Desk, operator: Caller) -> None:
    """Then there is nothing of that name."""
    number = await brownfield(desk)

    async def vanished(_method: object, *_args: object) -> None:
        desk.api("DELETE", f"virtualization/virtual-machines/{number}/")

    desk.restart(machines=Meddler(desk.netbox.machines, read=vanished))
    made = await desk.operations.machines.converge(operator, machine_wish("web", **SMALLER, adopt=True))
    assert made.created
    unmeddle(desk)
    assert (await desk.machine(operator, "web")).netbox_id != str(number)
