"""What the fields of an address take, what NetBox makes of it, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox

DNS = "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"
UNRECOGNISED = (
    "Related objects must be referenced by numeric ID or by dictionary of attributes. "
    "Received an unrecognized value: {}"
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("UPPER.Example.COM", "upper.example.com"),
        (" lead.example.com ", "lead.example.com"),
        ("-foo.com", "-foo.com"),
        ("foo_bar.example.com", "foo_bar.example.com"),
        ("*.example.com", "*.example.com"),
        ("*", "*"),
        ("foo.example.com.", "foo.example.com."),
        ("10.0.0.1", "10.0.0.1"),
        ("a" * 64 + ".com", "a" * 64 + ".com"),
        (5, "5"),
        ("", ""),
    ],
)
def test_a_name_is_stored_in_lower_case_without_blanks_around_it(
    netbox: NetBox, given: object, kept: str
) -> None:
    """NetBox's own rule for names is generous."""
    assert netbox.address(dns_name=given)["dns_name"] == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("foo bar", DNS),
        ("müller.de", DNS),
        ("foo..bar", DNS),
        (".", DNS),
        ("@", DNS),
        ("a/b", DNS),
        ("x" * 256, "Ensure this field has no more than 255 characters."),
        (None, "This field may not be null."),
        (True, "Not a valid string."),
    ],
)
def test_a_name_that_is_none_is_refused(netbox: NetBox, given: object, message: str) -> None:
    """400, with the message under the field."""
    response = netbox.allocate(netbox.prefix(), {"dns_name": given})
    assert (response.status_code, response.json()) == (400, {"dns_name": [message]})


def test_a_name_need_not_be_unique(netbox: NetBox) -> None:
    """Nothing in NetBox arbitrates names."""
    name = unique()
    response = netbox.allocate(netbox.prefix(), [{"dns_name": name}, {"dns_name": name}])
    assert response.status_code == 201


def test_tags_are_given_by_id_or_by_attributes(netbox: NetBox) -> None:
    """A number, digits, or a dictionary of id, slug or name; each once, sorted by name."""
    one, two = netbox.tag(), netbox.tag()
    for given in (one["id"], str(one["id"]), {"id": one["id"]}, {"slug": one["slug"]}, {"name": one["name"]}):
        row = netbox.address(tags=[given])
        assert [tag["slug"] for tag in row["tags"]] == [one["slug"]]
    row = netbox.address(tags=[two["id"], one["id"], one["id"]])
    assert [tag["slug"] for tag in row["tags"]] == sorted([one["slug"], two["slug"]])


def test_a_tag_that_does_not_exist_is_refused_and_not_made(netbox: NetBox) -> None:
    """A plain name or slug is refused even when the tag exists."""
    tag, prefix = netbox.tag(), netbox.prefix()
    cases = {
        tag["slug"]: UNRECOGNISED.format(tag["slug"]),
        tag["name"]: UNRECOGNISED.format(tag["name"]),
        999_999_999: "Related object not found using the provided numeric ID: 999999999",
    }
    for given, message in cases.items():
        response = netbox.allocate(prefix, {"tags": [given]})
        assert (response.status_code, response.json()) == (400, {"tags": [message]})
    slug = unique("missing")
    response = netbox.allocate(prefix, {"tags": [{"slug": slug}]})
    message = f"Related object not found using the provided attributes: {{'slug': '{slug}'}}"
    assert (response.status_code, response.json()) == (400, {"tags": [message]})
    assert netbox.found("extras/tags", slug=slug) == []


def test_tags_are_a_list(netbox: NetBox) -> None:
    """Neither a string nor null will do."""
    prefix = netbox.prefix()
    response = netbox.allocate(prefix, {"tags": "x"})
    text = 'Expected a list of items but got type "str".'
    assert (response.status_code, response.json()) == (400, {"tags": {"__all__": [text]}})
    response = netbox.allocate(prefix, {"tags": None})
    assert (response.status_code, response.json()) == (400, {"tags": ["This field may not be null."]})


def test_a_change_replaces_the_tags(netbox: NetBox) -> None:
    """Unlike custom fields, tags are not merged."""
    one, two = netbox.tag(), netbox.tag()
    row = netbox.address(tags=[one["id"]])
    changed = netbox.patch(f"{ADDRESSES}/{row['id']}", {"tags": [two["id"]]}).json()
    assert [tag["id"] for tag in changed["tags"]] == [two["id"]]


