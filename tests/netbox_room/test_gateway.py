"""Allocating, finding, changing and deleting: the same tests on both emulated versions and a real NetBox."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace

import pytest

from app.domain.errors import UnknownReference
from app.domain.inventory import Assignment, Changes, Draft, Kind, Parent, Pool, Receipt, Vrf
from app.domain.upstream import FaultKind, Missing, NoRoom, Rejected, Stale
from app.netbox import NetBox
from tests.netbox_room.conftest import Admin


async def pool_of(netbox: NetBox, admin: Admin, length: int = 24, **body: int) -> Pool:
    """A new prefix."""
    made = admin.make("ipam/prefixes", prefix=admin.network(length), **body)
    pool = await netbox.inventory.prefix(int(made["id"]))
    assert pool is not None
    return pool


def drafts(key: str, count: int) -> list[Draft]:
    """So many drafts with claims of their own."""
    return [Draft(key=f"{key}-{n}", owner="team", dns_name=f"H{n}.example.com") for n in range(count)]


async def take(netbox: NetBox, pool: Pool, key: str, count: int = 1) -> Receipt:
    """Allocate."""
    return await netbox.allocator.allocate(pool, drafts(key, count))


async def test_a_list_takes_the_next_free_addresses_in_order(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """The lowest free ones, each with its claim, owner and name (which NetBox lower-cases)."""
    pool = await pool_of(netbox, admin)
    receipt = await take(netbox, pool, unique, 3)
    first = pool.network.network_address
    assert [row.address.ip for row in receipt.addresses] == [first + n for n in (1, 2, 3)]
    assert [row.key for row in receipt.addresses] == [f"{unique}-{n}" for n in range(3)]
    assert receipt.addresses[0].owner == "team"
    assert receipt.addresses[0].dns_name == "h0.example.com"
    assert receipt.request_id


async def test_a_list_that_does_not_fit_takes_nothing(netbox: NetBox, admin: Admin, unique: str) -> None:
    """All or none: a /30 has two."""
    pool = await pool_of(netbox, admin, 30)
    with pytest.raises(NoRoom):
        await take(netbox, pool, unique, 3)
    assert await netbox.allocator.count_available(pool, 10) == 2
    assert await netbox.allocator.find_claims([f"{unique}-0"]) == []


async def test_a_taken_claim_is_told_by_its_position(netbox: NetBox, admin: Admin, unique: str) -> None:
    """And nothing of the list is created."""
    pool = await pool_of(netbox, admin)
    await take(netbox, pool, unique, 1)
    with pytest.raises(Rejected) as refused:
        await netbox.allocator.allocate(pool, [*drafts(f"{unique}-new", 1), *drafts(unique, 1)])
    assert {index: fault.kind for index, fault in refused.value.items.items()} == {1: FaultKind.CLAIM}
    assert await netbox.allocator.count_available(pool, 1000) == 253


async def test_a_bad_name_is_told_by_its_position(netbox: NetBox, admin: Admin, unique: str) -> None:
    """With NetBox's name of the field."""
    pool = await pool_of(netbox, admin)
    bad = [replace(each, dns_name="no spaces") for each in drafts(f"{unique}-bad", 1)]
    with pytest.raises(Rejected) as refused:
        await netbox.allocator.allocate(pool, [*drafts(unique, 2), *bad])
    (index, fault), *_ = refused.value.items.items()
    assert (index, fault.kind, list(fault.messages)) == (2, FaultKind.OTHER, ["dns_name"])


