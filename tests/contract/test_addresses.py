"""Addresses by name: explicit creation, uniqueness, change, entity tags, deletion, lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, PREFIXES, at_once, host, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

SHARED = ["anycast", "vip", "vrrp", "hsrp", "glbp", "carp"]
STALE = 'W/"2000-01-01T00:00:00.000000+00:00"'


def duplicate(address: str, table: str = "global table") -> Row:
    """Return the error for an address that exists."""
    return {"address": [f"Duplicate IP address found in {table}: {address}"]}


@pytest.mark.parametrize("mask", [24, 32])
def test_an_address_exists_once_globally_whatever_its_mask(netbox: NetBox, mask: int) -> None:
    """The message names the one that is there."""
    address = host(netbox.prefix(), 1)
    netbox.made(ADDRESSES, {"address": f"{address}/24"})
    response = netbox.post(ADDRESSES, {"address": f"{address}/{mask}"})
    assert (response.status_code, response.json()) == (400, duplicate(f"{address}/24"))


def test_an_address_exists_once_in_a_vrf_that_enforces_it(netbox: NetBox) -> None:
    """The message names the VRF with its route distinguisher."""
    vrf = netbox.vrf()
    address = f"{host(netbox.prefix(), 1)}/24"
    netbox.made(ADDRESSES, {"address": address, "vrf": vrf["id"]})
    response = netbox.post(ADDRESSES, {"address": address, "vrf": vrf["id"]})
    table = f"VRF {vrf['name']} ({vrf['rd']})"
    assert (response.status_code, response.json()) == (400, duplicate(address, table))


def test_an_address_exists_any_number_of_times_in_a_vrf_that_does_not(netbox: NetBox) -> None:
    """``enforce_unique`` is the VRF's own."""
    vrf = netbox.vrf(enforce_unique=False)
    address = f"{host(netbox.prefix(), 1)}/24"
    for _ in range(2):
        netbox.made(ADDRESSES, {"address": address, "vrf": vrf["id"]})


@pytest.mark.parametrize("role", SHARED)
def test_addresses_with_a_shared_role_coexist(netbox: NetBox, role: str) -> None:
    """Both sides need such a role."""
    address = f"{host(netbox.prefix(), 1)}/24"
    for _ in range(3):
        netbox.made(ADDRESSES, {"address": address, "role": role})
    assert netbox.post(ADDRESSES, {"address": address}).json() == duplicate(address)


@pytest.mark.parametrize("role", ["loopback", "secondary"])
def test_other_roles_do_not_share(netbox: NetBox, role: str) -> None:
    """They are like none."""
    address = f"{host(netbox.prefix(), 1)}/24"
    netbox.made(ADDRESSES, {"address": address, "role": role})
    assert netbox.post(ADDRESSES, {"address": address, "role": role}).json() == duplicate(address)


@pytest.mark.parametrize("role", ["vip", "anycast"])
def test_a_shared_role_on_one_side_is_not_enough(netbox: NetBox, role: str) -> None:
    """The first one has none."""
    address = f"{host(netbox.prefix(), 1)}/24"
    netbox.made(ADDRESSES, {"address": address})
    assert netbox.post(ADDRESSES, {"address": address, "role": role}).json() == duplicate(address)


def test_of_twelve_creations_of_one_address_one_succeeds(netbox: NetBox) -> None:
    """The lock covers them."""
    address = f"{host(netbox.prefix(), 1)}/24"
    answers = at_once(12, lambda _: netbox.post(ADDRESSES, {"address": address}))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 11


def test_twenty_allocations_at_once_get_twenty_addresses(netbox: NetBox) -> None:
    """And they are the twenty lowest."""
    prefix = netbox.prefix()
    answers = at_once(20, lambda _: netbox.allocate(prefix, {}))
    got = {answer.json()["address"] for answer in answers}
    assert got == {f"{host(prefix, n)}/24" for n in range(1, 21)}


def test_an_address_without_a_mask_is_a_host(netbox: NetBox) -> None:
    """/32 and /128."""
    for family, mask in ((4, 32), (6, 128)):
        address = host(netbox.prefix(64 if family == 6 else 24, family), 9)
        assert netbox.made(ADDRESSES, {"address": address})["address"] == f"{address}/{mask}"


def test_an_explicit_address_may_be_the_first_or_last_of_its_network(netbox: NetBox) -> None:
    """Only allocation leaves them out."""
    prefix = netbox.prefix()
    for offset in (0, 255):
        netbox.made(ADDRESSES, {"address": f"{host(prefix, offset)}/24"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"address": "10.30.9.999/24"}, "Invalid IP address format: 10.30.9.999/24"),
        ({"address": "10.30.9.9/0"}, "Cannot create IP address with /0 mask."),
        ({"dns_name": "a"}, "This field is required."),
    ],
)
def test_an_address_that_is_none_is_refused(netbox: NetBox, body: Row, message: str) -> None:
    """400, under the field."""
    response = netbox.post(ADDRESSES, body)
    assert (response.status_code, response.json()) == (400, {"address": [message]})