def test_a_tag_in_use_can_be_deleted(netbox: NetBox) -> None:
    """It disappears from what carried it."""
    tag = netbox.tag()
    row = netbox.address(tags=[tag["id"]])
    assert netbox.delete(f"extras/tags/{tag['id']}").status_code == 204
    assert netbox.get(f"{ADDRESSES}/{row['id']}").json()["tags"] == []


def test_a_tag_has_a_name_and_a_slug_of_its_own(netbox: NetBox) -> None:
    """A second one is told which of them exists."""
    tag = netbox.tag()
    response = netbox.post("extras/tags", {"name": tag["name"], "slug": tag["slug"]})
    assert response.status_code == 400
    assert response.json() == {
        "name": ["tag with this name already exists."],
        "slug": ["tag with this slug already exists."],
    }


def test_a_tenant_is_given_by_id_or_by_attributes(netbox: NetBox) -> None:
    """A plain slug is refused."""
    tenant, prefix = netbox.tenant(), netbox.prefix()
    for given in (tenant["id"], {"slug": tenant["slug"]}, {"name": tenant["name"]}):
        row = netbox.allocate(prefix, {"tenant": given}).json()
        assert row["tenant"]["slug"] == tenant["slug"]
    response = netbox.allocate(prefix, {"tenant": tenant["slug"]})
    assert (response.status_code, response.json()) == (
        400,
        {"tenant": [UNRECOGNISED.format(tenant["slug"])]},
    )


def test_status_and_role_are_choices(netbox: NetBox) -> None:
    """Shown with a label; no role is null."""
    row = netbox.address(status="reserved", role="vip")
    assert row["status"] == {"value": "reserved", "label": "Reserved"}
    assert row["role"] == {"value": "vip", "label": "VIP"}
    assert netbox.address()["role"] is None
    for field in ("status", "role"):
        response = netbox.allocate(netbox.prefix(), {field: "bogus"})
        assert (response.status_code, response.json()) == (400, {field: ["bogus is not a valid choice."]})


def test_a_description_has_at_most_200_characters(netbox: NetBox) -> None:
    """201 are refused."""
    response = netbox.allocate(netbox.prefix(), {"description": "d" * 201})
    text = "Ensure this field has no more than 200 characters."
    assert (response.status_code, response.json()) == (400, {"description": [text]})


def test_an_answer_shows_these_keys(netbox: NetBox) -> None:
    """What is built on an address may rely on them."""
    assert set(netbox.address()) >= {
        "id",
        "url",
        "display",
        "family",
        "address",
        "vrf",
        "tenant",
        "status",
        "role",
        "assigned_object_type",
        "assigned_object_id",
        "assigned_object",
        "nat_inside",
        "nat_outside",
        "dns_name",
        "description",
        "comments",
        "tags",
        "custom_fields",
        "created",
        "last_updated",
    }


def test_an_answer_is_exactly_what_a_read_shows(netbox: NetBox) -> None:
    """The allocation's answer need not be read again."""
    row = netbox.address(dns_name=unique(), tags=[netbox.tag()["id"]], tenant=netbox.tenant()["id"])
    assert netbox.get(f"{ADDRESSES}/{row['id']}").json() == row


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (rb'{"description": "a\u0000b"}', {"description": ["Null characters are not allowed."]}),
        (rb'{"description": "\ud800"}', {"description": ["Surrogate characters are not allowed: U+D800."]}),
        (
            b'{"description": NaN}',
            {"detail": "JSON parse error - Out of range float values are not JSON compliant: 'NaN'"},
        ),
    ],
)
def test_text_that_cannot_be_stored_is_refused(netbox: NetBox, body: bytes, error: object) -> None:
    """In ordinary fields with a 400; other control characters are kept."""
    path = f"{ADDRESSES}/{netbox.address()['id']}"
    headers = {"Content-Type": "application/json"}
    response = netbox.call("PATCH", f"{path}/", data=body, headers=headers)
    assert (response.status_code, response.json()) == (400, error)
    kept = netbox.patch(path, {"description": "a\x01b\nc"}).json()["description"]
    assert kept == "a\x01b\nc"
