"""available-ips: which addresses come, in which order, with which mask, and when none do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, PREFIXES, host, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

INSUFFICIENT = {"detail": "Insufficient resources are available to satisfy the request"}


def addresses(rows: list[Row]) -> list[str]:
    """Return the addresses of what was allocated."""
    return [row["address"] for row in rows]


def test_an_object_is_answered_with_an_object_and_a_list_with_a_list(netbox: NetBox) -> None:
    """One address for ``{}``, a list of one for ``[{}]``."""
    prefix = netbox.prefix()
    one, many = netbox.allocate(prefix, {}), netbox.allocate(prefix, [{}])
    assert (one.status_code, many.status_code) == (201, 201)
    assert one.json()["address"] == f"{host(prefix, 1)}/24"
    assert addresses(many.json()) == [f"{host(prefix, 2)}/24"]


def test_a_list_is_answered_in_its_order_with_ascending_addresses(netbox: NetBox) -> None:
    """The first item gets the lowest free address."""
    prefix = netbox.prefix()
    names = [unique() for _ in range(6)]
    rows = netbox.allocate(prefix, [{"dns_name": name} for name in names]).json()
    assert [row["dns_name"] for row in rows] == names
    assert addresses(rows) == [f"{host(prefix, n)}/24" for n in range(1, 7)]


def test_no_body_counts_as_an_empty_object(netbox: NetBox) -> None:
    """A bare POST allocates one address."""
    prefix = netbox.prefix()
    response = netbox.call("POST", f"{PREFIXES}/{prefix['id']}/available-ips/")
    assert response.status_code == 201
    assert response.json()["address"] == f"{host(prefix, 1)}/24"


def test_an_empty_list_allocates_nothing(netbox: NetBox) -> None:
    """201 with an empty list."""
    response = netbox.allocate(netbox.prefix(), [])
    assert (response.status_code, response.json()) == (201, [])


@pytest.mark.parametrize(
    ("length", "family", "offsets"),
    [
        (30, 4, [1, 2]),  # network and broadcast are left out
        (31, 4, [0, 1]),  # a point-to-point link uses both
        (32, 4, [0]),
        (126, 6, [1, 2, 3]),  # only the subnet router's address is left out
        (127, 6, [0, 1]),
        (128, 6, [0]),
    ],
)
def test_the_usable_addresses_depend_on_the_length(
    netbox: NetBox, length: int, family: int, offsets: list[int]
) -> None:
    """The preview lists exactly those, and so many can be allocated at once, and no more."""
    prefix = netbox.prefix(length, family)
    expected = [f"{host(prefix, n)}/{length}" for n in offsets]
    preview = netbox.get(f"{PREFIXES}/{prefix['id']}/available-ips").json()
    assert addresses(preview) == expected
    too_many = netbox.allocate(prefix, [{}] * (len(offsets) + 1))
    assert (too_many.status_code, too_many.json()) == (409, INSUFFICIENT)
    assert addresses(netbox.allocate(prefix, [{}] * len(offsets)).json()) == expected
    full = netbox.allocate(prefix, {})
    assert (full.status_code, full.json()) == (409, INSUFFICIENT)
    assert netbox.get(f"{PREFIXES}/{prefix['id']}/available-ips").json() == []


def test_a_pool_hands_out_its_first_and_last_address(netbox: NetBox) -> None:
    """``is_pool`` makes every address usable."""
    prefix = netbox.prefix(30, is_pool=True)
    rows = netbox.allocate(prefix, [{}] * 4).json()
    assert addresses(rows) == [f"{host(prefix, n)}/30" for n in range(4)]


def test_the_first_address_of_an_ipv6_prefix_is_skipped(netbox: NetBox) -> None:
    """A /64 starts with ::1."""
    prefix = netbox.prefix(64, 6)
    row = netbox.allocate(prefix, {}).json()
    assert row["address"] == f"{host(prefix, 1)}/64"
    assert row["family"] == {"value": 6, "label": "IPv6"}


def test_a_list_that_does_not_fit_allocates_nothing(netbox: NetBox) -> None:
    """Five are free, six are asked for: 409, and five are still free."""
    prefix = netbox.prefix(29)
    netbox.allocate(prefix, {})
    response = netbox.allocate(prefix, [{}] * 6)
    assert (response.status_code, response.json()) == (409, INSUFFICIENT)
    assert len(netbox.get(f"{PREFIXES}/{prefix['id']}/available-ips").json()) == 5


def test_a_child_prefix_is_not_excluded(netbox: NetBox) -> None:
    """The parent hands out addresses inside the child, with its own mask."""
    parent = netbox.prefix(24)
    child = netbox.made(PREFIXES, {"prefix": parent["prefix"].replace("/24", "/26")})
    assert netbox.allocate(parent, {}).json()["address"] == f"{host(parent, 1)}/24"
    assert netbox.allocate(child, {}).json()["address"] == f"{host(parent, 2)}/26"


@pytest.mark.parametrize(
    "fields",
    [{"status": "container"}, {"status": "deprecated"}, {"status": "reserved"}, {"mark_utilized": True}],
)
def test_no_state_of_a_prefix_keeps_it_from_handing_out(netbox: NetBox, fields: Row) -> None:
    """Containers, deprecated, reserved and fully utilised prefixes all allocate."""
    assert netbox.allocate(netbox.prefix(**fields), {}).status_code == 201


def test_a_populated_range_is_skipped(netbox: NetBox) -> None:
    """``mark_populated`` is the only kind of range that counts."""
    prefix = netbox.prefix()
    for first, last, fields in ((1, 10, {"mark_populated": True}), (11, 20, {"mark_utilized": True})):
        body = {"start_address": f"{host(prefix, first)}/24", "end_address": f"{host(prefix, last)}/24"}
        netbox.made("ipam/ip-ranges", {**body, **fields})
    assert netbox.allocate(prefix, {}).json()["address"] == f"{host(prefix, 11)}/24"


def test_a_range_allocates_like_a_prefix(netbox: NetBox) -> None:
    """Both ends are usable, the mask is that of the range, a list that does not fit is a 409."""
    prefix = netbox.prefix()
    body = {"start_address": f"{host(prefix, 5)}/24", "end_address": f"{host(prefix, 7)}/24"}
    pool = netbox.made("ipam/ip-ranges", body)
    assert netbox.allocate(pool, [{}] * 4).json() == INSUFFICIENT
    rows = netbox.allocate(pool, [{}] * 3).json()
    assert addresses(rows) == [f"{host(prefix, n)}/24" for n in (5, 6, 7)]
    assert netbox.allocate(pool, {}).status_code == 409


def test_a_populated_range_has_nothing_to_give(netbox: NetBox) -> None:
    """Its preview is empty and its allocation a 409."""
    prefix = netbox.prefix()
    body = {"start_address": f"{host(prefix, 5)}/24", "end_address": f"{host(prefix, 7)}/24"}
    pool = netbox.made("ipam/ip-ranges", {**body, "mark_populated": True})
    assert netbox.get(f"ipam/ip-ranges/{pool['id']}/available-ips").json() == []
    assert netbox.allocate(pool, {}).json() == INSUFFICIENT


@pytest.mark.parametrize("status", ["reserved", "deprecated", "dhcp"])
def test_an_address_of_any_status_and_mask_counts_as_used(netbox: NetBox, status: str) -> None:
    """A /32 inside the prefix takes its place."""
    prefix = netbox.prefix()
    netbox.made(ADDRESSES, {"address": f"{host(prefix, 1)}/32", "status": status})
    assert netbox.allocate(prefix, {}).json()["address"] == f"{host(prefix, 2)}/24"


def test_a_vrf_is_a_space_of_its_own(netbox: NetBox) -> None:
    """What is used globally is free in a VRF and the other way round; the address gets the prefix's VRF."""
    vrf = netbox.vrf()
    prefix = netbox.prefix()
    inner = netbox.made(PREFIXES, {"prefix": prefix["prefix"], "vrf": vrf["id"]})
    outer_row, inner_row = netbox.allocate(prefix, {}).json(), netbox.allocate(inner, {}).json()
    assert outer_row["address"] == inner_row["address"]
    assert (outer_row["vrf"], inner_row["vrf"]["id"]) == (None, vrf["id"])


