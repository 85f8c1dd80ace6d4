"""PUT: the machine becomes what is sent; what is not sent is left alone, also where a human edited it."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import ClaimChanged, InUse, InvalidRequest, KeyConflict, NameRefused, NameTaken
from app.domain.policy import Convention
from app.operations.machine_answers import MachineResult, Registration
from tests.operations.conftest import LAB, POLICY, SIX, SMALL, Desk, machine_wish
from tests.operations.test_machine_crashes import ETH0, ETH1
from tests.operations.test_machine_faults import SMALLER, WHOLE, WORDS

MAC = "52:54:00:12:34:56"


async def result(desk: Desk, caller: Caller, key: str, **words: Any) -> MachineResult:  # noqa: ANN401 - fields
    """Converge, with how it came by its answer."""
    return await desk.operations.machines.converge(caller, machine_wish(key, **words))


def nic_of(desk: Desk, name: str) -> Any:  # noqa: ANN401 - NetBox's JSON
    """An interface of the only machine with that interface."""
    [row] = [row for row in desk.listed("virtualization/interfaces") if row["name"] == name]
    return row


def machine_of(desk: Desk, name: str = "web") -> Any:  # noqa: ANN401 - NetBox's JSON
    """The machine of that name."""
    [row] = desk.api("GET", f"virtualization/virtual-machines/?name={name}")["results"]
    return row


def ips(machine: Registration) -> list[str]:
    """The addresses of all interfaces."""
    return [each.allocation.ip for nic in machine.interfaces for each in nic.addresses]


async def test_a_put_makes_what_there_is_not(desk: Desk, alice: Caller) -> None:
    """And says so."""
    assert (await result(desk, alice, "web", **WORDS)).created
    again = await result(desk, alice, "web", **WORDS)
    assert (again.created, again.replayed) == (False, True)
    assert desk.hanging("web") == WHOLE


async def test_words_of_the_machine_change_and_null_clears(desk: Desk, alice: Caller) -> None:
    """Every one of them; the answer is as sent, and NetBox holds it."""
    desk.api("POST", "dcim/platforms/", {"name": "Debian 13", "slug": "debian-13"})
    desk.api("POST", "tenancy/tenants/", {"name": "Team X", "slug": "team-x"})
    desk.api("POST", "extras/tags/", {"name": "Edge", "slug": "edge"})
    await desk.register(alice, "web", **SMALLER)
    words = {
        "name": "web-2",
        "tenant": "team-x",
        "platform": "Debian 13",
        "status": "planned",
        "vcpus": 2,
        "memory_mb": 2048,
        "disk_gb": 20,
        "description": "d",
        "comments": "c",
        "tags": ["edge"],
    }
    changed = await desk.converge(alice, "web", **words)
    assert {word: getattr(changed, word) for word in words if word != "tags"} == {
        word: value for word, value in words.items() if word != "tags"
    }
    assert changed.tags == ("edge",)
    assert await desk.machine(alice, "web") == changed
    cleared = await desk.converge(
        alice, "web", **{word: None for word in words if word not in ("name", "disk_gb")}, disk_mb=None
    )
    assert (cleared.tenant, cleared.platform, cleared.vcpus, cleared.memory_mb) == (None, None, None, None)
    assert (cleared.disk_mb, cleared.disk_gb, cleared.tags, cleared.status) == (None, None, None, None)
    assert (cleared.name, cleared.description, cleared.comments) == ("web-2", None, None)
    assert desk.hanging("web") == WHOLE[:3]
    await desk.quiet()


async def test_what_is_not_sent_is_left_to_whoever_edits_in_netbox(desk: Desk, alice: Caller) -> None:
    """A description, an interface's MTU, a primary address, a status: all survives a PUT of the rest."""
    made = await desk.register(alice, "web", **WORDS)
    row = machine_of(desk)
    second = int(made.interfaces[1].addresses[0].allocation.netbox_id or 0)
    edit = {"comments": "by hand", "status": "offline", "primary_ip4": second}
    desk.api("PATCH", f"virtualization/virtual-machines/{row['id']}/", edit)
    desk.api("PATCH", f"virtualization/interfaces/{nic_of(desk, 'eth0')['id']}/", {"mtu": 1280})
    shown = await desk.converge(alice, "web", **WORDS, description="new")
    assert (shown.comments, shown.status, shown.description) == ("by hand", "offline", "new")
    assert shown.primary_ip4 == made.interfaces[1].addresses[0].allocation.ip
    assert shown.interfaces[0].mtu == 1280
    assert ips(shown) == ips(made)


