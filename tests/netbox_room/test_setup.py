"""Preparing NetBox, and looking whether it is prepared."""

from __future__ import annotations

import ipaddress
import json
import secrets
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.inventory import Draft, Json
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox import NetBox, setup
from app.netbox.facts import facts_of
from app.netbox.inspection import Check, inspect
from app.netbox.setup import Deed, bootstrap, print_instructions
from app.netbox.wire import Reply
from tests.netbox_room.conftest import Admin, Heard, Server

Reach = Callable[..., NetBox]
FIELDS = "extras/custom-fields"


@pytest.fixture(params=["4.7", "4.3"])
def bare(request: pytest.FixtureRequest) -> Iterator[Admin]:
    """A NetBox that knows nothing of Berth."""
    with running(create_app(version=request.param)) as url, Admin(url, SEED_TOKEN) as admin:
        yield admin


def field(name: str, **changes: Json) -> dict[str, Json]:
    """A custom field as somebody made it by hand."""
    return {"name": name, "type": "text", "object_types": ["ipam.ipaddress"], **changes}


async def test_a_bare_netbox_gets_fields_and_tags_once(bare: Admin, reach: Reach) -> None:
    """Repeating it finds them."""
    line = reach(bare.url).line
    first = await bootstrap(line, ["Production DNS", "terraform", "terraform"])
    assert [step.deed for step in first] == [Deed.CREATED] * 4
    again = await bootstrap(line, ["Production DNS", "terraform"])
    assert [step.deed for step in again] == [Deed.FOUND] * 4


async def test_what_it_makes_is_what_claims_need(bare: Admin, reach: Reach) -> None:
    """On addresses and on machines."""
    netbox = reach(bare.url)
    before = await netbox.fields.claim_fields()
    assert before.problems == (
        "NetBox has no custom field berth_key.",
        "NetBox has no custom field berth_owner.",
    )
    await bootstrap(netbox.line)
    after = await netbox.fields.claim_fields()
    assert (after.problems, after.on_machines) == ((), True)


async def test_a_field_made_by_hand_is_repaired(bare: Admin, reach: Reach) -> None:
    """NetBox's own defaults are wrong for a claim: not unique, and a filter that finds substrings."""
    bare.make(FIELDS, **field("berth_key", object_types=["ipam.ipaddress", "dcim.site"]))
    bare.make(FIELDS, **field("berth_owner", unique=True, object_types=["dcim.site"]))
    netbox = reach(bare.url)
    found = await netbox.fields.claim_fields()
    assert len(found.problems) == 5
    assert not found.on_machines
    steps = await bootstrap(netbox.line)
    assert [step.deed for step in steps] == [Deed.REPAIRED] * 2
    assert (await netbox.fields.claim_fields()).problems == ()
    key = (await netbox.fields.find())["berth_key"]
    assert "dcim.site" in key.object_types


async def test_fields_from_before_machines_were_registered_go_on_carrying_addresses(
    bare: Admin, reach: Reach
) -> None:
    """Nothing is wrong with them; what registering machines needs is said, and made by `berth bootstrap`."""
    types: list[Json] = ["ipam.ipaddress", "virtualization.virtualmachine"]
    exact: dict[str, Json] = {"filter_logic": "exact", "ui_editable": "no"}
    bare.make(FIELDS, **field("berth_key", unique=True, object_types=types, **exact))
    bare.make(FIELDS, **field("berth_owner", **exact))
    netbox = reach(bare.url)
    found = await netbox.fields.claim_fields()
    assert (found.problems, found.on_machines) == ((), False)
    checks = by_name(await inspect(netbox))
    assert checks["claim fields"].ok
    machines = checks["claim fields on virtual machines"]
    assert (machines.ok, machines.required) == (False, False)
    assert machines.detail == (
        "Custom field berth_key is not defined for interfaces of virtual machines. "
        "Custom field berth_owner is not defined for virtual machines. "
        "Custom field berth_owner is not defined for interfaces of virtual machines."
    )
    assert "berth bootstrap" in machines.what_to_do
    assert [step.detail for step in await bootstrap(netbox.line)] == ["changed: object_types"] * 2
    assert (await netbox.fields.claim_fields()).on_machines
    assert by_name(await inspect(netbox))["claim fields on virtual machines"].ok


