"""Pages of lists: sizes, links, order, and which keys are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row


@pytest.fixture(scope="module")
def many(netbox: NetBox) -> Row:
    """A prefix with sixty addresses."""
    prefix = netbox.prefix()
    assert netbox.allocate(prefix, [{}] * 60).status_code == 201
    return prefix


def test_a_page_has_fifty_objects_and_a_link_to_the_next(netbox: NetBox, many: Row) -> None:
    """The links carry limit and offset."""
    page = netbox.get(ADDRESSES, parent=many["prefix"]).json()
    assert (page["count"], len(page["results"]), page["previous"]) == (60, 50, None)
    assert "limit=50&offset=50" in page["next"]
    after = netbox.call("GET", page["next"].split("/api/")[1]).json()
    assert (len(after["results"]), after["next"]) == (10, None)
    assert after["previous"].split("?")[1].startswith("limit=50")


@pytest.mark.parametrize(("limit", "count"), [("7", 7), ("0", 60), ("5000", 60), ("abc", 50), ("-1", 50)])
def test_the_size_of_a_page_can_be_asked_for(netbox: NetBox, many: Row, limit: str, count: int) -> None:
    """0 asks for as many as there may be; nonsense is ignored."""
    page = netbox.get(ADDRESSES, parent=many["prefix"], limit=limit).json()
    assert len(page["results"]) == count


def test_a_large_list_can_be_walked_by_id(netbox: NetBox, many: Row) -> None:
    """``id__gt`` with ``ordering=id`` sees each object once, whatever is deleted meanwhile."""
    seen: list[int] = []
    while True:
        query = {"parent": many["prefix"], "ordering": "id", "limit": 25, "id__gt": seen[-1] if seen else 0}
        rows = netbox.found(ADDRESSES, **query)
        if not rows:
            break
        seen += [row["id"] for row in rows]
    assert len(seen) == 60
    assert seen == sorted(set(seen))


def test_an_order_can_be_turned_round(netbox: NetBox, many: Row) -> None:
    """A minus sign does."""
    rows = netbox.found(ADDRESSES, parent=many["prefix"], ordering="-id", limit=3)
    numbers = [row["id"] for row in rows]
    assert numbers == sorted(numbers, reverse=True)


def test_addresses_come_in_numerical_order(netbox: NetBox, many: Row) -> None:
    """Not in the order of their text."""
    rows = netbox.found(ADDRESSES, parent=many["prefix"], limit=0)
    last = [int(row["address"].split("/")[0].split(".")[-1]) for row in rows]
    assert last == list(range(1, 61))


def test_a_cursor_leaves_out_the_count(netbox: NetBox, many: Row) -> None:
    """``start`` gives the objects from an id on."""
    first = netbox.found(ADDRESSES, parent=many["prefix"], ordering="id", limit=1)[0]["id"]
    page = netbox.get(ADDRESSES, parent=many["prefix"], start=first, limit=2).json()
    assert page["count"] is None
    assert page["results"][0]["id"] == first
    assert f"start={page['results'][-1]['id'] + 1}" in page["next"]


def test_fewer_keys_can_be_asked_for(netbox: NetBox) -> None:
    """By name, or the brief form."""
    row = netbox.address(dns_name=unique())
    chosen = netbox.get(f"{ADDRESSES}/{row['id']}", fields="id,dns_name").json()
    assert chosen == {"id": row["id"], "dns_name": row["dns_name"]}
    (listed,) = netbox.found(ADDRESSES, id=row["id"], fields="id,address")
    assert listed == {"id": row["id"], "address": row["address"]}
    brief = netbox.get(f"{ADDRESSES}/{row['id']}", brief="true").json()
    assert set(brief) == {"id", "url", "display", "family", "address", "description"}
    trimmed = netbox.get(f"{ADDRESSES}/{row['id']}", omit="custom_fields,tags").json()
    assert set(row) - set(trimmed) == {"custom_fields", "tags"}


def test_fields_on_a_write_drop_what_they_do_not_name(netbox: NetBox) -> None:
    """A PATCH is answered with 200 and changes nothing: never send it."""
    row = netbox.address()
    path = f"{ADDRESSES}/{row['id']}"
    response = netbox.patch(path, {"dns_name": "x.example.com"}, params={"fields": "id"})
    assert (response.status_code, response.json()) == (200, {"id": row["id"]})
    assert netbox.get(path).json()["dns_name"] == ""