async def test_twenty_callers_with_one_claim_get_one_address(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """NetBox checks the unique field inside its lock."""
    pool = await pool_of(netbox, admin)
    results = await asyncio.gather(*(take(netbox, pool, unique) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, Receipt) for result in results) == 1
    assert len(await netbox.allocator.find_claims([f"{unique}-0"])) == 1


async def test_nothing_is_asked_for_nothing(netbox: NetBox, admin: Admin) -> None:
    """NetBox would answer `[]` with `[]`."""
    pool = await pool_of(netbox, admin)
    assert await netbox.allocator.allocate(pool, []) == Receipt(())


async def test_one_list_never_holds_a_claim_twice(netbox: NetBox, admin: Admin, unique: str) -> None:
    """NetBox would let both pass (4.3.7 and 4.7.3, measured)."""
    pool = await pool_of(netbox, admin)
    with pytest.raises(Rejected) as refused:
        await netbox.allocator.allocate(pool, drafts(unique, 1) * 2)
    assert refused.value.items[1].kind is FaultKind.CLAIM


async def test_a_prefix_of_a_vrf_hands_out_addresses_of_that_vrf(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """NetBox takes the prefix's VRF whatever the body says."""
    vrf = int(admin.make("ipam/vrfs", name=unique, rd=unique[:20], enforce_unique=True)["id"])
    pool = await pool_of(netbox, admin, vrf=vrf)
    (row,) = (await take(netbox, pool, unique)).addresses
    assert row.vrf_id == vrf
    assert await netbox.addresses.find_host(row.address.ip, vrf) != []
    assert await netbox.addresses.find_host(row.address.ip, None) == []
    assert await netbox.addresses.find_name("h0.example.com", vrf) != []
    (named,) = await netbox.inventory.vrfs(unique)
    assert (named.id, named.enforce_unique) == (vrf, True)
    assert [each.id for each in await netbox.inventory.vrfs(unique[:20])] == [vrf]
    assert [each.name for each in await netbox.inventory.vrfs(vrf)] == [unique]
    assert await netbox.inventory.vrfs("") == []


async def test_a_range_hands_out_its_own_addresses(netbox: NetBox, admin: Admin, unique: str) -> None:
    """In order, within its bounds, until it is full."""
    base = admin.network().split("/")[0].removesuffix(".0")
    made = admin.make("ipam/ip-ranges", start_address=f"{base}.5/24", end_address=f"{base}.6/24")
    first, last = ipaddress.ip_address(f"{base}.5"), ipaddress.ip_address(f"{base}.6")
    (pool,) = await netbox.inventory.ranges_at(first, last)
    assert pool == await netbox.inventory.ip_range(int(made["id"]))
    assert await netbox.shelf.used(pool) == 0
    receipt = await take(netbox, pool, unique, 2)
    assert [row.address.ip for row in receipt.addresses] == [first, last]
    assert await netbox.shelf.used(pool) == 2
    with pytest.raises(NoRoom):
        await take(netbox, pool, f"{unique}-more")


# -- explicit addresses ------------------------------------------------------------------------


async def test_an_explicit_address_is_created_as_it_is_named(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """With its mask, and without a claim if there is no key."""
    host = ipaddress.ip_interface(admin.network().replace(".0/24", ".77/24"))
    receipt = await netbox.addresses.create(None, [Draft(key="", owner="", address=host, status="reserved")])
    (row,) = receipt.addresses
    assert (row.address, row.status, row.key) == (host, "reserved", None)


async def test_a_taken_address_is_told_by_its_position(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Both versions' shapes: a list by position, and `errors[].index`."""
    one, two = (ipaddress.ip_interface(admin.network().replace(".0/24", f".{n}/24")) for n in (7, 8))
    await netbox.addresses.create(None, [Draft(key="", owner="", address=two)])
    with pytest.raises(Rejected) as refused:
        await netbox.allocator.create(
            None,
            [Draft(key=unique, owner="o", address=one), Draft(key=f"{unique}-2", owner="o", address=two)],
        )
    assert {index: fault.kind for index, fault in refused.value.items.items()} == {1: FaultKind.DUPLICATE}
    assert await netbox.addresses.find_host(one.ip, None) == []


async def test_one_list_never_holds_an_address_twice(netbox: NetBox, admin: Admin) -> None:
    """4.3.7 would create both."""
    host = ipaddress.ip_interface(admin.network().replace(".0/24", ".9/24"))
    with pytest.raises(Rejected) as refused:
        await netbox.addresses.create(None, [Draft(key="", owner="", address=host)] * 2)
    assert refused.value.items[1].kind is FaultKind.DUPLICATE


async def test_a_draft_without_an_address_is_a_mistake_of_the_caller(netbox: NetBox) -> None:
    """NetBox is not asked."""
    with pytest.raises(ValueError, match="without an address"):
        await netbox.addresses.create(None, [Draft(key="k", owner="o")])


# -- finding -----------------------------------------------------------------------------------


async def test_claims_are_found_exactly(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Not by a part, nor in another case; and `null` and the empty text are not even asked for."""
    pool = await pool_of(netbox, admin)
    made = (await take(netbox, pool, unique, 2)).addresses
    asked = [f"{unique}-0", f"{unique}-1", unique, f"{unique}-0".upper(), "null", ""]
    found = await netbox.allocator.find_claims(asked)
    assert sorted(row.id for row in found) == [row.id for row in made]
    assert await netbox.addresses.find_claims(["null", ""]) == []


async def test_many_long_claims_are_found_in_several_calls(netbox: NetBox, admin: Admin, unique: str) -> None:
    """A URL of more than 4094 bytes is a 400 of gunicorn."""
    pool = await pool_of(netbox, admin)
    keys = [f"{unique}-{n}-".ljust(300, "x") for n in range(30)]
    await netbox.allocator.allocate(pool, [Draft(key=key, owner="o") for key in keys])
    found = await netbox.addresses.find_claims(keys)
    assert sorted(str(row.key) for row in found) == sorted(keys)


async def test_a_name_is_found_whatever_its_case(netbox: NetBox, admin: Admin, unique: str) -> None:
    """NetBox stores it in lower case and compares exactly."""
    pool = await pool_of(netbox, admin)
    await netbox.allocator.allocate(pool, [Draft(key=unique, owner="o", dns_name=f"{unique}.example")])
    (row,) = await netbox.addresses.find_name(f"{unique}.EXAMPLE", None)
    assert row.key == unique
    assert await netbox.addresses.find_name("", None) == []


async def test_names_are_found_by_their_ends(netbox: NetBox, admin: Admin, unique: str) -> None:
    """In the VRF, and in whatever case they are asked for; nothing is asked without an end."""
    pool = await pool_of(netbox, admin)
    names = [f"{unique}-01-a.example", f"{unique}-02-a.example", f"{unique}-03-b.example"]
    drafts = [Draft(key=name, owner="o", dns_name=name) for name in names]
    await netbox.allocator.allocate(pool, drafts)
    ends = ((unique, "-A.EXAMPLE"), (f"{unique.upper()}-", ""), ("", f"{unique}-01-a.example"))
    found = [await netbox.addresses.find_names(before, after, None) for before, after in ends]
    assert [sorted(row.dns_name for row in rows) for rows in found] == [names[:2], names, names[:1]]
    vrf = int(admin.make("ipam/vrfs", name=unique)["id"])
    assert await netbox.addresses.find_names(unique, "", vrf) == []
    assert await netbox.addresses.find_names("", "", None) == []


async def test_a_host_is_found_whatever_its_mask(netbox: NetBox, admin: Admin) -> None:
    """`address=` without a mask compares the host part."""
    host = ipaddress.ip_interface(admin.network().replace(".0/24", ".11/32"))
    await netbox.addresses.create(None, [Draft(key="", owner="", address=host)])
    (row,) = await netbox.addresses.find_host(host.ip, None)
    assert row.address == host


async def test_simultaneous_reads_share_a_call(netbox: NetBox, admin: Admin, unique: str) -> None:
    """What is asked while a call is under way goes into the next one."""
    pool = await pool_of(netbox, admin)
    made = (await take(netbox, pool, unique, 5)).addresses
    answers = await asyncio.gather(*(netbox.addresses.read_many([row.id]) for row in made))
    assert [row.id for (row,) in answers] == [row.id for row in made]
    assert await netbox.addresses.read_many([]) == []
    assert await netbox.addresses.read_many([2**31 - 1]) == []


async def test_claimed_addresses_are_paged_by_id(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Never by offset: rows go away while one reads."""
    pool = await pool_of(netbox, admin)
    made = (await take(netbox, pool, unique, 5)).addresses
    await netbox.addresses.change(made[2], Changes(claim=("", "")))
    start = made[0].id - 1
    page = await netbox.addresses.claimed_after(start, 3)
    rest = await netbox.addresses.claimed_after(page[-1].id, 1000)
    mine = [row.id for row in (*page, *rest) if str(row.key).startswith(unique)]
    assert mine == [made[n].id for n in (0, 1, 3, 4)]


# -- changing and deleting ---------------------------------------------------------------------


async def test_a_change_answers_what_netbox_holds_afterwards(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """With the ETag for the next change, where NetBox has them."""
    tag = admin.make("extras/tags", name=unique, slug=unique)
    pool = await pool_of(netbox, admin)
    row = await netbox.addresses.read((await take(netbox, pool, unique)).addresses[0].id)
    assert row is not None
    changed = await netbox.addresses.change(
        row, Changes(dns_name="New.example", role="loopback", tag_ids=(int(tag["id"]),), message="why")
    )
    assert (changed.dns_name, changed.role, changed.tags[0].slug) == ("new.example", "loopback", unique)
    assert changed.key == row.key
    cleared = await netbox.addresses.change(changed, Changes(role="", tag_ids=(), claim=("", "")))
    assert (cleared.role, cleared.tags, cleared.key) == (None, (), None)


async def test_a_change_of_something_that_changed_is_refused(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """Where NetBox has ETags (>= 4.6.0); before, the last one wins, and the answer shows it."""
    pool = await pool_of(netbox, admin)
    row = await netbox.addresses.read((await take(netbox, pool, unique)).addresses[0].id)
    assert row is not None
    await netbox.addresses.change(row, Changes(description="a human's"))
    if (await netbox.facts()).has_etags:
        with pytest.raises(Stale):
            await netbox.addresses.change(row, Changes(description="ours"))
        with pytest.raises(Stale):
            await netbox.addresses.delete(row, "gone")
    else:
        assert row.etag is None
        assert (await netbox.addresses.change(row, Changes(dns_name="x"))).description == "a human's"


async def test_a_deleted_address_is_gone(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Deleting it again says so, and so does a change."""
    pool = await pool_of(netbox, admin)
    row = await netbox.addresses.read((await take(netbox, pool, unique)).addresses[0].id)
    assert row is not None
    await netbox.addresses.delete(row, "released by its owner")
    assert await netbox.addresses.read(row.id) is None
    with pytest.raises(Missing):
        await netbox.addresses.delete(row, "")
    with pytest.raises(Missing):
        await netbox.addresses.change(row, Changes(description="x"))


async def test_a_primary_address_is_known_as_one(netbox: NetBox, admin: Admin, unique: str) -> None:
    """It is the machine that says so, not the address."""
    kind = admin.make("virtualization/cluster-types", name=unique, slug=unique)
    cluster = admin.make("virtualization/clusters", name=unique, type=kind["id"])
    machine = admin.make("virtualization/virtual-machines", name=unique, cluster=cluster["id"])
    card = admin.make("virtualization/interfaces", name="eth0", virtual_machine=machine["id"])
    pool = await pool_of(netbox, admin)
    draft = Draft(
        key=unique, owner="o", assigned_type="virtualization.vminterface", assigned_id=int(card["id"])
    )
    (row,) = (await netbox.allocator.allocate(pool, [draft])).addresses
    assert row.assigned is not None
    assert (row.assigned.interface, row.assigned.parent) == ("eth0", unique)
    assert not await netbox.addresses.is_primary(row)
    where = f"{admin.url}/api/virtualization/virtual-machines/{machine['id']}/"
    assert admin.patch(where, json={"primary_ip4": row.id}).status_code == 200
    assert await netbox.addresses.is_primary(row)
    assert not await netbox.addresses.is_primary(replace(row, assigned=None))


# -- looking things up -------------------------------------------------------------------------


async def test_prefixes_are_found_by_network_and_by_host(netbox: NetBox, admin: Admin, unique: str) -> None:
    """The most specific one first; children are counted."""
    parent = await pool_of(netbox, admin)
    host = parent.network.network_address + 5
    child = admin.make("ipam/prefixes", prefix=f"{parent.network.network_address}/28")
    around = await netbox.inventory.prefixes_around(host, None)
    assert [pool.network.prefixlen for pool in around[:2]] == [28, 24]
    (fresh,) = await netbox.inventory.prefixes_at(parent.network)
    assert fresh.children == 1
    assert (await netbox.inventory.prefix(int(child["id"]))) == around[0]
    assert await netbox.inventory.prefix(2**31 - 1) is None


async def test_what_was_looked_up_is_remembered_until_it_is_forgotten(
    netbox: NetBox, admin: Admin, unique: str
) -> None:
    """A prefix look-up costs NetBox as much as an allocation."""
    pool = await pool_of(netbox, admin)
    await netbox.inventory.prefixes_at(pool.network)
    answer = admin.patch(f"{admin.url}/api/ipam/prefixes/{pool.id}/", json={"description": unique})
    assert answer.status_code == 200
    assert (await netbox.inventory.prefix(pool.id)) == pool
    netbox.inventory.forget(pool)
    for fresh in (await netbox.inventory.prefix(pool.id), *await netbox.inventory.prefixes_at(pool.network)):
        assert fresh is not None
        assert fresh.description == unique


async def test_references_are_found_by_id_slug_and_name(netbox: NetBox, admin: Admin, unique: str) -> None:
    """A slug before a name; what is not there is left out, and something near is offered."""
    tag = admin.make("extras/tags", name=f"{unique} Name", slug=unique)
    number = int(tag["id"])
    asked: list[str | int] = [number, unique, f"{unique} Name", "no-such-tag", 2**31 - 1, ""]
    found = await netbox.inventory.references(Kind.TAG, asked)
    assert {name: each.id for name, each in found.items()} == {
        number: number,
        unique: number,
        f"{unique} Name": number,
    }
    assert unique in await netbox.inventory.near(Kind.TAG, f"{unique}x".upper())


async def test_a_name_that_two_objects_have_is_not_guessed(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Two clusters of one name: nobody knows which one was meant."""
    kind = admin.make("virtualization/cluster-types", name=unique, slug=unique)
    ids = [admin.make("virtualization/clusters", name=unique, type=kind["id"])["id"] for _ in range(2)]
    assert await netbox.inventory.references(Kind.CLUSTER, [unique]) == {}
    assert list(await netbox.inventory.references(Kind.CLUSTER, [int(ids[0])])) == [int(ids[0])]


async def test_interfaces_are_found_by_names_and_ids(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Of machines of one name all of them; of what is not there none, and what is near."""
    inventory = netbox.inventory
    kind = admin.make("virtualization/cluster-types", name=unique, slug=unique)["id"]
    cluster = admin.make("virtualization/clusters", name=unique, type=kind)["id"]
    machine = admin.make("virtualization/virtual-machines", name=unique, cluster=cluster)["id"]
    made = admin.make("virtualization/interfaces", virtual_machine=machine, name="ens18")["id"]
    expected = Assignment("virtualization.vminterface", int(made), "ens18", unique, int(machine))
    for reference in (unique, int(machine)):
        assert await inventory.interfaces("virtual_machine", reference, "ens18") == [expected]
        assert await inventory.interfaces("virtual_machine", reference, "ens19") == []
        [parent] = await inventory.parents("virtual_machine", reference)
        assert parent == Parent(int(machine), unique, f"cluster {unique}")
    for absent in ("no such machine", 999_999_999):
        assert await inventory.interfaces("virtual_machine", absent, "ens18") == []
        assert await inventory.parents("device", absent) == []
    assert unique in await inventory.near_parents("virtual_machine", f"{unique}x".upper())
    assert await inventory.near_interfaces("virtual_machine", int(machine), "ENS19") == ["ens18"]


async def test_a_preview_shows_what_would_come_next(netbox: NetBox, admin: Admin, unique: str) -> None:
    """And writes nothing."""
    pool = await pool_of(netbox, admin)
    seen = await netbox.inventory.preview(pool, 2)
    receipt = await take(netbox, pool, unique, 2)
    assert seen == [str(row.address) for row in receipt.addresses]
    assert await netbox.shelf.used(pool) == 2


async def test_forms_get_pages_by_id(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Everything after an id, searched by NetBox."""
    made = [admin.make("extras/tags", name=f"{unique}-{n}", slug=f"{unique}-{n}")["id"] for n in range(3)]
    first = await netbox.shelf.offers(Kind.TAG, unique, 0, 2)
    rest = await netbox.shelf.offers(Kind.TAG, unique, first[-1].id, 2)
    assert [row.id for row in (*first, *rest)] == made


async def test_a_form_sees_route_distinguishers(netbox: NetBox, admin: Admin, unique: str) -> None:
    """They tell VRFs of one name apart."""
    admin.make("ipam/vrfs", name=unique, rd=unique[:20])
    (offered,) = await netbox.shelf.offers(Kind.VRF, unique, 0, 2)
    assert isinstance(offered, Vrf)
    assert offered.rd == unique[:20]


async def test_prefixes_are_listed_by_what_describes_them(netbox: NetBox, admin: Admin, unique: str) -> None:
    """Site, role, tag and VRF."""
    site = admin.make("dcim/sites", name=unique, slug=unique)
    role = admin.make("ipam/roles", name=unique, slug=unique)
    tag = admin.make("extras/tags", name=unique, slug=unique)
    vrf = admin.make("ipam/vrfs", name=unique)
    made = admin.make(
        "ipam/prefixes",
        prefix=admin.network(),
        scope_type="dcim.site",
        scope_id=site["id"],
        role=role["id"],
        tags=[tag["id"]],
        vrf=vrf["id"],
    )

    async def listed(**filters: str | None) -> list[int]:
        none: dict[str, str | None] = {"site": None, "role": None, "tag": None, "vrf": None}
        rows = await netbox.shelf.prefixes(q="", after=0, limit=50, **{**none, **filters})
        return [row.id for row in rows]

    for filters in ({"site": unique}, {"role": unique}, {"tag": unique}, {"vrf": unique}):
        assert await listed(**filters) == [made["id"]]
    assert made["id"] not in await listed(vrf="null")
    wrong = f"{unique}x"
    for word in ("site", "role", "tag", "vrf"):
        with pytest.raises(UnknownReference) as refusal:
            await listed(**{word: wrong})
        [error] = refusal.value.errors
        assert (error.pointer, error.code) == ("", "unknown")
        assert f"`{word}`: NetBox has no {word} {wrong!r}; did you mean {unique}" in error.detail
    pool = await netbox.shelf.prefix(int(made["id"]))
    assert pool is not None
    assert pool.site is not None
    assert pool.site.slug == unique


async def test_netbox_says_which_one_it_is(netbox: NetBox, admin: Admin) -> None:
    """The emulator says that it is one."""
    facts = await netbox.facts()
    assert facts.version >= (4, 3, 0)
    assert facts.emulator == ("X-Berth-Emulator" in admin.get(f"{admin.url}/api/status/").headers)
    assert await netbox.facts() is facts
