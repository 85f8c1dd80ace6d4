"""PUT: what may change converges, what may not is a conflict, what was not sent is left alone."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    ClaimChanged,
    NameTaken,
    NotOwner,
    OutcomeUnknown,
    RefusedByNetBox,
    SharedRole,
    StillWorking,
)
from app.domain.inventory import Address, Changes
from app.domain.policy import PrefixSection
from app.domain.upstream import Missing, Stale
from app.emulator.faults import Fault
from app.ledger.records import Entry
from app.operations.answers import Allocation
from tests.operations.conftest import LAB, POLICY, Desk, Meddler, Opener, wish

FULL: dict[str, Any] = {
    "prefix": LAB,
    "dns_name": "Web.example.com",
    "description": "mine",
    "status": "reserved",
    "role": "loopback",
    "tenant": "platform",
    "tags": ("terraform", "docker"),
    "custom_fields": {"colour": "blue"},
    "mac_address": "52:54:00:12:34:56",
    "hold_seconds": 600,
}


@pytest.fixture
def colour(desk: Desk) -> None:
    """Custom fields of somebody else's."""
    desk.api("POST", "extras/tags/", {"name": "Web Servers", "slug": "web-servers"})
    for name in ("colour", "shade"):
        field = {"object_types": ["ipam.ipaddress"], "name": name, "type": "text"}
        desk.api("POST", "extras/custom-fields/", field)


def shown(allocation: Allocation) -> dict[str, Any]:
    """What was sent, as it is answered."""
    return {name: getattr(allocation, name) for name in FULL}


async def test_the_first_makes_it_and_the_next_changes_nothing(
    desk: Desk, alice: Caller, colour: None
) -> None:
    """As it was sent, byte for byte, and without a write to NetBox or the ledger."""
    first = await desk.operations.upsert(alice, wish("web", **FULL))
    assert (first.created, first.replayed, shown(first.allocation)) == (True, False, FULL)
    writes, lines = desk.calls("POST", "PATCH"), await desk.audit()
    again = await desk.operations.upsert(alice, wish("web", **FULL))
    assert (again.created, again.replayed) == (False, True)
    assert again.allocation == first.allocation == await desk.get(alice, "web")
    assert (desk.calls("POST", "PATCH"), await desk.audit()) == (writes, lines)


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("dns_name", "Db.example.com", "db.example.com"),
        ("dns_name", None, ""),
        ("description", " theirs ", "theirs"),
        ("description", None, ""),
        ("status", "dhcp", "dhcp"),
        ("status", None, "active"),
        ("role", "secondary", "secondary"),
        ("role", None, None),
        ("tenant", "Research", "research"),
        ("tenant", None, None),
        ("tags", ("Web Servers", "docker", "docker"), ("docker", "web-servers")),
        ("tags", ("production",), ("production",)),
        ("tags", (), ()),
        ("tags", None, ()),
        ("custom_fields", {"shade": "dark"}, {"colour": "blue", "shade": "dark"}),
        ("custom_fields", {"colour": None}, {"colour": None, "shade": None}),
        ("custom_fields", None, {"colour": None, "shade": None}),
    ],
    ids=str,
)
async def test_one_field_changes_and_the_others_stay(  # noqa: PLR0917 - two fixtures and a row of the table
    desk: Desk, alice: Caller, colour: None, name: str, value: object, held: object
) -> None:
    """NetBox holds it, the answer shows it as sent, the address is the same; null clears."""
    first = await desk.put(alice, "web", **FULL)
    changed = await desk.put(alice, "web", **{name: value})
    row = await desk.claimed("web")
    assert (row.id, row.address) == (int(first.netbox_id or 0), row.address)
    actual = getattr(row, name)
    if name == "tags":
        actual = tuple(sorted(tag.slug for tag in actual))
    elif name == "tenant":
        actual = actual and actual.slug
    assert actual == held
    assert shown(changed) == {**shown(first), name: value}
    assert await desk.get(alice, "web") == changed
    assert "outcome upsert changed" in await desk.audit("web")


async def test_a_human_edit_is_left_alone_or_set_right(desk: Desk, alice: Caller) -> None:
    """By whether the request speaks of it; a name that was edited back is only noted."""
    await desk.put(alice, "web", prefix=LAB, description="mine", dns_name="web.example.com")
    await desk.edit("web", description="theirs", dns_name="www.example.com")
    left = await desk.put(alice, "web", status="reserved")
    assert (left.description, left.dns_name, left.status) == ("theirs", "www.example.com", "reserved")
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.name_claim == "0/4/www.example.com"
    right = await desk.put(alice, "web", description="mine")
    assert (right.description, right.dns_name) == ("mine", "www.example.com")
    noted = await desk.put(alice, "web", dns_name="WWW.example.com")
    assert noted.dns_name == "WWW.example.com"
    assert (await desk.audit("web"))[-2:] == ["intent upsert", "outcome upsert noted"]


