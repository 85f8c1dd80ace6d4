"""Tokens and permissions: every fault is a 403, and which right is needed for what."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.contract.client import (
    ADDRESSES,
    CLAIM_TAKEN,
    INTERFACES,
    KEY,
    MACHINES,
    PREFIXES,
    NetBox,
    host,
    may,
    unique,
)

if TYPE_CHECKING:
    from tests.contract.client import Row

DENIED = {"detail": "You do not have permission to perform this action."}
NOT_PROVIDED = {"detail": "Authentication credentials were not provided."}
FORM = 'Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"'
NO_KEY = (
    "Invalid authorization header: Could not parse key from v2 token. "
    "Did you mean to use 'Token' instead of 'Bearer'?"
)
NO_PREFIX = {"detail": "No Prefix matches the given query."}
PREFIX, ADDRESS, MACHINE = "ipam.prefix", "ipam.ipaddress", "virtualization.virtualmachine"
NIC, MAC = "virtualization.vminterface", "dcim.macaddress"
GERMAN = {"Accept-Language": "de"}


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, NOT_PROVIDED["detail"]),
        ("Basic YTpi", NOT_PROVIDED["detail"]),
        ("Bogus abc", NOT_PROVIDED["detail"]),
        ("Token", FORM),
        ("Token a b", FORM),
        ("Token short", "Invalid v1 token"),
        ("Token " + "0" * 40, "Invalid v1 token"),
        ("Bearer " + "0" * 40, "Invalid v1 token"),
        ("Bearer nbt_abc.def", "Invalid v2 token"),
        ("Token nbt_abc.def", "Invalid v2 token"),
        ("Bearer nbt_zz", NO_KEY),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_faulty_token_is_a_403_that_says_why(
    netbox: NetBox, method: str, header: str | None, detail: str
) -> None:
    """Never a 401."""
    response = netbox.call(method, f"{PREFIXES}/", headers={"Authorization": header})
    assert (response.status_code, response.json()) == (403, {"detail": detail})
    assert "WWW-Authenticate" not in response.headers


def test_a_token_can_expire(netbox: NetBox) -> None:
    """403, also for reads; a token that has expired already cannot be made."""
    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    with netbox.account(may(PREFIX, "view"), expires=soon) as late:
        deadline = time.monotonic() + 20
        while (response := late.get(PREFIXES, limit=1)).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert (response.status_code, response.json()) == (403, {"detail": "Token expired"})
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    user = netbox.made("users/users", {"username": unique("user"), "password": f"Aa1!{unique('secret')}"})
    refused = netbox.post("users/tokens", {"user": user["id"], "expires": past})
    assert refused.status_code == 400
    assert refused.json()["expires"][0].startswith("Expiration time must be in the future.")


def test_a_token_can_be_disabled(netbox: NetBox) -> None:
    """403."""
    with netbox.account(may(PREFIX, "view"), enabled=False) as disabled:
        response = disabled.get(PREFIXES)
    assert (response.status_code, response.json()) == (403, {"detail": "Token disabled"})


def test_a_token_can_be_bound_to_a_network(netbox: NetBox) -> None:
    """403 from elsewhere."""
    with netbox.account(may(PREFIX, "view"), allowed_ips=["192.0.2.0/24"]) as bound:
        response = bound.get(PREFIXES)
    text = "Source IP 127.0.0.1 is not permitted to authenticate using this token."
    assert (response.status_code, response.json()) == (403, {"detail": text})


def test_a_token_that_may_only_read_gets_the_same_answer_as_a_missing_permission(netbox: NetBox) -> None:
    """Reads work."""
    prefix = netbox.prefix()
    rights = (may(PREFIX, "view"), may(ADDRESS, "view", "add"))
    with netbox.account(*rights, write_enabled=False) as reader:
        assert reader.get(f"{PREFIXES}/{prefix['id']}/available-ips").status_code == 200
        response = reader.allocate(prefix, {})
    assert (response.status_code, response.json()) == (403, DENIED)


def test_a_second_version_token_works_with_either_keyword(netbox: NetBox) -> None:
    """Its key and secret are shown when it is made."""
    user = netbox.made("users/users", {"username": unique("user"), "password": f"Aa1!{unique('secret')}"})
    made = netbox.made("users/tokens", {"user": user["id"], "version": 2})
    for keyword in ("Bearer", "Token", "bearer"):
        header = f"{keyword} nbt_{made['key']}.{made['token']}"
        assert netbox.call("GET", "status/", headers={"Authorization": header}).status_code == 200


def test_a_token_is_shown_once(netbox: NetBox) -> None:
    """A later read does not show it."""
    user = netbox.made("users/users", {"username": unique("user"), "password": f"Aa1!{unique('secret')}"})
    made = netbox.made("users/tokens", {"user": user["id"], "version": 2})
    assert made["token"]
    assert netbox.get(f"users/tokens/{made['id']}").json()["token"] is None


def test_status_needs_a_token_but_no_permission(netbox: NetBox) -> None:
    """It says which NetBox this is, and so does a header of every answer."""
    with netbox.account() as bare:
        response = bare.get("status")
    assert response.status_code == 200
    series = ".".join(response.json()["netbox-version"].split(".")[:2])
    assert response.headers["API-Version"] == series
    anonymous = netbox.call("GET", "status/", headers={"Authorization": None})
    assert (anonymous.status_code, anonymous.json()) == (403, NOT_PROVIDED)


def test_a_token_can_be_checked(netbox: NetBox) -> None:
    """The answer is its user."""
    with netbox.account() as bare:
        assert bare.get("authentication-check").json()["username"].startswith("user-")


# -- permissions -------------------------------------------------------------------------------


def test_allocating_needs_to_see_the_prefix_and_to_add_addresses(netbox: NetBox) -> None:
    """And no more: the answer shows the address although the token may not see addresses."""
    prefix = netbox.prefix()
    with netbox.account(may(PREFIX, "view"), may(ADDRESS, "add")) as desk:
        assert desk.allocate(prefix, {}).status_code == 201
        assert desk.get(ADDRESSES).json() == DENIED
    with netbox.account(may(PREFIX, "view"), may(ADDRESS, "view")) as reader:
        response = reader.allocate(prefix, {})
        assert (response.status_code, response.json()) == (403, DENIED)
    with netbox.account(may(ADDRESS, "view", "add")) as blind:
        response = blind.allocate(prefix, {})
        assert (response.status_code, response.json()) == (404, NO_PREFIX)


def test_the_preview_needs_to_see_prefixes_and_addresses(netbox: NetBox) -> None:
    """Without the first it is a 404, without the second a 403."""
    path = f"{PREFIXES}/{netbox.prefix()['id']}/available-ips"
    with netbox.account(may(PREFIX, "view"), may(ADDRESS, "view")) as reader:
        assert reader.get(path).status_code == 200
    with netbox.account(may(ADDRESS, "view")) as blind:
        assert blind.get(path).json() == NO_PREFIX
    with netbox.account(may(PREFIX, "view")) as other:
        assert other.get(path).json() == DENIED


def test_tags_by_attributes_need_to_be_seen(netbox: NetBox) -> None:
    """By id they need not."""
    prefix, tag = netbox.prefix(), netbox.tag()
    with netbox.account(may(PREFIX, "view"), may(ADDRESS, "add")) as desk:
        response = desk.allocate(prefix, {"tags": [{"slug": tag["slug"]}]})
        assert response.status_code == 400
        assert list(response.json()) == ["tags"]


def test_changing_and_deleting_need_their_own_permissions(netbox: NetBox) -> None:
    """To see is not enough."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    with netbox.account(may(ADDRESS, "view")) as reader:
        for response in (reader.patch(path, {"description": "x"}), reader.delete(path)):
            assert (response.status_code, response.json()) == (403, DENIED)
    with netbox.account(may(ADDRESS, "change", "delete")) as writer:
        assert writer.patch(path, {"description": "x"}).status_code == 200
        assert writer.delete(path).status_code == 204


