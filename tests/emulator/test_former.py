"""What NetBox 4.3 does differently, as it was recorded from a server of 4.3.7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, CLAIM_TAKEN, INTERFACES, KEY, MACHINES, PREFIXES, host, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

DNS = "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"


def test_it_says_so(former: NetBox) -> None:
    """In a header of every answer, and in the status, whose keys have hyphens."""
    response = former.get("status")
    assert response.headers["API-Version"] == "4.3"
    assert response.headers["X-Berth-Emulator"] == response.json()["netbox-version"] == "4.3.7"
    assert {"installed-apps", "django-version"} <= set(response.json())


def test_available_ips_reports_errors_by_position(former: NetBox) -> None:
    """As 4.7 does, but with another key for what is no object."""
    key = unique("key")
    former.address(custom_fields={KEY: key})
    response = former.allocate(former.prefix(), [{}, {"custom_fields": {KEY: key}}, {"dns_name": "a b"}])
    assert (response.status_code, response.json()) == (
        400,
        [{}, {"__all__": [CLAIM_TAKEN]}, {"dns_name": [DNS]}],
    )
    response = former.allocate(former.prefix(), [1])
    text = "Invalid data. Expected a dictionary, but got int."
    assert (response.status_code, response.json()) == (400, [{"non_field_errors": [text]}])


def test_other_lists_report_errors_by_position_too(former: NetBox) -> None:
    """Nothing is created."""
    prefix = former.prefix()
    taken = former.allocate(prefix, {}).json()["address"]
    body = [{"address": f"{host(prefix, 5)}/24"}, {"address": taken}]
    response = former.post(ADDRESSES, body)
    text = f"Duplicate IP address found in global table: {taken}"
    assert (response.status_code, response.json()) == (400, [{}, {"address": [text]}])


def test_an_address_twice_in_a_list_is_created_twice(former: NetBox) -> None:
    """All are checked before any is stored."""
    address = f"{host(former.prefix(), 1)}/24"
    assert former.post(ADDRESSES, [{"address": address}, {"address": address}]).status_code == 201


def test_a_machine_twice_in_a_list_is_a_500(former: NetBox) -> None:
    """The database refuses it, and everything is rolled back."""
    body = {"name": unique(), "cluster": former.cluster()["id"]}
    response = former.post(MACHINES, [body, body])
    assert (response.status_code, response.json()["exception"]) == (500, "IntegrityError")
    assert former.found(MACHINES) == []


def test_lists_skip_what_they_do_not_find(former: NetBox) -> None:
    """A change and a deletion succeed for the rest."""
    row = former.address()
    body = [{"id": row["id"], "description": "x"}, {"id": 999_999}]
    assert [item["description"] for item in former.patch(ADDRESSES, body).json()] == ["x"]
    assert former.call("DELETE", f"{ADDRESSES}/", json=body).status_code == 204
    assert former.found(ADDRESSES) == []


def test_a_list_of_changes_reports_the_first_error_alone(former: NetBox) -> None:
    """Without saying whose it is."""
    row = former.address()
    response = former.patch(ADDRESSES, [{"id": row["id"], "dns_name": "a b"}])
    assert (response.status_code, response.json()) == (400, {"dns_name": [DNS]})


def test_there_are_no_entity_tags(former: NetBox) -> None:
    """If-Match is ignored."""
    path = f"{ADDRESSES}/{former.address()['id']}"
    assert "ETag" not in former.get(path).headers
    assert former.patch(path, {"description": "x"}, headers={"If-Match": 'W/"x"'}).status_code == 200


def test_change_log_messages_are_ignored(former: NetBox) -> None:
    """The entry is there, without one."""
    response = former.allocate(former.prefix(), {"changelog_message": "why"})
    (entry,) = former.found("core/object-changes", request_id=response.headers["X-Request-ID"])
    assert "message" not in entry


def test_a_longer_mask_is_ignored(former: NetBox) -> None:
    """The prefix's own is used."""
    prefix = former.prefix()
    assert former.allocate(prefix, {"prefix_length": 32}).json()["address"] == f"{host(prefix, 1)}/24"


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("Bearer 0123456789abcdef0123456789abcdef01234567", "Authentication credentials were not provided."),
        ("Token nope", "Invalid token"),
        ("Token", "Invalid token header. No credentials provided."),
    ],
)
def test_only_the_word_token_is_known(former: NetBox, header: str, detail: str) -> None:
    """And there is one kind of token."""
    response = former.call("GET", "status/", headers={"Authorization": header})
    assert (response.status_code, response.json()) == (403, {"detail": detail})