async def test_interfaces_that_are_not_spoken_of_stay(desk: Desk, alice: Caller) -> None:
    """Without `interfaces` all do, without `addresses` an interface's addresses do."""
    made = await desk.register(alice, "web", **WORDS)
    assert ips(await desk.converge(alice, "web", description="x")) == ips(made)
    changed = await desk.converge(
        alice, "web", interfaces=[{"name": "eth0", "mtu": 1400}, {"name": "eth1", "description": "uplink"}]
    )
    assert ips(changed) == ips(made)
    assert [(nic.mtu, nic.description) for nic in changed.interfaces] == [(1400, ""), (None, "uplink")]
    assert (changed.primary_ip4, changed.primary_ip6) == (made.primary_ip4, made.primary_ip6)
    assert desk.hanging("web") == WHOLE


async def test_interfaces_change_in_place(desk: Desk, alice: Caller) -> None:
    """MAC address, MTU, state, description and tags; the addresses are the same objects."""
    desk.api("POST", "extras/tags/", {"name": "Edge", "slug": "edge"})
    made = await desk.register(alice, "web", **SMALLER)
    words = {"mac_address": MAC, "mtu": 9000, "enabled": False, "description": "d", "tags": ["edge"]}
    changed = await desk.converge(alice, "web", interfaces=[{**ETH0, **words}])
    nic = changed.interfaces[0]
    assert (nic.mac_address, nic.mtu, nic.enabled, nic.description, nic.tags) == (
        MAC,
        9000,
        False,
        "d",
        ("edge",),
    )
    assert nic.addresses[0].allocation.netbox_id == made.interfaces[0].addresses[0].allocation.netbox_id
    cleared = await desk.converge(alice, "web", interfaces=[{**ETH0, **dict.fromkeys(words)}])
    nic = cleared.interfaces[0]
    assert (nic.mac_address, nic.mtu, nic.enabled, nic.description, nic.tags) == (
        None,
        None,
        None,
        None,
        None,
    )


async def test_addresses_change_in_place(desk: Desk, alice: Caller) -> None:
    """Name and description; another place is another address."""
    made = await desk.register(alice, "web", **SMALLER)
    named = {"prefix": LAB, "dns_name": "Web.example.com", "description": "d"}
    changed = await desk.converge(alice, "web", interfaces=[{"name": "eth0", "addresses": [named]}])
    [address] = changed.interfaces[0].addresses
    assert address.allocation.netbox_id == made.interfaces[0].addresses[0].allocation.netbox_id
    assert (address.allocation.dns_name, address.allocation.description) == ("Web.example.com", "d")
    assert changed.dns_name == "Web.example.com"
    moved = await desk.converge(alice, "web", interfaces=[{"name": "eth0", "addresses": [{"prefix": SMALL}]}])
    assert moved.primary_ip4 == "192.168.5.2"
    assert desk.hanging("web") == ["web", "web~1", "web~1~v4~2"]
    await desk.quiet()


