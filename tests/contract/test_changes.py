"""The change log, request ids, the journal, and answers that belong to no object."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract.client import ADDRESSES, PREFIXES, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

CHANGES = "core/object-changes"


def logged(netbox: NetBox, request_id: str) -> list[Row]:
    """Return the entries of a request."""
    return netbox.found(CHANGES, request_id=request_id)


def test_an_allocation_is_found_by_its_request_id_with_its_message(netbox: NetBox) -> None:
    """One entry for each address."""
    prefix = netbox.prefix()
    response = netbox.allocate(prefix, [{"changelog_message": "one"}, {"changelog_message": "two"}])
    entries = logged(netbox, response.headers["X-Request-ID"])
    assert len(entries) == 2
    (entry,) = [entry for entry in entries if entry["changed_object_id"] == response.json()[0]["id"]]
    assert entry["action"]["value"] == "create"
    assert entry["changed_object_type"] == "ipam.ipaddress"
    assert entry["object_repr"] == response.json()[0]["address"]
    assert entry["prechange_data"] in (None, {})
    assert entry["postchange_data"]["address"] == response.json()[0]["address"]


def test_each_item_of_a_list_has_a_message_of_its_own(netbox: NetBox) -> None:
    """Not that of the last."""
    response = netbox.allocate(
        netbox.prefix(), [{"changelog_message": "one"}, {"changelog_message": "two"}, {}]
    )
    entries = logged(netbox, response.headers["X-Request-ID"])
    by_id = {entry["changed_object_id"]: entry["message"] for entry in entries}
    assert [by_id[row["id"]] for row in response.json()] == ["one", "two", ""]


def test_changes_and_deletions_are_logged_with_their_message(netbox: NetBox) -> None:
    """A deletion takes it in its body."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    changed = netbox.patch(path, {"description": "x", "changelog_message": "why"})
    (entry,) = logged(netbox, changed.headers["X-Request-ID"])
    assert (entry["action"]["value"], entry["message"]) == ("update", "why")
    assert (entry["prechange_data"]["description"], entry["postchange_data"]["description"]) == ("", "x")
    deleted = netbox.delete(path, json={"changelog_message": "bye"})
    (entry,) = logged(netbox, deleted.headers["X-Request-ID"])
    assert (entry["action"]["value"], entry["message"]) == ("delete", "bye")
    assert entry["changed_object"] is None


def test_a_request_id_of_the_client_is_ignored(netbox: NetBox) -> None:
    """NetBox makes its own, for every answer."""
    mine = str(uuid.uuid4())
    response = netbox.allocate(netbox.prefix(), {}, headers={"X-Request-ID": mine})
    assert str(uuid.UUID(response.headers["X-Request-ID"])) != mine
    assert logged(netbox, mine) == []


def test_objects_are_found_by_the_request_that_made_or_changed_them(netbox: NetBox) -> None:
    """Created by, and modified by."""
    response = netbox.allocate(netbox.prefix(), {})
    number, made = response.json()["id"], response.headers["X-Request-ID"]
    changed = netbox.patch(f"{ADDRESSES}/{number}", {"description": "x"}).headers["X-Request-ID"]
    for query in (
        {"created_by_request": made},
        {"modified_by_request": made},
        {"modified_by_request": changed},
    ):
        assert [row["id"] for row in netbox.found(ADDRESSES, **query)] == [number]
    assert netbox.found(ADDRESSES, created_by_request=changed) == []


def test_a_refused_request_leaves_no_entry(netbox: NetBox) -> None:
    """Nothing was changed."""
    response = netbox.allocate(netbox.prefix(), [{}, {"dns_name": "bad name"}])
    assert response.status_code == 400
    assert logged(netbox, response.headers["X-Request-ID"]) == []


def test_a_journal_entry_hangs_on_an_object(netbox: NetBox) -> None:
    """It needs a comment."""
    row = netbox.address()
    body = {"assigned_object_type": "ipam.ipaddress", "assigned_object_id": row["id"]}
    entry = netbox.made("extras/journal-entries", {**body, "kind": "info", "comments": "hello"})
    assert entry["assigned_object"]["address"] == row["address"]
    response = netbox.post("extras/journal-entries", body)
    assert (response.status_code, response.json()) == (400, {"comments": ["This field is required."]})


@pytest.mark.parametrize("path", ["nope/", "extras/object-changes/", f"{PREFIXES}/1/nope/"])
def test_an_unknown_path_is_a_page_of_html(netbox: NetBox, path: str) -> None:
    """404."""
    response = netbox.call("GET", path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (ADDRESSES, "IPAddress"),
        (PREFIXES, "Prefix"),
        ("ipam/vrfs", "VRF"),
        ("dcim/sites", "Site"),
        ("virtualization/virtual-machines", "VirtualMachine"),
        ("virtualization/interfaces", "VMInterface"),
        ("extras/tags", "Tag"),
    ],
)
def test_a_missing_object_is_named_by_its_class(netbox: NetBox, path: str, name: str) -> None:
    """404, in JSON."""
    response = netbox.get(f"{path}/999999999")
    assert (response.status_code, response.json()) == (404, {"detail": f"No {name} matches the given query."})


def test_a_request_line_that_is_too_long_is_a_400(netbox: NetBox) -> None:
    """Long before 1000 ids: reads are gathered in smaller groups."""
    response = netbox.get(ADDRESSES, id=list(range(100_000, 101_000)))
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_body_that_is_too_large_creates_nothing(netbox: NetBox) -> None:
    """More than 2.5 MB: a 500, or a connection that is closed before the body is read.

    What was not read stays on the connection, so it is not used again.
    """
    prefix, close = netbox.prefix(16), {"Connection": "close"}
    with contextlib.suppress(requests.ConnectionError):
        response = netbox.allocate(prefix, [{"description": "d" * 200}] * 14_000, headers=close)
        assert response.status_code == 500
        assert response.json()["exception"] == "RequestDataTooBig"
    assert netbox.found(ADDRESSES, parent=prefix["prefix"]) == []


def test_a_site_a_tenant_and_a_role_need_a_slug(netbox: NetBox) -> None:
    """Letters, digits, hyphens and underscores."""
    for path in ("dcim/sites", "tenancy/tenants", "ipam/roles"):
        response = netbox.post(path, {"name": unique(), "slug": "not a slug"})
        text = 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
        assert (response.status_code, response.json()) == (400, {"slug": [text]})


def test_a_message_of_more_than_200_characters_is_a_500(netbox: NetBox) -> None:
    """Only the database minds its length; nothing is created."""
    prefix = netbox.prefix()
    assert netbox.allocate(prefix, {"changelog_message": "m" * 200}).status_code == 201
    response = netbox.allocate(prefix, [{}, {"changelog_message": "m" * 201}])
    assert (response.status_code, response.json()["exception"]) == (500, "DataError")
    assert len(netbox.found(ADDRESSES, parent=prefix["prefix"])) == 1