async def test_a_name_that_netbox_gave_us_is_noted_though_another_key_claims_it(
    desk: Desk, alice: Caller
) -> None:
    """NetBox is the truth: nothing is broken by an entry that is behind."""
    await desk.put(alice, "a", prefix=LAB, dns_name="a.example.com")
    await desk.put(alice, "b", prefix=LAB, dns_name="b.example.com")
    await desk.edit("b", dns_name="a.example.com")
    assert (await desk.put(alice, "b", dns_name="a.example.com")).dns_name == "a.example.com"
    entry = await desk.entry("b")
    assert entry is not None
    assert entry.name_claim is None


async def test_a_name_of_another_key_is_refused(desk: Desk, alice: Caller) -> None:
    """Whether NetBox has it, or only the ledger yet; the entry stays as it was."""
    await desk.put(alice, "a", prefix=LAB, dns_name="a.example.com")
    before = await desk.put(alice, "b", prefix=LAB, dns_name="b.example.com")
    with pytest.raises(NameTaken):
        await desk.put(alice, "b", dns_name="A.example.com")
    assert await desk.get(alice, "b") == before
    assert (await desk.audit("b"))[-1] == "denied upsert dns_name_taken"


async def test_a_key_of_another_owner_is_refused(desk: Desk, alice: Caller, bob: Caller) -> None:
    """And nothing changes."""
    before = await desk.put(alice, "a", prefix=LAB)
    with pytest.raises(NotOwner):
        await desk.put(bob, "a", description="mine")
    assert await desk.get(alice, "a") == before


async def test_what_the_ledger_lost_is_adopted_and_converges(desk: Desk, alice: Caller) -> None:
    """One object, changed to what was sent."""
    first = await desk.put(alice, "web", prefix=LAB)
    await desk.lose("web")
    result = await desk.operations.upsert(alice, wish("web", prefix=LAB, description="found"))
    assert (result.created, result.allocation.netbox_id) == (False, first.netbox_id)
    assert (await desk.claimed("web")).description == "found"


async def test_a_dry_run_shows_what_would_be(desk: Desk, alice: Caller, colour: None) -> None:
    """Of a key that is there and of one that is not; nothing is written."""
    await desk.put(alice, "web", prefix=LAB, dns_name="web.example.com")
    writes, lines = desk.calls("POST", "PATCH"), await desk.audit()
    dry = [
        (await desk.operations.upsert(alice, wish(key, **{**FULL, **words}), dry_run=True)).allocation
        for key, words in (("web", {}), ("db", {"dns_name": "db.example.com"}))
    ]
    assert shown(dry[0]) == FULL
    assert (dry[0].ip, dry[1].ip, dry[1].netbox_id) == ("192.168.4.2", "192.168.4.3", None)
    same = await desk.operations.upsert(alice, wish("web", prefix=LAB), dry_run=True)
    assert same.allocation == await desk.get(alice, "web")
    assert (desk.calls("POST", "PATCH"), await desk.audit()) == (writes, lines)


async def test_roles_that_may_be_shared_need_the_policy(desk: Desk, alice: Caller) -> None:
    """On creation, on a change and on adoption; what a human set does not stand in the way."""
    await desk.put(alice, "web", prefix=LAB)
    for write in (desk.put(alice, "web", role="vip"), desk.post(alice, "new", prefix=LAB, role="vip")):
        with pytest.raises(SharedRole):
            await write
    await desk.edit("web", role="vip")
    assert (await desk.put(alice, "web", description="x", role="vip")).role == "vip"
    await desk.lose("web")
    with pytest.raises(SharedRole):
        await desk.post(alice, "web", prefix=LAB)
    desk.policy.append(replace(POLICY, sections=(*POLICY.sections, PrefixSection(shared_roles=True))))
    assert (await desk.post(alice, "web", prefix=LAB)).role == "vip"
    assert (await desk.put(alice, "web", role="anycast")).role == "anycast"


async def test_netbox_refuses_what_it_does_not_know(desk: Desk, alice: Caller) -> None:
    """Its words, and the entry as it was."""
    before = await desk.put(alice, "web", prefix=LAB)
    with pytest.raises(RefusedByNetBox) as refusal:
        await desk.put(alice, "web", status="sleepy")
    assert [error.pointer for error in refusal.value.errors] == ["/status"]
    assert await desk.get(alice, "web") == before
    assert (await desk.audit("web"))[-1] == "outcome upsert refused refused_by_netbox"


async def test_a_change_whose_answer_is_lost_is_found(desk: Desk, alice: Caller) -> None:
    """503, and the retry answers; so does the reconciler, which writes down what NetBox holds."""
    await desk.put(alice, "web", prefix=LAB)
    for name in ("one.example.com", "two.example.com"):
        desk.fault(Fault("answer_lost", method="PATCH"))
        with pytest.raises(OutcomeUnknown):
            await desk.put(alice, "web", dns_name=name)
        desk.fault()
        assert (await desk.put(alice, "web", dns_name=name)).dns_name == name
        await desk.quiet()
    desk.fault(Fault("error", method="PATCH", status=502))
    with pytest.raises(OutcomeUnknown):
        await desk.put(alice, "web", dns_name="three.example.com")
    await desk.quiet()
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.dns_name == "two.example.com"