async def test_a_primary_address_is_moved_where_it_is_asked_for(desk: Desk, alice: Caller) -> None:
    """And stays there when nothing is said of it; the next one takes over when it goes."""
    made = await desk.register(alice, "web", **WORDS)
    second = {"name": "eth1", "addresses": [{"prefix": LAB, "primary": True}, {"prefix": SIX}]}
    changed = await desk.converge(alice, "web", interfaces=[ETH0, second])
    assert changed.primary_ip4 == made.interfaces[1].addresses[0].allocation.ip
    assert (await desk.converge(alice, "web", interfaces=[ETH0, ETH1])).primary_ip4 == changed.primary_ip4
    without = {"name": "eth1", "addresses": [{"prefix": SIX}]}
    shown = await desk.converge(alice, "web", interfaces=[{"name": "eth0"}, without])
    assert shown.primary_ip4 == made.interfaces[0].addresses[0].allocation.ip
    assert desk.hanging("web") == [each for each in WHOLE if each != "web~2~v4~1"]


async def test_addresses_are_told_apart_by_place_address_and_name(desk: Desk, alice: Caller) -> None:
    """In another order they are still the same."""
    one, two = ({"prefix": LAB, "dns_name": f"{name}.example.com"} for name in ("one", "two"))
    three = {"prefix": LAB, "address": "192.168.4.99"}
    made = await desk.register(
        alice,
        "web",
        name="web",
        cluster="matrix",
        interfaces=[{"name": "eth0", "addresses": [one, two, three]}],
    )
    again = await desk.converge(
        alice, "web", interfaces=[{"name": "eth0", "addresses": [{"prefix": LAB}, three, two]}]
    )
    assert ips(again) == [ips(made)[0], ips(made)[2], ips(made)[1]]
    assert desk.hanging("web") == ["web", "web~1", "web~1~v4~1", "web~1~v4~2", "web~1~v4~3"]


async def test_another_cluster_is_a_conflict(desk: Desk, alice: Caller) -> None:
    """By POST as by PUT."""
    kind = desk.api("GET", "virtualization/clusters/?name=matrix")["results"][0]["type"]["id"]
    desk.api("POST", "virtualization/clusters/", {"name": "zion", "type": kind})
    await desk.register(alice, "web", **SMALLER)
    for verb in (desk.register, desk.converge):
        with pytest.raises(KeyConflict) as told:
            await verb(alice, "web", **{**SMALLER, "cluster": "zion"})
        assert [each.pointer for each in told.value.errors] == ["/cluster"]


async def test_only_words_are_noted(desk: Desk, alice: Caller) -> None:
    """Nothing is sent to NetBox, and the answer has the new words."""
    await desk.register(alice, "web", **SMALLER, vcpus=2)
    sent = desk.calls("POST", "PATCH", "DELETE")
    named = {**SMALLER, "cluster": machine_of(desk)["cluster"]["id"]}
    noted = await result(desk, alice, "web", **named, vcpus=2.0, reference="T-7", requested_by="neo")
    assert noted.replayed
    assert (noted.machine.reference, noted.machine.requested_by) == ("T-7", "neo")
    assert noted.machine.cluster == named["cluster"]
    assert noted.machine.interfaces[0].addresses[0].allocation.reference == "T-7"
    assert desk.calls("POST", "PATCH", "DELETE") == sent
    assert await desk.machine(alice, "web") == noted.machine
    assert "outcome converge noted" in await desk.audit("web")
    await desk.accounted()


# -- humans --------------------------------------------------------------------------------------


async def test_what_a_human_deleted_is_not_shown_and_is_made_again(desk: Desk, alice: Caller) -> None:
    """An address, then an interface; POST says that it is not there."""
    made = await desk.register(alice, "web", **WORDS)
    await desk.erase("web~2~v4~1")
    assert ips(await desk.machine(alice, "web")) == [ips(made)[0], ips(made)[2]]
    with pytest.raises(KeyConflict) as told:
        await desk.register(alice, "web", **WORDS)
    assert [each.pointer for each in told.value.errors] == ["/interfaces/1/addresses/0"]
    await desk.converge(alice, "web", **WORDS)
    assert desk.hanging("web") == WHOLE
    desk.api("DELETE", f"virtualization/interfaces/{nic_of(desk, 'eth1')['id']}/")
    assert [nic.name for nic in (await desk.machine(alice, "web")).interfaces] == ["eth0"]
    with pytest.raises(KeyConflict) as told:
        await desk.register(alice, "web", **WORDS)
    assert [each.pointer for each in told.value.errors] == ["/interfaces/1"]
    await desk.converge(alice, "web", **WORDS)
    assert desk.hanging("web") == WHOLE
    await desk.quiet()


