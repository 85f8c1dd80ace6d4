"""Killed while a machine is made, changed or taken away: a fresh process finishes it, or takes it back.

As `test_crashes`, but only what writes is a point: to be killed before a read is to be killed after the write
before it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import BerthError, NotFound
from app.domain.upstream import FaultKind, ItemFault, Rejected
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, SIX, Desk, Meddler
from tests.operations.test_crashes import Killed, Life, Mortal, nothing

pytestmark = pytest.mark.thorough

ALICE = Caller(owner="alice")
OPERATOR = Caller(owner="alice", operator=True)
WRITES = frozenset(
    ("create", "create_interface", "finish", "change", "change_interface", "delete", "delete_interface")
)
ETH0: dict[str, Any] = {"name": "eth0", "addresses": [{"prefix": LAB}]}
ETH1: dict[str, Any] = {
    "name": "eth1",
    "mac_address": "52:54:00:12:34:56",
    "addresses": [{"prefix": LAB}, {"prefix": SIX}],
}
REFUSED = Rejected("no", {0: ItemFault(FaultKind.OTHER, {"status": "no"})})

Step = Callable[[Desk, str], Awaitable[object]]


async def small(desk: Desk, key: str) -> object:
    """One interface, one address."""
    return await desk.register(ALICE, key, name=f"vm-{key}", cluster="matrix", interfaces=[ETH0])


async def large(desk: Desk, key: str) -> object:
    """Two interfaces, both families."""
    return await desk.register(ALICE, key, name=f"vm-{key}", cluster="matrix", interfaces=[ETH0, ETH1])


async def put(desk: Desk, key: str) -> object:
    """The same by PUT."""
    return await desk.converge(ALICE, key, name=f"vm-{key}", cluster="matrix", interfaces=[ETH0, ETH1])


async def shrink(desk: Desk, key: str) -> object:
    """An interface and an address less."""
    return await desk.converge(ALICE, key, interfaces=[{"name": "eth1", "addresses": [{"prefix": SIX}]}])


async def change(desk: Desk, key: str) -> object:
    """Other words, another primary address."""
    second = {"prefix": LAB, "primary": True, "dns_name": f"{key}.example.com"}
    nics = [ETH0, {"name": "eth1", "mtu": 9000, "addresses": [second, {"prefix": SIX}]}]
    return await desk.converge(ALICE, key, name=f"new-{key}", status="planned", interfaces=nics)


async def renumber(desk: Desk, key: str) -> object:
    """Another interface, another prefix, nothing of what was there."""
    return await desk.converge(ALICE, key, interfaces=[{"name": "eth2", "addresses": [{"prefix": SIX}]}])


async def lost(desk: Desk, key: str) -> None:
    """A machine that the ledger has forgotten."""
    await large(desk, key)
    desk.forget(key)


async def brownfield(desk: Desk, key: str) -> None:
    """A machine that was there before Berth, with an interface."""
    cluster = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["id"]
    machine = desk.api(
        "POST", "virtualization/virtual-machines/", {"name": f"vm-{key}", "cluster": cluster, "vcpus": 3}
    )
    desk.api("POST", "virtualization/interfaces/", {"virtual_machine": machine["id"], "name": "eth0"})


async def adopt(desk: Desk, key: str) -> object:
    """Take it over."""
    words = {"name": f"vm-{key}", "cluster": "matrix", "adopt": True}
    return await desk.converge(OPERATOR, key, interfaces=[ETH0, ETH1], **words)


async def adopted(desk: Desk, key: str) -> None:
    """A machine that was taken over."""
    await brownfield(desk, key)
    await adopt(desk, key)


async def retire(desk: Desk, key: str) -> None:
    """Retire."""
    await desk.operations.machines.retire(ALICE, key)


async def crowded(desk: Desk, key: str) -> None:
    """A machine with a foreign interface, and a foreign address on ours."""
    await large(desk, key)
    machine = await desk.machine(ALICE, key)
    number = int(machine.netbox_id or 0)
    desk.api("POST", "virtualization/interfaces/", {"virtual_machine": number, "name": "eth9"})
    on = {"assigned_object_type": "virtualization.vminterface"}
    on |= {"assigned_object_id": machine.interfaces[0].netbox_id or ""}
    desk.api("POST", "ipam/ip-addresses/", {"address": f"10.77.0.{number % 250}/24", **on})


async def force(desk: Desk, key: str) -> None:
    """Retire it, whatever hangs on it."""
    await desk.operations.machines.retire(OPERATOR, key, force=True)


async def late(desk: Desk, key: str) -> None:
    """A machine that turns up after its operation was undone."""
    desk.fault(Fault("error", method="POST", path="*/virtual-machines/", status=400))
    with pytest.raises(BerthError):
        await small(desk, key)
    desk.fault()
    claim = {"custom_fields": {"berth_key": key, "berth_owner": "alice"}}
    cluster = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["id"]
    row = {"name": f"vm-{key}", "cluster": cluster, "status": "staged", **claim}
    machine = desk.api("POST", "virtualization/virtual-machines/", row)
    claim = {"custom_fields": {"berth_key": f"{key}~1", "berth_owner": "alice"}}
    desk.api(
        "POST", "virtualization/interfaces/", {"virtual_machine": machine["id"], "name": "eth0", **claim}
    )


async def reconcile(desk: Desk, _key: str) -> None:
    """A pass of both reconcilers."""
    await desk.operations.reconcile()
    await desk.operations.machines.reconcile()


def refused(desk: Desk) -> object:
    """NetBox, which minds the last change."""

    async def no(_method: object, *_args: object) -> object:
        raise REFUSED

    return Meddler(desk.netbox.machines, finish=no, change=no)


async def is_whole(desk: Desk, key: str) -> None:
    """Complete, and nothing else under its key."""
    parts = [f"{key}~1", f"{key}~1~v4~1", f"{key}~2", f"{key}~2~v4~1", f"{key}~2~v6~1"]
    assert desk.hanging(key) == [key, *parts]
    machine = await desk.machine(ALICE, key)
    assert machine.status == "active"
    assert machine.primary_ip4 == machine.interfaces[0].addresses[0].allocation.ip
    assert machine.primary_ip6 == machine.interfaces[1].addresses[1].allocation.ip
    assert machine.interfaces[1].mac_address == "52:54:00:12:34:56"


async def is_small(desk: Desk, key: str) -> None:
    """Complete."""
    assert desk.hanging(key) == [key, f"{key}~1", f"{key}~1~v4~1"]
    machine = await desk.machine(ALICE, key)
    assert machine.status == "active"
    assert machine.primary_ip4 == machine.interfaces[0].addresses[0].allocation.ip


async def is_changed(desk: Desk, key: str) -> None:
    """As it was sent."""
    changed = await change(desk, key)
    assert await desk.machine(ALICE, key) == changed
    machine = await desk.machine(ALICE, key)
    assert (machine.name, machine.status) == (f"new-{key}", "planned")
    assert machine.primary_ip4 == machine.interfaces[1].addresses[0].allocation.ip
    assert machine.dns_name == f"{key}.example.com"
    assert machine.interfaces[1].mtu == 9000


async def is_shrunk(desk: Desk, key: str) -> None:
    """The rest stays as it was."""
    await shrink(desk, key)
    assert desk.hanging(key) == [key, f"{key}~2", f"{key}~2~v6~1"]
    assert (await desk.machine(ALICE, key)).primary_ip4 is None


async def is_renumbered(desk: Desk, key: str) -> None:
    """Nothing of what was there."""
    await renumber(desk, key)
    assert desk.hanging(key) == [key, f"{key}~3", f"{key}~3~v6~1"]
    machine = await desk.machine(ALICE, key)
    assert (machine.primary_ip4, machine.primary_ip6 is not None) == (None, True)


async def is_gone(desk: Desk, key: str) -> None:
    """Nothing is left, once it is asked for again."""
    await retire(desk, key)
    await is_swept(desk, key)


async def is_gone_by_force(desk: Desk, key: str) -> None:
    """Nothing is left, and of what was foreign nothing either."""
    await force(desk, key)
    await is_swept(desk, key)
    assert desk.api("GET", f"virtualization/virtual-machines/?name=vm-{key}")["count"] == 0


async def is_swept(desk: Desk, key: str) -> None:
    """Nothing is left."""
    assert desk.hanging(key) == []
    with pytest.raises(NotFound):
        await desk.machine(ALICE, key)


async def is_let_go(desk: Desk, key: str) -> None:
    """What was there before Berth is there still, and nothing else."""
    await retire(desk, key)
    assert desk.hanging(key) == []
    [machine] = desk.api("GET", f"virtualization/virtual-machines/?name=vm-{key}")["results"]
    nics = desk.api("GET", f"virtualization/interfaces/?virtual_machine_id={machine['id']}")["results"]
    assert [nic["name"] for nic in nics] == ["eth0"]


async def is_small_or_gone(desk: Desk, key: str) -> None:
    """Rolled forward where the one who refused is gone, or taken back."""
    if desk.hanging(key):
        await is_small(desk, key)
    else:
        await is_swept(desk, key)


async def is_as_before(desk: Desk, key: str) -> None:
    """With what it had, or with all of it."""
    hanging = desk.hanging(key)
    assert hanging in ([key, f"{key}~1", f"{key}~1~v4~1"], _all(key))
    assert [f"{key}~{n}" for n, _ in enumerate((await desk.machine(ALICE, key)).interfaces, 1)] == [
        claim for claim in hanging if claim.count("~") == 1
    ]


async def is_adopted_or_not(desk: Desk, key: str) -> None:
    """Whose claim it has, it is whole; whichever, what was there is there."""
    if desk.hanging(key):
        await is_whole(desk, key)
    await is_let_go(desk, key)


def _all(key: str) -> list[str]:
    return [key, f"{key}~1", f"{key}~1~v4~1", f"{key}~2", f"{key}~2~v4~1", f"{key}~2~v6~1"]


@dataclass(frozen=True)
class Scenario:
    """As in `test_crashes`. `machines` is what stands between the operations and NetBox."""

    fact: str
    before: Step
    action: Step
    after: Step
    machines: Callable[[Desk], object] = lambda desk: desk.netbox.machines
    fails: bool = False


SCENARIOS = [
    Scenario("register", nothing, small, is_small),
    Scenario("register two interfaces and both families", nothing, large, is_whole),
    Scenario("register by PUT", nothing, put, is_whole),
    Scenario("add an interface and addresses", small, put, is_whole),
    Scenario("remove an interface and an address", large, shrink, is_shrunk),
    Scenario("change words and primary address", large, change, is_changed),
    Scenario("change everything", large, renumber, is_renumbered),
    Scenario("find again what the ledger lost", lost, put, is_whole),
    Scenario("change what the ledger lost", lost, change, is_changed),
    Scenario("adopt", brownfield, adopt, is_whole),
    Scenario("retire", large, retire, is_gone),
    Scenario("retire what the ledger lost", lost, retire, is_gone),
    Scenario("retire by force", crowded, force, is_gone_by_force),
    Scenario("retire what was adopted", adopted, retire, is_let_go),
    Scenario("undo a registration", nothing, small, is_small_or_gone, refused, fails=True),
    Scenario("undo a change", small, put, is_as_before, refused, fails=True),
    Scenario("undo an adoption", brownfield, adopt, is_adopted_or_not, refused, fails=True),
    Scenario("take back a late machine", late, reconcile, is_swept),
]
REPEATED = (small, large, put, adopt)


async def killed_at(desk: Desk, scenario: Scenario, point: int) -> bool:
    """One life; whether it ended before the action did."""
    key = f"k{point}"
    desk.clock.ahead = 0.0  # NetBox's clock is the real one
    await scenario.before(desk, key)
    life = Life(point)
    netbox, store = desk.netbox, desk.database
    desk.restart(
        machines=Mortal(scenario.machines(desk), life, WRITES),
        addresses=Mortal(netbox.addresses, life, WRITES),
        allocator=Mortal(netbox.allocator, life, frozenset({"allocate", "create"})),
        store=Mortal(store, life, frozenset({"write"})),
    )
    acknowledged = None
    try:
        acknowledged = await scenario.action(desk, key)
    except (Killed, BerthError):
        assert life.dead or scenario.fails
    desk.restart(
        machines=netbox.machines, addresses=netbox.addresses, allocator=netbox.allocator, store=store
    )
    if point % 2 and scenario.action in REPEATED and not scenario.fails:  # the caller is faster
        again = await scenario.action(desk, key)
        assert acknowledged in (None, again)
        assert await desk.machine(ALICE, key) == again
    await desk.quiet()
    if acknowledged is None and scenario.action in REPEATED and not scenario.fails:
        await scenario.action(desk, key)
    await scenario.after(desk, key)
    await desk.accounted()
    assert desk.orphans() == []
    return life.dead


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.fact)
async def test_killed_at_any_point(desk: Desk, scenario: Scenario) -> None:
    """Complete or nothing, one object a claim, nothing left over, every intent an outcome (I1 to I6)."""
    point = 0
    while await killed_at(desk, scenario, point):
        point += 1
    assert point > 0