def test_a_released_address_is_the_next_one_handed_out(netbox: NetBox) -> None:
    """The lowest free address goes first, whatever was there."""
    prefix = netbox.prefix()
    first, second = netbox.allocate(prefix, [{}, {}]).json()
    assert netbox.delete(f"{ADDRESSES}/{first['id']}").status_code == 204
    again = netbox.allocate(prefix, {}).json()
    assert (again["address"], again["id"] > second["id"]) == (first["address"], True)


def test_what_available_ips_decides_is_ignored_in_the_body(netbox: NetBox) -> None:
    """Address, VRF, family, a count and unknown keys have no effect and no error."""
    prefix = netbox.prefix()
    body = {"address": f"{host(prefix, 99)}/24", "vrf": 999_999, "family": 6, "count": 3, "nonsense": 1}
    response = netbox.allocate(prefix, body)
    assert response.status_code == 201
    assert response.json()["address"] == f"{host(prefix, 1)}/24"
    assert response.json()["vrf"] is None


def test_the_tenant_of_the_prefix_is_not_inherited(netbox: NetBox) -> None:
    """An address has the tenant that was asked for, or none."""
    prefix = netbox.prefix(tenant=netbox.tenant()["id"])
    assert netbox.allocate(prefix, {}).json()["tenant"] is None