async def test_an_interface_that_a_human_renamed_is_still_the_same(desk: Desk, alice: Caller) -> None:
    """Under its former name, which is not given back, and under its new one."""
    made = await desk.register(alice, "web", **WORDS)
    desk.api("PATCH", f"virtualization/interfaces/{nic_of(desk, 'eth1')['id']}/", {"name": "ens18"})
    for shown in (
        await desk.converge(alice, "web", **WORDS, description="x"),
        await desk.register(alice, "web", **WORDS),
        await desk.converge(alice, "web", interfaces=[ETH0, {**ETH1, "name": "ens18"}]),
    ):
        assert [nic.name for nic in shown.interfaces] == ["eth0", "ens18"]
        assert ips(shown) == ips(made)
    both = await desk.converge(alice, "web", interfaces=[ETH0, {**ETH1, "name": "ens18"}, {"name": "eth1"}])
    assert [nic.name for nic in both.interfaces] == ["eth0", "ens18", "eth1"]
    assert desk.hanging("web") == [*WHOLE, "web~3"]


async def test_an_address_that_a_human_moved_is_not_made_twice(desk: Desk, alice: Caller) -> None:
    """To another interface, to another machine, off the machine: refused with what to do, nothing changed."""
    await desk.register(alice, "web", **WORDS)
    await desk.register(alice, "other", name="other", cluster="matrix", interfaces=[{"name": "eth7"}])
    row = await desk.claimed("web~1~v4~1")
    desk.api("PATCH", f"virtualization/virtual-machines/{machine_of(desk)['id']}/", {"primary_ip4": None})
    for nic in (nic_of(desk, "eth1")["id"], nic_of(desk, "eth7")["id"], None):
        kind = "virtualization.vminterface" if nic else None
        to = {"assigned_object_type": kind, "assigned_object_id": nic}
        desk.api("PATCH", f"ipam/ip-addresses/{row.id}/", to)
        with pytest.raises(InUse, match="Put it back") as told:
            await desk.converge(alice, "web", **WORDS)
        assert [each.pointer for each in told.value.errors] == ["/interfaces/0/addresses/0"]
        assert str(row.address.ip) not in ips(await desk.machine(alice, "web"))
    await desk.accounted()
    await desk.converge(alice, "web", interfaces=[{"name": "eth0", "addresses": []}, ETH1])
    assert await desk.netbox.addresses.find_claims(["web~1~v4~1"]) == []


async def test_an_address_that_is_used_elsewhere_is_not_freed(desk: Desk, alice: Caller) -> None:
    """Taken out of the request it would go, so it is refused before anything is changed."""
    await desk.register(alice, "web", **WORDS)
    await desk.register(alice, "other", name="other", cluster="matrix", interfaces=[{"name": "eth7"}])
    row = await desk.claimed("web~2~v4~1")
    desk.api("PATCH", f"ipam/ip-addresses/{row.id}/", {"assigned_object_id": nic_of(desk, "eth7")["id"]})
    with pytest.raises(InUse, match="eth7 of other"):
        await desk.converge(alice, "web", interfaces=[ETH0])
    with pytest.raises(InUse, match="eth7 of other"):
        await desk.operations.machines.retire(alice, "web")
    assert desk.hanging("web") == WHOLE
    await desk.accounted()