async def test_a_field_of_another_type_is_left_to_people(bare: Admin, reach: Reach) -> None:
    """NetBox does not change a field's type."""
    bare.make(FIELDS, **field("berth_key", type="integer"))
    steps = await bootstrap(reach(bare.url).line)
    assert steps[0].deed is Deed.WRONG
    assert "integer" in steps[0].detail


async def test_what_netbox_refuses_is_reported_and_the_rest_done(bare: Admin, reach: Reach) -> None:
    """A tag of another slug with this name, and one without a letter."""
    bare.make("extras/tags", name="terraform", slug="tf")
    steps = await bootstrap(reach(bare.url).line, ["terraform", "!!!", "ok"])
    assert [step.deed for step in steps[2:]] == [Deed.WRONG, Deed.WRONG, Deed.CREATED]


def test_the_instructions_name_everything_an_administrator_does() -> None:
    """Commands, clicks, rights and the index."""
    text = print_instructions("https://netbox.example.com")
    assert text.count("curl ") == 2
    assert "https://netbox.example.com/api/extras/custom-fields/" in text
    assert "add ipam.ipaddress" in text
    assert text.count('"ipam.ipaddress", "virtualization.virtualmachine", "virtualization.vminterface"') == 2
    assert "Virtualization > Virtual Machine, Virtualization > Interface" in text
    assert setup.INDEX_SQL in text
    assert setup.DNS_INDEX_SQL in text
    assert "(custom_field_data->'berth_key')" in setup.INDEX_SQL
    assert setup.DROP_INDEX_SQL == "DROP INDEX CONCURRENTLY IF EXISTS berth_key_idx;"


def test_the_instructions_make_the_tags_of_the_policy() -> None:
    """A command and a click for each, with the slug that Berth itself would give it."""
    text = print_instructions("https://netbox.example.com", ("production-dns", "Ada's Own"))
    commands = [line for line in text.splitlines() if line.startswith("  -d ")][2:]
    assert [json.loads(shlex.split(line)[1]) for line in commands] == [
        {"name": "production-dns", "slug": "production-dns"},
        {"name": "Ada's Own", "slug": "ada-s-own"},
    ]
    assert text.count("curl --fail-with-body -X POST https://netbox.example.com/api/extras/tags/ ") == 2
    assert "Customization > Tags > Add" in text
    assert "  Name Ada's Own, Slug ada-s-own" in text


def test_the_page_for_administrators_has_the_same_indexes() -> None:
    """To make and to drop, word for word."""
    page = (Path(__file__).parents[2] / "docs" / "for-netbox-admins.md").read_text()
    statements = (setup.INDEX_SQL, setup.DNS_INDEX_SQL, setup.DROP_INDEX_SQL, setup.DROP_DNS_INDEX_SQL)
    assert [statement for statement in statements if statement not in page] == []


# -- doctor ------------------------------------------------------------------------------------


def by_name(checks: list[Check]) -> dict[str, Check]:
    """The checks by what they looked at."""
    return {check.name: check for check in checks}


async def test_a_prepared_netbox_is_well(admin: Admin, netbox: NetBox) -> None:
    """Of an administrator's token only the excess is criticised."""
    checks = await inspect(netbox)
    assert [check.name for check in checks if not check.ok] in (
        ["excess rights"],
        ["excess rights", "duplicates"],
    )
    assert all(check.what_to_do for check in checks if not check.ok)


async def test_looking_writes_nothing(bare: Admin, reach: Reach) -> None:
    """Not an address, not a field, not a change log record."""
    netbox = reach(bare.url)
    before = bare.get(f"{bare.url}/api/core/object-changes/").json()["count"]
    await inspect(netbox)
    assert bare.get(f"{bare.url}/api/core/object-changes/").json()["count"] == before


async def test_a_token_that_may_only_look_lacks_the_rest(admin: Admin, reach: Reach, unique: str) -> None:
    """Each missing right is named, with what it is for."""
    user = admin.make("users/users", username=unique, password="Some-Password-1!")
    admin.make(
        "users/permissions",
        name=unique,
        object_types=["ipam.prefix", "ipam.ipaddress"],
        actions=["view"],
        users=[user["id"]],
    )
    own = secrets.token_hex(20)
    made = admin.make("users/tokens", user=user["id"], key=own)
    token = f"nbt_{made['key']}.{made['token']}" if "token" in made else own  # 4.7 makes its own
    checks = by_name(await inspect(reach(admin.url, token)))
    rights = {
        f"right: {action} ipam.ipaddress": action == "view" for action in ("view", "add", "change", "delete")
    }
    assert {name: checks[name].ok for name in rights} == rights
    assert checks["excess rights"].ok
    assert "customfield" in checks["right: view extras.customfield"].what_to_do
    assert "permission to view" in checks["claim fields"].detail


