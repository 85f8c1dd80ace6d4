"""The same server through pynetbox, the client that Berth uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pynetbox
import pytest
from pynetbox.core.query import AllocationError, Request, RequestError

from tests.contract.client import ADDRESSES, CLAIM_TAKEN, KEY, host, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row


@pytest.fixture(scope="module")
def api(netbox: NetBox) -> Any:  # noqa: ANN401 - pynetbox has no types
    """A pynetbox client, which does not read ~/.netrc."""
    client = pynetbox.api(netbox.url, token=netbox.token)
    client.http_session.trust_env = False
    return client


def test_the_version_is_that_of_the_header(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """A GET of the root."""
    assert api.version == netbox.get("status").headers["API-Version"]
    assert api.status()["netbox-version"].startswith(api.version)


def test_a_list_is_allocated_without_reading_the_prefix(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """Plain dictionaries come back, in order."""
    prefix = netbox.prefix()
    base = f"{api.ipam.prefixes.url}/{prefix['id']}/available-ips/"
    names = [unique(), unique()]
    rows = Request(base=base, token=api.token, http_session=api.http_session).post(
        [{"dns_name": name} for name in names]
    )
    assert [row["dns_name"] for row in rows] == names
    assert [row["address"] for row in rows] == [f"{host(prefix, n)}/24" for n in (1, 2)]


def test_a_record_allocates_from_its_prefix(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """The usual way."""
    prefix = api.ipam.prefixes.get(netbox.prefix()["id"])
    row = prefix.available_ips.create({"dns_name": unique()})
    assert api.ipam.ip_addresses.get(row.id).dns_name == row.dns_name


def test_no_room_is_an_allocation_error(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """Every 409 on a POST is."""
    prefix = api.ipam.prefixes.get(netbox.prefix(32)["id"])
    prefix.available_ips.create({})
    with pytest.raises(AllocationError):
        prefix.available_ips.create({})


def test_a_taken_claim_is_a_request_error_with_the_body(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """The status and the text are in it."""
    item: Row = {"custom_fields": {KEY: unique("key")}}
    prefix = api.ipam.prefixes.get(netbox.prefix()["id"])
    prefix.available_ips.create(item)
    with pytest.raises(RequestError) as caught:
        prefix.available_ips.create([{}, item])
    assert caught.value.req.status_code == 400
    assert caught.value.req.json() == [{}, {"__all__": [CLAIM_TAKEN]}]


def test_a_missing_object_is_none(api: Any) -> None:  # noqa: ANN401
    """Not an error."""
    assert api.ipam.ip_addresses.get(999_999_999) is None


def test_a_list_is_walked_over_its_pages(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """As many calls as pages."""
    prefix = netbox.prefix()
    netbox.allocate(prefix, [{}] * 12)
    assert len(list(api.ipam.ip_addresses.filter(parent=prefix["prefix"], limit=5))) == 12


def test_a_record_is_changed_and_deleted(netbox: NetBox, api: Any) -> None:  # noqa: ANN401
    """Only what differs is sent."""
    record = api.ipam.ip_addresses.get(netbox.address()["id"])
    assert record.save() is False
    record.description = "changed"
    assert record.save() is True
    assert netbox.get(f"{ADDRESSES}/{record.id}").json()["description"] == "changed"
    assert record.delete() is True
    assert api.ipam.ip_addresses.get(record.id) is None