def test_custom_fields_need_to_be_seen(netbox: NetBox) -> None:
    """A permission of their own."""
    with netbox.account(may(ADDRESS, "view")) as bare:
        assert bare.get("extras/custom-fields").json() == DENIED
    with netbox.account(may("extras.customfield", "view")) as reader:
        assert reader.found("extras/custom-fields", name=KEY)[0]["unique"] is True


def test_an_object_outside_the_constraints_is_not_there(netbox: NetBox) -> None:
    """404 by id, absent from lists."""
    seen, hidden = netbox.prefix(), netbox.prefix()
    rights = (may(PREFIX, "view", constraints={"prefix": seen["prefix"]}), may(ADDRESS, "add"))
    with netbox.account(*rights) as desk:
        assert [row["id"] for row in desk.found(PREFIXES)] == [seen["id"]]
        assert desk.get(f"{PREFIXES}/{hidden['id']}").json() == NO_PREFIX
        assert desk.allocate(hidden, {}).json() == NO_PREFIX
        assert desk.allocate(seen, {}).status_code == 201


def test_one_item_outside_the_constraints_fails_the_list_without_an_index(netbox: NetBox) -> None:
    """A bare 403, and nothing is created."""
    prefix = netbox.prefix()
    rights = (may(PREFIX, "view"), may(ADDRESS, "add", constraints={"status": "reserved"}))
    with netbox.account(*rights) as desk:
        response = desk.allocate(prefix, [{"status": "reserved"}, {"status": "active"}])
        assert (response.status_code, response.json()) == (403, DENIED)
        assert netbox.found(ADDRESSES, parent=prefix["prefix"]) == []
        assert desk.allocate(prefix, [{"status": "reserved"}] * 2).status_code == 201