async def test_an_address_whose_claim_a_human_took_is_not_made_twice(desk: Desk, alice: Caller) -> None:
    """Asked for it is refused; left out of the request it is let go, and stays in NetBox."""
    await desk.register(alice, "web", **WORDS)
    row = await desk.claimed("web~2~v4~1")
    off = {"assigned_object_type": None, "assigned_object_id": None, "custom_fields": {"berth_key": None}}
    desk.api("PATCH", f"ipam/ip-addresses/{row.id}/", off)
    with pytest.raises(ClaimChanged):
        await desk.converge(alice, "web", **WORDS)
    await desk.converge(alice, "web", interfaces=[ETH0])
    assert desk.hanging("web") == WHOLE[:3]
    assert desk.api("GET", f"ipam/ip-addresses/{row.id}/")["address"] == str(row.address)
    assert "outcome release let go" in await desk.audit("web~2~v4~1")
    await desk.quiet()


async def test_an_interface_on_which_somebody_put_something_is_not_removed(desk: Desk, alice: Caller) -> None:
    """Refused before anything is changed; kept, it may have it."""
    made = await desk.register(alice, "web", **WORDS)
    on = {
        "assigned_object_type": "virtualization.vminterface",
        "assigned_object_id": nic_of(desk, "eth1")["id"],
    }
    desk.api("POST", "ipam/ip-addresses/", {"address": "10.77.0.9/24", **on})
    new = {"name": "eth2", "addresses": [{"prefix": LAB}]}
    with pytest.raises(InUse, match=r"10\.77\.0\.9/24 is on the interface eth1"):
        await desk.converge(alice, "web", interfaces=[ETH0, new])
    assert desk.hanging("web") == WHOLE
    kept = await desk.converge(alice, "web", interfaces=[ETH0, ETH1, new])
    assert ips(kept)[:3] == ips(made)
    await desk.quiet()


async def test_an_interface_of_somebody_else_is_not_taken(desk: Desk, alice: Caller) -> None:
    """Told with all else that is wrong, before anything is made."""
    await desk.register(alice, "web", **SMALLER)
    desk.api(
        "POST", "virtualization/interfaces/", {"virtual_machine": machine_of(desk)["id"], "name": "eth1"}
    )
    with pytest.raises(KeyConflict) as told:
        await desk.converge(alice, "web", interfaces=[ETH0, ETH1])
    assert [each.pointer for each in told.value.errors] == ["/interfaces/1"]
    assert desk.hanging("web") == WHOLE[:3]


# -- names ---------------------------------------------------------------------------------------


async def test_everything_that_is_wrong_is_told_at_once(desk: Desk, alice: Caller) -> None:
    """Each with a pointer to where it stands in the request."""
    bad = [{"prefix": LAB, "dns_name": "under_score.example.com"}, {"prefix": "10.200.0.0/24"}]
    words: dict[str, Any] = {
        "name": "no good",
        "cluster": "nowhere",
        "tenant": "nobody",
        "tags": ["nothing"],
        "interfaces": [{"name": "eth0", "tags": ["none"], "addresses": [{"prefix": LAB}, *bad]}],
    }
    with pytest.raises(Exception, match="names something") as told:
        await desk.register(alice, "web", **words)
    assert {each.pointer for each in told.value.errors} >= {  # type: ignore[attr-defined]
        "/cluster",
        "/tenant",
        "/tags/0",
        "/interfaces/0/tags/0",
        "/name",
        "/interfaces/0/addresses/1/dns_name",
        "/interfaces/0/addresses/2/prefix",
    }
    assert desk.calls("POST") == 0
    assert await desk.audit("web") == ["denied register unknown_reference"]


async def test_names_that_stand_in_a_request_twice_are_told(desk: Desk, alice: Caller) -> None:
    """Among new ones, and among those that are there."""
    twice = {"prefix": LAB, "dns_name": "web.example.com"}
    nic = {"name": "eth0", "addresses": [twice, {**twice, "dns_name": "WEB.example.com"}]}
    with pytest.raises(NameTaken) as told:
        await desk.register(alice, "web", name="web", cluster="matrix", interfaces=[nic])
    assert [each.pointer for each in told.value.errors] == ["/interfaces/0/addresses/1/dns_name"]
    await desk.register(
        alice,
        "web",
        name="web",
        cluster="matrix",
        interfaces=[{"name": "eth0", "addresses": [{"prefix": LAB}] * 2}],
    )
    with pytest.raises(NameTaken) as told:
        await desk.converge(alice, "web", interfaces=[nic])
    assert [each.pointer for each in told.value.errors] == ["/interfaces/0/addresses/1/dns_name"]