async def test_an_update_in_doubt_on_an_object_that_is_gone_is_closed(desk: Desk, alice: Caller) -> None:
    """Deleted, or given another key."""
    for key in ("a", "b"):
        await desk.put(alice, key, prefix=LAB)
        desk.fault(Fault("answer_lost", method="PATCH"))
        with pytest.raises(OutcomeUnknown):
            await desk.put(alice, key, description="x")
        desk.fault()
    await desk.erase("a")
    await desk.edit("b", claim=("other", "bob"))
    await desk.quiet()
    assert [(await desk.audit(key))[-1] for key in "ab"] == ["outcome upsert gone"] * 2


Change = Callable[[Address, Changes], Awaitable[Address]]


@pytest.mark.parametrize("version", ["4.3", "4.7"])
async def test_an_edit_between_our_look_and_our_change_is_not_undone(
    open_desk: Opener, alice: Caller, version: str
) -> None:
    """If-Match where NetBox has it: read again, compare again, change the rest; the edit stays."""
    desk = await open_desk(version=version)
    await desk.put(alice, "web", prefix=LAB, description="old")
    edits = ["first", "second"]

    async def meddle(change: Change, address: Address, changes: Changes) -> Address:
        if edits:
            await desk.edit("web", tenant_id=desk.api("GET", "tenancy/tenants/")["results"][0]["id"])
            await desk.edit("web", dns_name=f"{edits.pop()}.example.com")
        return await change(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=meddle))
    changed = await desk.put(alice, "web", description="new")
    assert (changed.description, changed.dns_name) == (
        "new",
        "first.example.com" if version == "4.7" else "second.example.com",
    )
    await desk.quiet()


async def test_an_object_that_keeps_changing_ends_in_a_503(desk: Desk, alice: Caller) -> None:
    """After three rounds; nothing was changed, and every round is on the record."""
    await desk.put(alice, "web", prefix=LAB)

    async def stale(_change: Change, _address: Address, _changes: Changes) -> Address:
        raise Stale("changed")

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=stale))
    with pytest.raises(StillWorking):
        await desk.put(alice, "web", description="new")
    assert (await desk.audit("web")).count("outcome upsert refused still_working") == 3
    await desk.quiet()


async def test_an_object_that_vanishes_meanwhile_is_made_by_the_retry(desk: Desk, alice: Caller) -> None:
    """503 now, a new allocation then."""
    first = await desk.put(alice, "web", prefix=LAB)

    async def gone(_change: Change, _address: Address, _changes: Changes) -> Address:
        await desk.erase("web")
        raise Missing("gone")

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=gone))
    with pytest.raises(StillWorking):
        await desk.put(alice, "web", description="new")
    again = await desk.put(alice, "web", prefix=LAB, description="new")
    assert (again.description, again.netbox_id != first.netbox_id) == ("new", True)
    await desk.quiet()


async def test_a_claim_that_changed_under_an_update_is_told(open_desk: Opener, alice: Caller) -> None:
    """NetBox before 4.6 lets the update through; the entry is not taken for what the object is now."""
    desk = await open_desk(version="4.3")
    await desk.put(alice, "web", prefix=LAB)

    async def steal(change: Change, address: Address, changes: Changes) -> Address:
        await desk.edit("web", claim=("other", "bob"))
        return await change(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=steal))
    with pytest.raises(ClaimChanged):
        await desk.put(alice, "web", description="new")
    assert (await desk.audit("web"))[-1] == "outcome upsert refused claim_changed"
    await desk.accounted()


async def test_a_change_that_cannot_be_read_again_is_in_doubt(open_desk: Opener, alice: Caller) -> None:
    """It was carried out, whatever the look says that NetBox before 4.6 needs afterwards."""
    desk = await open_desk(version="4.3")
    made = await desk.put(alice, "web", prefix=LAB)
    look = f"/api/ipam/ip-addresses/{made.netbox_id}/"
    desk.fault(Fault("token_expired", method="GET", path=look, skip=1))
    with pytest.raises(OutcomeUnknown):
        await desk.put(alice, "web", description="new")
    desk.fault()
    assert (await desk.put(alice, "web", description="new")).description == "new"
    await desk.quiet()


async def test_an_entry_that_another_request_changed_is_read_again(desk: Desk, alice: Caller) -> None:
    """Another key's request may put an entry right in the middle of ours."""
    await desk.put(alice, "web", prefix=LAB)
    entry = await desk.entry("web")
    assert entry is not None
    touched: list[Entry] = []

    async def touch(find: Callable[..., Awaitable[Any]], *args: object) -> object:
        found = await find(*args)
        if not touched:
            touched.append(replace(entry, reference="touched"))
            await desk.database.write(lambda tx: tx.put(touched[0]))
        return found

    desk.restart(addresses=Meddler(desk.netbox.addresses, read=touch))
    assert (await desk.put(alice, "web", description="new")).reference == "touched"