def test_elsewhere_an_item_outside_the_constraints_is_named(netbox: NetBox) -> None:
    """A list of explicit addresses fails with a 403 that has an index."""
    prefix = netbox.prefix()
    body = [
        {"address": f"{host(prefix, n)}/24", "status": status}
        for n, status in ((1, "reserved"), (2, "active"))
    ]
    with netbox.account(may(ADDRESS, "add", constraints={"status": "reserved"})) as desk:
        response = desk.post(ADDRESSES, body)
    text = "You do not have permission to perform this action on this object."
    assert response.status_code == 403
    assert response.json() == {
        "detail": "1 of 2 objects could not be created.",
        "errors": [{"index": 1, "errors": {"__all__": [text]}}],
    }
    assert netbox.found(ADDRESSES, parent=prefix["prefix"]) == []


def test_a_change_out_of_the_constraints_is_undone(netbox: NetBox) -> None:
    """403, and the object is as it was."""
    path = f"{ADDRESSES}/{netbox.address(status='reserved')['id']}"
    with netbox.account(may(ADDRESS, "change", constraints={"status": "reserved"})) as desk:
        response = desk.patch(path, {"status": "active"})
        assert (response.status_code, response.json()) == (403, DENIED)
    assert netbox.get(path).json()["status"]["value"] == "reserved"


def test_creating_a_machine_needs_only_to_add_one(netbox: NetBox) -> None:
    """The cluster is named by id, which needs no permission."""
    body = {"name": unique(), "cluster": netbox.cluster()["id"]}
    with netbox.account(may(MACHINE, "add")) as desk:
        machine = desk.made(MACHINES, body)
        response = desk.patch(f"{MACHINES}/{machine['id']}", {"status": "staged"})
        assert (response.status_code, response.json()) == (403, DENIED)


# -- language ----------------------------------------------------------------------------------


def test_registering_a_machine_needs_a_right_for_each_step(netbox: NetBox) -> None:
    """To add machines, interfaces and MAC addresses, and to change machines; to see none of them."""
    cluster = netbox.cluster()["id"]
    role = netbox.made("dcim/device-roles", {"name": unique("role"), "slug": unique("role")})["id"]
    rights = (may([MACHINE, NIC, MAC], "add"), may(MACHINE, "change"))
    with netbox.account(*rights) as narrow:
        machine = narrow.made(MACHINES, {"name": unique("vm"), "cluster": cluster, "role": role})
        body = {"virtual_machine": machine["id"], "name": "eth0", "mac_address": "02:00:00:00:00:01"}
        assert narrow.post(INTERFACES, [body]).status_code == 201
        assert narrow.patch(MACHINES, [{"id": machine["id"], "status": "active"}]).status_code == 200
        assert narrow.get(f"{MACHINES}/{machine['id']}").status_code == 403
        assert narrow.patch(f"{INTERFACES}/1", {"mtu": 1500}).status_code == 403
        assert narrow.delete(f"{MACHINES}/{machine['id']}").status_code == 403