async def test_two_primary_addresses_of_a_family_are_one_too_many(desk: Desk, alice: Caller) -> None:
    """Also on two interfaces; one of each family is none too many."""
    first = {
        "name": "eth0",
        "addresses": [{"prefix": LAB, "primary": True}, {"prefix": SIX, "primary": True}],
    }
    second = {"name": "eth1", "addresses": [{"prefix": LAB, "primary": True}]}
    with pytest.raises(InvalidRequest) as told:
        await desk.register(alice, "web", name="web", cluster="matrix", interfaces=[first, second])
    assert [each.pointer for each in told.value.errors] == ["/interfaces/1/addresses/0/primary"]
    await desk.register(alice, "web", name="web", cluster="matrix", interfaces=[first])


async def test_names_of_machines_have_conventions_of_their_own(desk: Desk, alice: Caller) -> None:
    """For what is new: a machine that is there keeps its name when the convention becomes stricter."""
    await desk.register(alice, "web", **SMALLER)
    strict = Convention(name="machines", pattern="[a-z]+-[0-9]{2}")
    desk.policy.append(replace(POLICY, machine_names=(strict,)))
    with pytest.raises(NameRefused) as told:
        await desk.converge(alice, "web", name="web2")
    assert [each.pointer for each in told.value.errors] == ["/name"]
    assert (await desk.converge(alice, "web", **SMALLER, description="x")).name == "web"


async def test_name_and_cluster_are_needed_for_a_new_machine(desk: Desk, alice: Caller) -> None:
    """And can be cleared from none."""
    with pytest.raises(InvalidRequest) as told:
        await desk.register(alice, "web", description="x")
    assert [each.pointer for each in told.value.errors] == ["/name", "/cluster"]
    await desk.register(alice, "web", **SMALLER)
    with pytest.raises(InvalidRequest) as told:
        await desk.converge(alice, "web", name=None, cluster=None)
    assert [each.pointer for each in told.value.errors] == ["/name", "/cluster"]


async def test_a_dry_run_shows_what_would_be_and_writes_nothing(desk: Desk, alice: Caller) -> None:
    """For a new machine, for one that is there, and for one whose interfaces are not spoken of."""
    await desk.post(alice, "warm", prefix=LAB)
    sent = desk.calls("POST", "PATCH", "DELETE")
    dry = desk.operations.machines.converge
    shown = await dry(alice, machine_wish("web", **WORDS), dry_run=True)
    assert (shown.created, shown.machine.netbox_id, shown.machine.primary_ip4) == (True, None, "192.168.4.3")
    assert [nic.name for nic in shown.machine.interfaces] == ["eth0", "eth1"]
    assert desk.calls("POST", "PATCH", "DELETE") == sent
    made = await desk.register(alice, "web", **WORDS)
    sent = desk.calls("POST", "PATCH", "DELETE")
    same = await dry(alice, machine_wish("web", **WORDS), dry_run=True)
    assert same.machine == made
    nics = [{"name": "eth0", "mtu": 1400, "description": "d"}, {"name": "eth2", "tags": []}]
    shown = await dry(
        alice,
        machine_wish("web", status="planned", tags=[], custom_fields={}, tenant=None, interfaces=nics),
        dry_run=True,
    )
    assert (shown.created, shown.machine.status) == (False, "planned")
    assert [(nic.name, nic.mtu) for nic in shown.machine.interfaces] == [("eth0", 1400), ("eth2", None)]
    assert ips(shown.machine) == ips(made)[:1]
    shown = await dry(alice, machine_wish("web", description="new"), dry_run=True)
    assert (shown.machine.description, ips(shown.machine)) == ("new", ips(made))
    assert desk.calls("POST", "PATCH", "DELETE") == sent
    assert await desk.machine(alice, "web") == made
