"""A record leads to NetBox's change log, and the change log to the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, whole


@pytest.fixture
async def desk(netbox: NetBox, tmp_path: Path) -> AsyncIterator[Whole]:
    """A Berth."""
    async with whole(netbox.url, tmp_path) as desk:
        yield desk


async def test_every_change_in_netbox_is_found_by_its_request_id(desk: Whole, netbox: NetBox) -> None:
    """Made, changed and deleted: the same id stands in the outcome, in the log line and in NetBox."""
    made = await desk.post("traced")
    await desk.client.put(f"{ALLOCATIONS}/traced", json={"prefix": LAB, "description": "changed"})
    await desk.client.delete(f"{ALLOCATIONS}/traced")
    outcomes = await desk.records(event="outcome", key="traced")
    assert [record["decision"] for record in outcomes] == ["allocated", "changed", "released"]
    for record, action in zip(outcomes, ("create", "update", "delete"), strict=True):
        [change] = _changes(netbox, f"request_id={record['netbox_request_id']}")
        assert (change["action"]["value"], change["changed_object_id"]) == (action, record["netbox_id"])
        [line] = [line for line in desk.lines() if line.get("request_id") == record["request_id"]]
        assert record["netbox_request_id"] in line["netbox_request_ids"]
    assert made.json()["netbox_id"] == str(outcomes[0]["netbox_id"])


async def test_a_record_is_found_from_netboxs_change_log(desk: Whole, netbox: NetBox) -> None:
    """Somebody sees a change there and asks who it was."""
    netbox_id = (await desk.post("asked-for")).json()["netbox_id"]
    [change] = _changes(
        netbox, f"changed_object_type=ipam.ipaddress&changed_object_id={netbox_id}&action=create"
    )
    page = await desk.client.get("/api/v1/audit", params={"netbox_request_id": change["request_id"]})
    [record] = page.json()["items"]
    assert (record["event"], record["key"], record["owner"]) == ("outcome", "asked-for", "team")


async def test_the_record_of_a_gateway_leads_to_netbox_too(desk: Whole, netbox: NetBox) -> None:
    """It belongs to no key, and is NetBox's like everything else."""
    netbox.api("POST", "ipam/prefixes/", {"prefix": "10.77.0.0/24"})
    made = await desk.post("behind-a-gateway", prefix="10.77.0.0/24")
    assert made.status_code == 200, made.text
    [record] = await desk.records(event="outcome", action="gateway")
    [change] = _changes(netbox, f"request_id={record['netbox_request_id']}")
    assert change["changed_object_id"] == record["netbox_id"]


def _changes(netbox: NetBox, query: str) -> list[Any]:
    found: list[Any] = netbox.api("GET", f"core/object-changes/?{query}")["results"]
    return found