def test_an_address_inside_a_populated_range_is_refused(netbox: NetBox) -> None:
    """The range is named."""
    prefix = netbox.prefix()
    ends = {"start_address": f"{host(prefix, 1)}/24", "end_address": f"{host(prefix, 9)}/24"}
    pool = netbox.made("ipam/ip-ranges", {**ends, "mark_populated": True})
    address = f"{host(prefix, 5)}/24"
    response = netbox.post(ADDRESSES, {"address": address})
    text = f"Cannot create IP address {address} inside range {pool['display']}."
    assert (response.status_code, response.json()) == (400, {"address": [text]})


def test_a_creation_says_where_the_object_is(netbox: NetBox) -> None:
    """A Location, and an entity tag."""
    response = netbox.post(ADDRESSES, {"address": f"{host(netbox.prefix(), 1)}/24"})
    assert response.headers["Location"] == response.json()["url"]
    assert response.headers["ETag"].startswith('W/"')


# -- change and deletion -----------------------------------------------------------------------


def test_an_entity_tag_says_when_the_object_last_changed(netbox: NetBox) -> None:
    """It changes with every write, and lists have none."""
    row = netbox.address()
    path = f"{ADDRESSES}/{row['id']}"
    first = netbox.get(path).headers["ETag"]
    assert first == f'W/"{row["last_updated"].removesuffix("Z")}+00:00"'
    changed = netbox.patch(path, {"description": "x"}, headers={"If-Match": first})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == netbox.get(path).headers["ETag"] != first
    assert "ETag" not in netbox.get(ADDRESSES, limit=1).headers


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_write_with_a_stale_entity_tag_is_refused(netbox: NetBox, method: str) -> None:
    """412, with the current one."""
    row = netbox.address()
    path = f"{ADDRESSES}/{row['id']}"
    response = netbox.call(method, f"{path}/", json={"description": "x"}, headers={"If-Match": STALE})
    assert (response.status_code, response.json()) == (412, {"detail": "Precondition failed."})
    assert response.headers["ETag"] == netbox.get(path).headers["ETag"]


def test_if_none_match_is_ignored(netbox: NetBox) -> None:
    """A read always shows the object."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    tag = netbox.get(path).headers["ETag"]
    assert netbox.call("GET", f"{path}/", headers={"If-None-Match": tag}).status_code == 200


def test_an_idempotency_key_is_ignored(netbox: NetBox) -> None:
    """Two calls, two addresses."""
    prefix, headers = netbox.prefix(), {"Idempotency-Key": unique()}
    rows = [netbox.allocate(prefix, {}, headers=headers).json() for _ in range(2)]
    assert rows[0]["id"] != rows[1]["id"]


def test_a_deleted_address_is_gone(netbox: NetBox) -> None:
    """204 once, 404 ever after."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    assert netbox.delete(path).status_code == 204
    for response in (netbox.delete(path), netbox.get(path), netbox.patch(path, {"description": "x"})):
        assert response.status_code == 404
        assert response.json() == {"detail": "No IPAddress matches the given query."}


def test_of_six_deletions_one_succeeds(netbox: NetBox) -> None:
    """The others find nothing."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    answers = at_once(6, lambda _: netbox.delete(path))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 5


def test_a_wrong_change_changes_nothing(netbox: NetBox) -> None:
    """400, under the field."""
    row = netbox.address(dns_name="good.example.com")
    path = f"{ADDRESSES}/{row['id']}"
    response = netbox.patch(path, {"description": "new", "dns_name": "bad name"})
    assert response.status_code == 400
    assert list(response.json()) == ["dns_name"]
    assert netbox.get(path).json() == row


def test_put_demands_the_required_fields(netbox: NetBox) -> None:
    """PATCH does not."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    response = netbox.call("PUT", f"{path}/", json={"description": "only"})
    assert (response.status_code, response.json()) == (400, {"address": ["This field is required."]})


def test_a_prefix_exists_once_and_has_no_host_bits(netbox: NetBox) -> None:
    """The right one is suggested."""
    prefix = netbox.prefix()
    response = netbox.post(PREFIXES, {"prefix": prefix["prefix"]})
    text = f"Duplicate prefix found in global table: {prefix['prefix']}"
    assert (response.status_code, response.json()) == (400, {"prefix": [text]})
    given = f"{host(prefix, 5)}/24"
    response = netbox.post(PREFIXES, {"prefix": given})
    text = f"{given} is not a valid prefix. Did you mean {prefix['prefix']}?"
    assert (response.status_code, response.json()) == (400, {"prefix": [text]})