def test_a_longer_mask_may_be_asked_for(netbox: NetBox) -> None:
    """``prefix_length`` is honoured between the parent's and the longest."""
    prefix = netbox.prefix()
    assert netbox.allocate(prefix, {"prefix_length": 32}).json()["address"] == f"{host(prefix, 1)}/32"


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (16, "Prefix length must be greater than or equal to the parent mask length (24)"),
        (64, "Invalid prefix length (64) for IPv6"),
    ],
)
def test_an_impossible_mask_is_reported_as_a_list_even_for_one_object(
    netbox: NetBox, length: int, message: str
) -> None:
    """What is found before the lock is taken is a list with bare strings."""
    response = netbox.allocate(netbox.prefix(), {"prefix_length": length})
    assert (response.status_code, response.json()) == (400, [{"prefix_length": message}])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"null", [["This field may not be null."]]),
        (b'"abc"', [{"__all__": ["Invalid data. Expected a dictionary, but got str."]}]),
        (b"[1]", [{"__all__": ["Invalid data. Expected a dictionary, but got int."]}]),
    ],
)
def test_a_body_that_is_no_object_is_reported_as_a_list(netbox: NetBox, body: bytes, error: object) -> None:
    """null, a string and a list of numbers are refused."""
    path = f"{PREFIXES}/{netbox.prefix()['id']}/available-ips/"
    response = netbox.call("POST", path, data=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (400, error)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_anything_but_json_is_a_415(netbox: NetBox, kind: str) -> None:
    """Forms and text are not taken."""
    path = f"{PREFIXES}/{netbox.prefix()['id']}/available-ips/"
    response = netbox.call("POST", path, data=b"dns_name=a.b", headers={"Content-Type": kind})
    assert response.status_code == 415
    assert response.json() == {"detail": f'Unsupported media type "{kind}" in request.'}


def test_broken_json_is_a_400(netbox: NetBox) -> None:
    """The parser's message follows a fixed beginning."""
    path = f"{PREFIXES}/{netbox.prefix()['id']}/available-ips/"
    response = netbox.call("POST", path, data=b"{bad", headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_missing_prefix_is_a_404(netbox: NetBox, method: str) -> None:
    """The text names the class."""
    response = netbox.call(method, f"{PREFIXES}/999999999/available-ips/")
    assert (response.status_code, response.json()) == (404, {"detail": "No Prefix matches the given query."})


def test_a_missing_range_is_a_404(netbox: NetBox) -> None:
    """The text names the class."""
    response = netbox.call("POST", "ipam/ip-ranges/999999999/available-ips/")
    assert response.json() == {"detail": "No IPRange matches the given query."}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(netbox: NetBox, method: str) -> None:
    """Only GET and POST are."""
    response = netbox.call(method, f"{PREFIXES}/{netbox.prefix()['id']}/available-ips/", json={})
    assert (response.status_code, response.json()) == (405, {"detail": f'Method "{method}" not allowed.'})


def test_without_the_last_slash_a_read_is_redirected_and_a_write_is_not_found(netbox: NetBox) -> None:
    """A POST is not turned into a GET."""
    path = f"{PREFIXES}/{netbox.prefix()['id']}/available-ips"
    assert netbox.call("GET", path, allow_redirects=False).status_code in {301, 302}
    response = netbox.call("POST", path, json={}, allow_redirects=False)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("limit", "count"), [(None, 50), ("7", 7), ("abc", 50), ("0", 1000), ("1000", 1000), ("5000", 1000)]
)
def test_the_preview_is_a_bare_list_of_limited_length(netbox: NetBox, limit: str | None, count: int) -> None:
    """50 by default, 1000 at most; each with family, address and VRF."""
    prefix = netbox.prefix(16)
    query = {} if limit is None else {"limit": limit}
    rows = netbox.get(f"{PREFIXES}/{prefix['id']}/available-ips", **query).json()
    assert len(rows) == count
    assert rows[0] == {"family": 4, "address": f"{host(prefix, 1)}/16", "vrf": None}


def test_allocated_addresses_can_be_assigned_at_once(netbox: NetBox) -> None:
    """An address comes assigned to a VM's interface, which is shown in brief."""
    interface = netbox.interface()
    body = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    row = netbox.allocate(netbox.prefix(), body).json()
    assert row["assigned_object"]["name"] == "eth0"
    assert row["assigned_object"]["virtual_machine"]["id"] == interface["virtual_machine"]["id"]


def test_allocated_addresses_can_be_assigned_to_a_device(netbox: NetBox) -> None:
    """An address comes assigned to a device's interface."""
    interface = netbox.device_interface()
    body = {"assigned_object_type": "dcim.interface", "assigned_object_id": interface["id"]}
    row = netbox.allocate(netbox.prefix(), body).json()
    assert row["assigned_object"]["device"]["id"] == interface["device"]["id"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": 999_999_999},
            {"assigned_object_id": ["Related object not found using the provided value: 999999999."]},
        ),
        ({"assigned_object_id": 1}, {"assigned_object_type": ["This field cannot be null."]}),
        (
            {"assigned_object_type": "dcim.site", "assigned_object_id": 1},
            {"assigned_object_type": ["Invalid content type: dcim.site"]},
        ),
    ],
)
def test_an_assignment_to_nothing_is_refused(netbox: NetBox, body: Row, error: Row) -> None:
    """The part that is wrong is named."""
    response = netbox.allocate(netbox.prefix(), body)
    assert (response.status_code, response.json()) == (400, error)


def test_query_parameters_do_not_trim_the_answer(netbox: NetBox) -> None:
    """``fields`` and ``brief`` have no effect on an allocation."""
    prefix = netbox.prefix()
    for query in ({"fields": "id"}, {"brief": "true"}):
        row = netbox.allocate(prefix, {"dns_name": "kept.example.com"}, params=query).json()
        assert row["dns_name"] == "kept.example.com"
