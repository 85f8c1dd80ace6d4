"""Against a real NetBox: a record leads to its change log, and the change log to the record."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.policy import Policy
from app.netbox import NetBoxSettings, connect
from app.netbox.setup import bootstrap
from tests.whole import ALLOCATIONS, whole

if TYPE_CHECKING:
    from pathlib import Path

    import requests

pytestmark = pytest.mark.netbox


class Token:
    """A token that never changes."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    async def refresh(self) -> bool:
        """There is no other."""
        return False


async def prepare(url: str, token: str) -> None:
    """Give NetBox the claim fields."""
    room = connect(NetBoxSettings(url=url), Token(token))
    try:
        await bootstrap(room.line)
    finally:
        room.close()


async def test_records_and_the_change_log_lead_to_each_other(
    netbox: requests.Session, netbox_url: str, netbox_token: str, prefix: dict[str, Any], tmp_path: Path
) -> None:
    """Made, changed and deleted, each under the id that NetBox itself has given the request."""
    await prepare(netbox_url, netbox_token)
    key = f"audit-{secrets.token_hex(6)}"
    body = {"prefix": prefix["id"], "description": "one"}
    async with whole(netbox_url, tmp_path, Policy.default(), token=netbox_token) as desk:
        for method, words in (("PUT", body), ("PUT", {**body, "description": "two"}), ("DELETE", None)):
            answer = await desk.client.request(method, f"{ALLOCATIONS}/{key}", json=words)
            assert answer.status_code in (200, 201, 204), answer.text
        records = await desk.records(event="outcome", key=key)
        assert [record["decision"] for record in records] == ["allocated", "changed", "released"]
        for record, action in zip(records, ("create", "update", "delete"), strict=True):
            request_id = record["netbox_request_id"]
            changes = netbox.get("/api/core/object-changes/", params={"request_id": request_id}).json()
            [change] = changes["results"]
            assert (change["action"]["value"], change["changed_object_id"]) == (action, record["netbox_id"])
            page = await desk.client.get("/api/v1/audit", params={"netbox_request_id": change["request_id"]})
            assert page.json()["items"] == [record]