def test_a_deleted_prefix_leaves_its_addresses(netbox: NetBox) -> None:
    """They are not children of it."""
    prefix = netbox.prefix()
    row = netbox.allocate(prefix, {}).json()
    assert netbox.delete(f"{PREFIXES}/{prefix['id']}").status_code == 204
    assert netbox.get(f"{ADDRESSES}/{row['id']}").status_code == 200


# -- lists -------------------------------------------------------------------------------------


def test_a_list_with_a_wrong_item_creates_nothing_and_names_its_index(netbox: NetBox) -> None:
    """Everywhere but at available-ips."""
    prefix = netbox.prefix()
    taken = netbox.allocate(prefix, {}).json()["address"]
    body = [{"address": f"{host(prefix, 5)}/24"}, {"address": taken}, {"address": f"{host(prefix, 6)}/24"}]
    response = netbox.post(ADDRESSES, body)
    assert response.status_code == 400
    assert response.json() == {
        "detail": "1 of 3 objects could not be created.",
        "errors": [{"index": 1, "errors": duplicate(taken)}],
    }
    assert len(netbox.found(ADDRESSES, parent=prefix["prefix"])) == 1


def test_an_address_twice_in_a_list_is_refused(netbox: NetBox) -> None:
    """Each item is checked after the one before it was stored."""
    address = f"{host(netbox.prefix(), 1)}/24"
    response = netbox.post(ADDRESSES, [{"address": address}, {"address": address}])
    assert response.status_code == 400
    assert response.json()["errors"] == [{"index": 1, "errors": duplicate(address)}]


def test_a_list_of_changes_is_all_or_nothing(netbox: NetBox) -> None:
    """The wrong one is named by id."""
    one, two = netbox.address(), netbox.address()
    good = [{"id": one["id"], "description": "a"}, {"id": two["id"], "description": "b"}]
    rows = netbox.patch(ADDRESSES, good).json()
    assert {row["id"]: row["description"] for row in rows} == {one["id"]: "a", two["id"]: "b"}
    bad = [{"id": one["id"], "description": "c"}, {"id": two["id"], "dns_name": "bad name"}]
    response = netbox.patch(ADDRESSES, bad)
    assert response.status_code == 400
    assert response.json()["detail"] == "1 of 2 objects could not be updated."
    assert response.json()["errors"][0]["id"] == two["id"]
    assert netbox.get(f"{ADDRESSES}/{one['id']}").json()["description"] == "a"


def test_a_list_that_names_a_missing_object_does_nothing(netbox: NetBox) -> None:
    """Neither a change nor a deletion."""
    row = netbox.address()
    missing = {"id": 999_999_999, "errors": {"id": ["Object with ID 999999999 does not exist"]}}
    expected = {"detail": "1 of 2 objects could not be found.", "errors": [missing]}
    body = [{"id": row["id"], "description": "x"}, {"id": 999_999_999}]
    for method in ("PATCH", "DELETE"):
        response = netbox.call(method, f"{ADDRESSES}/", json=body)
        assert (response.status_code, response.json()) == (400, expected)
    assert netbox.get(f"{ADDRESSES}/{row['id']}").json() == row


def test_a_list_can_be_deleted(netbox: NetBox) -> None:
    """204; an empty list too; no body is refused."""
    rows = netbox.allocate(netbox.prefix(), [{}, {}]).json()
    numbers = [{"id": row["id"]} for row in rows]
    assert netbox.call("DELETE", f"{ADDRESSES}/", json=numbers).status_code == 204
    assert netbox.found(ADDRESSES, id=[row["id"] for row in rows]) == []
    assert netbox.call("DELETE", f"{ADDRESSES}/", json=[]).status_code == 204
    response = netbox.call("DELETE", f"{ADDRESSES}/")
    text = "Expected a list of objects, but no data was submitted."
    assert (response.status_code, response.json()) == (400, {"detail": text})


def test_a_list_that_names_an_object_twice_is_refused(netbox: NetBox) -> None:
    """Neither changed nor deleted."""
    number = netbox.address()["id"]
    text = f"Each object may be specified only once; ID {number} is listed 2 times"
    expected = {
        "detail": "1 of 2 objects are listed more than once.",
        "errors": [{"id": number, "errors": {"id": [text]}}],
    }
    for method in ("PATCH", "DELETE"):
        response = netbox.call(method, f"{ADDRESSES}/", json=[{"id": number}, {"id": number}])
        assert (response.status_code, response.json()) == (400, expected)


def test_ranges_do_not_overlap(netbox: NetBox) -> None:
    """The one that is there is named."""
    prefix = netbox.prefix()
    for first, last in ((2, 9), (5, 19)):
        body = {"start_address": f"{host(prefix, first)}/24", "end_address": f"{host(prefix, last)}/24"}
        response = netbox.post("ipam/ip-ranges", body)
    text = f"Defined addresses overlap with range {host(prefix, 2)}-9/24 in VRF None"
    assert (response.status_code, response.json()) == (400, {"__all__": [text]})