def test_a_mac_address_on_an_interface_needs_the_right_to_add_one(netbox: NetBox) -> None:
    """The whole list fails without an index; one that the interface has already is only designated."""
    machine = netbox.machine()
    held = netbox.interface(machine, mac_address="02:00:00:00:00:01")
    denied = {"detail": "You do not have permission to create MAC addresses."}
    with netbox.account(may(NIC, "add", "change", "view")) as narrow:
        bodies = [{"virtual_machine": machine["id"], "name": f"eth{n}"} for n in (1, 2)]
        response = narrow.post(INTERFACES, [bodies[0], {**bodies[1], "mac_address": "02:00:00:00:00:02"}])
        assert (response.status_code, response.json()) == (403, denied)
        path = f"{INTERFACES}/{held['id']}"
        response = narrow.patch(path, {"mac_address": "02:00:00:00:00:02"})
        assert (response.status_code, response.json()) == (403, denied)
        assert narrow.patch(path, {"mac_address": None}).status_code == 200
        assert narrow.patch(path, {"mac_address": "02:00:00:00:00:01"}).status_code == 200
    assert len(netbox.found(INTERFACES, virtual_machine_id=machine["id"])) == 1


def test_a_change_out_of_the_constraints_is_named_in_a_list(netbox: NetBox) -> None:
    """By its id, and nothing is changed; the list is a 403 all the same."""
    word = unique("vm")
    cluster = netbox.cluster()["id"]
    one, two = (netbox.machine(name=f"{word}-{n}", cluster=cluster)["id"] for n in (1, 2))
    with netbox.account(may(MACHINE, "change", constraints={"name__startswith": word})) as narrow:
        response = narrow.patch(MACHINES, [{"id": one, "name": unique("x")}, {"id": two, "comments": "c"}])
    text = "You do not have permission to perform this action on this object."
    assert (response.status_code, response.json()) == (
        403,
        {
            "detail": "1 of 2 objects could not be updated.",
            "errors": [{"id": one, "errors": {"__all__": [text]}}],
        },
    )
    assert netbox.get(f"{MACHINES}/{two}").json()["comments"] == ""


def test_deleting_a_machine_needs_no_right_on_what_hangs_on_it(netbox: NetBox) -> None:
    """Interfaces, addresses and MAC addresses go with it."""
    interface = netbox.interface(mac_address="02:00:00:00:00:01")
    with netbox.account(may(MACHINE, "delete")) as narrow:
        assert narrow.delete(f"{MACHINES}/{interface['virtual_machine']['id']}").status_code == 204
    assert netbox.get(f"{INTERFACES}/{interface['id']}").status_code == 404


def test_errors_are_translated(netbox: NetBox) -> None:
    """So a client that compares their text asks for English."""
    key = unique("key")
    netbox.address(custom_fields={KEY: key})
    item: Row = {"custom_fields": {KEY: key}}
    german = netbox.allocate(netbox.prefix(), item, headers=GERMAN)
    text = f"Benutzerdefiniertes Feld '{KEY}'muss einen eindeutigen Wert haben."
    assert (german.status_code, german.json()) == (400, {"__all__": [text]})
    english = netbox.allocate(netbox.prefix(), item, headers={"Accept-Language": "en"})
    assert english.json() == {"__all__": [CLAIM_TAKEN]}


def test_missing_credentials_and_permissions_are_translated(netbox: NetBox) -> None:
    """What is wrong with a token is not."""
    nobody = netbox.call("GET", f"{PREFIXES}/", headers={"Authorization": None, **GERMAN})
    assert nobody.json() == {"detail": "Anmeldedaten fehlen."}
    with netbox.account() as bare:
        response = bare.call("GET", f"{PREFIXES}/", headers=GERMAN)
    assert response.json() == {"detail": "Sie sind nicht berechtigt, diese Aktion durchzuführen."}
    wrong = netbox.call("GET", f"{PREFIXES}/", headers={"Authorization": "Token x", **GERMAN})
    assert wrong.json() == {"detail": "Invalid v1 token"}