async def test_doubled_addresses_and_claims_are_found(emulated: Admin, reach: Reach) -> None:
    """The human UI takes no lock; here a list with one claim twice, and a VRF that allows doubles."""
    vrf = emulated.make("ipam/vrfs", name="free", enforce_unique=False)["id"]
    emulated.make("ipam/ip-addresses", address="10.0.0.1/24", vrf=vrf, custom_fields={"berth_key": "a"})
    emulated.make("ipam/ip-addresses", address="10.0.0.1/32", vrf=vrf)
    pool = emulated.make("ipam/prefixes", prefix="10.1.0.0/24")["id"]
    twice = [{"custom_fields": {"berth_key": "b"}}] * 2
    where = f"{emulated.url}/api/ipam/prefixes/{pool}/available-ips/"
    assert emulated.post(where, json=twice).status_code == 201
    found = by_name(await inspect(reach(emulated.url)))["duplicates"]
    assert not found.ok
    assert found.what_to_do.endswith("b, 10.0.0.1 in VRF free.")


async def test_all_claims_are_looked_through(emulated: Admin, reach: Reach) -> None:
    """A thousand at a time, and no more than the caller wants."""
    emulated.make("ipam/prefixes", prefix="10.1.0.0/20")
    netbox = reach(emulated.url)
    (pool,) = await netbox.inventory.prefixes_at(ipaddress.ip_network("10.1.0.0/20"))
    await netbox.allocator.allocate(pool, [Draft(key=f"k{n}", owner="o") for n in range(1001)])
    assert by_name(await inspect(netbox))["duplicates"].detail == "none among 1001 claims"
    assert by_name(await inspect(netbox, most_claims=5))["duplicates"].detail == "none among 1000 claims"


async def test_a_netbox_that_is_not_there_is_one_finding(reach: Reach) -> None:
    """The rest would only repeat it."""
    (check,) = await inspect(reach("http://127.0.0.1:1"))
    assert (check.name, check.ok) == ("reachable", False)
    assert "NETBOX_URL" in check.what_to_do


async def test_a_wrong_token_is_one_finding(emulated: Admin, reach: Reach) -> None:
    """The rest would only repeat it."""
    (check,) = await inspect(reach(emulated.url, "c" * 40))
    assert (check.name, check.ok) == ("token", False)


async def test_a_clock_that_is_off_is_noticed(emulated: Admin, reach: Reach) -> None:
    """By the `Date` header."""
    checks = by_name(await inspect(reach(emulated.url), lambda: datetime.now(UTC) + timedelta(minutes=5)))
    assert not checks["clock"].ok


async def test_something_that_is_no_netbox_is_recognised(serve: Callable[..., Server], reach: Reach) -> None:
    """It answers, and says nothing of use."""

    def play(_: Heard) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json", "Date": "yesterday"}, b"{}"

    checks = by_name(await inspect(reach(serve(play).url)))
    assert not checks["version"].ok
    assert checks["clock"].ok
    assert not checks["right: view ipam.prefix"].ok
    assert not checks["claim fields"].ok
    assert not checks["duplicates"].ok
    assert not checks["excess rights"].ok


async def test_a_netbox_that_ails_is_one_finding(emulated: Admin, reach: Reach) -> None:
    """It answers, but not well."""
    emulated.fault(kind="error", status=502)
    (check,) = await inspect(reach(emulated.url))
    assert (check.name, check.what_to_do) == ("reachable", "See NetBox's own log.")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("4.7.3", (4, 7, 3)),
        ("4.7.3-Docker-3.1", (4, 7, 3)),
        ("v4.4-beta1", (4, 4, 0)),
        ("4.10.11", (4, 10, 11)),
    ],
)
def test_a_version_is_read_whatever_follows_it(text: str, version: tuple[int, int, int]) -> None:
    """Images and betas add their own words."""
    assert facts_of(Reply(status=200, data={"netbox-version": text})).version == version