def test_a_token_cannot_be_checked(former: NetBox) -> None:
    """The route does not exist."""
    assert former.get("authentication-check").status_code == 404


def test_without_the_last_slash_a_post_is_redirected(former: NetBox) -> None:
    """A client that follows reads the free addresses and allocates nothing."""
    prefix = former.prefix()
    response = former.call("POST", f"{PREFIXES}/{prefix['id']}/available-ips", json={})
    assert (response.status_code, len(response.json())) == (200, 50)
    assert former.found(ADDRESSES) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        (ADDRESSES, {"address": "10.1.1.999/24"}, 500, "KeyError"),
        (MACHINES, {"name": "x", "primary_ip4": 1}, 500, "TypeError"),
    ],
)
def test_some_bad_input_is_a_500(former: NetBox, path: str, body: Row, status: int, error: str) -> None:
    """Which says nothing about whether it would work later."""
    former.address()
    extra = {"cluster": former.cluster()["id"]} if path == MACHINES else {}
    response = former.post(path, {**body, **extra})
    assert (response.status_code, response.json()["exception"]) == (status, error)


def test_messages_that_have_changed_since(former: NetBox) -> None:
    """Unknown custom fields, machines without a place, names that are taken."""
    response = former.allocate(former.prefix(), {"custom_fields": {"zzz": 1}})
    assert response.json() == {"__all__": ["Unknown field name 'zzz' in custom field data."]}
    text = "A virtual machine must be assigned to a site and/or cluster."
    assert former.post(MACHINES, {"name": "x"}).json() == {"cluster": [text]}
    machine = former.machine()
    response = former.post(MACHINES, {"name": machine["name"], "cluster": machine["cluster"]["id"]})
    assert response.json() == {"__all__": ["Virtual machine name must be unique per cluster."]}


def test_a_mac_address_on_an_interface_is_ignored(former: NetBox) -> None:
    """It has to be an object of its own, which is designated; the interface lists it."""
    interface = former.interface(mac_address="00:11:22:33:44:55")
    path = f"{INTERFACES}/{interface['id']}"
    assert interface["mac_address"] is None
    assert former.patch(path, {"mac_address": "00:11:22:33:44:55"}).json()["mac_address"] is None
    on = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    mac = former.made("dcim/mac-addresses", {"mac_address": "00:11:22:33:44:55", **on})["id"]
    (shown,) = former.patch(INTERFACES, [{"id": interface["id"], "primary_mac_address": mac}]).json()
    assert (shown["mac_address"], [each["id"] for each in shown["mac_addresses"]]) == (
        "00:11:22:33:44:55",
        [mac],
    )
    assert former.patch(path, {"mac_address": None}).json()["mac_address"] == "00:11:22:33:44:55"


def test_one_claim_twice_in_a_list_of_interfaces_passes(former: NetBox) -> None:
    """All are checked before any is stored; what is wrong is told by position."""
    machine, key = former.machine()["id"], unique("key")
    body = [{"virtual_machine": machine, "name": f"eth{n}", "custom_fields": {KEY: key}} for n in (1, 2)]
    assert former.post(INTERFACES, body).status_code == 201
    response = former.post(
        INTERFACES, [{"virtual_machine": machine, "name": name} for name in ("eth3", "eth1")]
    )
    taken = "Interface with this Virtual machine and Name already exists."
    assert (response.status_code, response.json()) == (400, [{}, {"__all__": [taken]}])


def test_a_machine_s_config_context_is_left_out_by_exclude(former: NetBox) -> None:
    """In reads and writes; `omit` is ignored."""
    machine = former.machine()
    path = f"{MACHINES}/{machine['id']}/"
    assert "config_context" in former.call("GET", f"{path}?omit=config_context").json()
    slim = [former.call("GET", f"{path}?exclude=config_context").json()]
    body = [{"id": machine["id"], "comments": "c"}]
    slim += former.call("PATCH", f"{MACHINES}/?exclude=config_context", json=body).json()
    slim += former.call("GET", f"{MACHINES}/?exclude=config_context").json()["results"]
    assert [row.get("config_context", "left out") for row in slim] == ["left out"] * 3
    assert slim[1]["comments"] == "c"


def test_what_came_later_is_not_shown(former: NetBox) -> None:
    """No owner, no type of machine."""
    assert "owner" not in former.address()
    assert not {"owner", "virtual_machine_type", "start_on_boot"} & set(former.machine())
