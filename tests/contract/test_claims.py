"""Claims: a unique custom field, checked inside NetBox's lock, and what may go wrong with a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import (
    ADDRESSES,
    CLAIM_TAKEN,
    KEY,
    LOOSE,
    MACHINES,
    OWNER,
    at_once,
    may,
    unique,
)

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

DNS = "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"


def claim(key: str | None, **fields: object) -> Row:
    """Return an item with a claim."""
    return {"custom_fields": {KEY: key}, **fields}


def test_a_taken_claim_is_refused(netbox: NetBox) -> None:
    """400, under ``__all__``, whichever prefix is asked."""
    key = unique("key")
    netbox.address(**claim(key))
    response = netbox.allocate(netbox.prefix(), claim(key))
    assert (response.status_code, response.json()) == (400, {"__all__": [CLAIM_TAKEN]})


def test_a_taken_claim_in_a_list_is_reported_by_position_and_nothing_is_created(netbox: NetBox) -> None:
    """Valid items are ``{}`` in the answer, and are not stored either."""
    taken, fresh = unique("key"), unique("key")
    netbox.address(**claim(taken))
    response = netbox.allocate(netbox.prefix(), [claim(fresh), claim(taken), {}])
    assert (response.status_code, response.json()) == (400, [{}, {"__all__": [CLAIM_TAKEN]}, {}])
    assert netbox.found(ADDRESSES, cf_berth_key=fresh) == []


def test_every_wrong_item_of_a_list_is_reported_at_its_position(netbox: NetBox) -> None:
    """Errors of fields and of claims side by side."""
    taken = unique("key")
    netbox.address(**claim(taken))
    items = [{"dns_name": "bad name"}, {}, claim(taken), {"tags": [{"slug": "no-such-tag"}]}]
    response = netbox.allocate(netbox.prefix(), items)
    tag = "Related object not found using the provided attributes: {'slug': 'no-such-tag'}"
    assert response.status_code == 400
    assert response.json() == [{"dns_name": [DNS]}, {}, {"__all__": [CLAIM_TAKEN]}, {"tags": [tag]}]


def test_one_claim_twice_in_a_list_passes(netbox: NetBox) -> None:
    """Both are checked before either is stored: the list's author has to keep them apart."""
    key = unique("key")
    response = netbox.allocate(netbox.prefix(), [claim(key), claim(key)])
    assert response.status_code == 201
    assert len(netbox.found(ADDRESSES, cf_berth_key=key)) == 2


def test_of_twenty_allocations_with_one_claim_one_succeeds(netbox: NetBox) -> None:
    """The claim is checked inside the lock, so NetBox itself arbitrates."""
    key, prefix = unique("key"), netbox.prefix()
    answers = at_once(20, lambda _: netbox.allocate(prefix, claim(key)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 19
    refused = [answer.json() for answer in answers if answer.status_code == 400]
    assert all(body == {"__all__": [CLAIM_TAKEN]} for body in refused)
    assert len(netbox.found(ADDRESSES, cf_berth_key=key)) == 1


def test_of_twelve_changes_to_one_claim_one_succeeds(netbox: NetBox) -> None:
    """A PATCH of a single address takes the lock too."""
    key = unique("key")
    rows = netbox.allocate(netbox.prefix(), [{}] * 12).json()
    answers = at_once(12, lambda n: netbox.patch(f"{ADDRESSES}/{rows[n]['id']}", claim(key)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11


def test_a_claim_is_unique_for_each_kind_of_object(netbox: NetBox) -> None:
    """A VM and an address may carry the same claim; two VMs may not."""
    key = unique("key")
    netbox.address(**claim(key))
    machine = netbox.machine(**claim(key))
    assert machine["custom_fields"][KEY] == key
    response = netbox.post(MACHINES, {"name": unique(), "cluster": machine["cluster"]["id"], **claim(key)})
    assert (response.status_code, response.json()) == (400, {"__all__": [CLAIM_TAKEN]})


@pytest.mark.parametrize("empty", [None, ""])
def test_no_claim_is_not_a_claim(netbox: NetBox, empty: str | None) -> None:
    """Any number of objects may have none."""
    assert netbox.allocate(netbox.prefix(), [claim(empty), claim(empty)]).status_code == 201
    assert netbox.allocate(netbox.prefix(), claim(empty)).status_code == 201


def test_claims_differ_by_the_case_of_their_letters(netbox: NetBox) -> None:
    """They are compared as written."""
    key = unique("key")
    netbox.address(**claim(key))
    assert netbox.allocate(netbox.prefix(), claim(key.upper())).status_code == 201


def test_a_claim_stays_with_the_object_when_it_is_sent_again(netbox: NetBox) -> None:
    """An object does not conflict with itself."""
    key = unique("key")
    row = netbox.address(**claim(key))
    assert netbox.patch(f"{ADDRESSES}/{row['id']}", claim(key)).status_code == 200


def test_a_claim_is_free_again_when_its_object_is_deleted(netbox: NetBox) -> None:
    """Nothing remembers it."""
    key = unique("key")
    row = netbox.address(**claim(key))
    netbox.delete(f"{ADDRESSES}/{row['id']}")
    assert netbox.allocate(netbox.prefix(), claim(key)).status_code == 201


def test_a_claim_that_the_token_cannot_see_is_taken_all_the_same(netbox: NetBox) -> None:
    """The error comes although a look-up finds nothing."""
    key = unique("key")
    netbox.address(**claim(key))
    rights = [
        may("ipam.prefix", "view"),
        may("ipam.ipaddress", "add"),
        may("ipam.ipaddress", "view", constraints={"status": "reserved"}),
    ]
    with netbox.account(*rights) as narrow:
        assert narrow.found(ADDRESSES, cf_berth_key=key) == []
        response = narrow.allocate(netbox.prefix(), claim(key, status="reserved"))
    assert (response.status_code, response.json()) == (400, {"__all__": [CLAIM_TAKEN]})


def test_custom_fields_are_merged_by_a_change(netbox: NetBox) -> None:
    """What is not sent stays; null clears."""
    key, owner = unique("key"), unique("owner")
    row = netbox.address(custom_fields={KEY: key, OWNER: owner})
    changed = netbox.patch(f"{ADDRESSES}/{row['id']}", {"custom_fields": {LOOSE: "x"}}).json()
    assert {name: changed["custom_fields"][name] for name in (KEY, OWNER, LOOSE)} == {
        KEY: key,
        OWNER: owner,
        LOOSE: "x",
    }
    cleared = netbox.patch(f"{ADDRESSES}/{row['id']}", {"custom_fields": {LOOSE: None}}).json()
    assert (cleared["custom_fields"][LOOSE], cleared["custom_fields"][KEY]) == (None, key)


def test_every_custom_field_is_shown(netbox: NetBox) -> None:
    """Those without a value as null."""
    fields = netbox.address()["custom_fields"]
    assert {name: fields[name] for name in (KEY, OWNER, LOOSE)} == {KEY: None, OWNER: None, LOOSE: None}


def test_an_unknown_custom_field_is_refused(netbox: NetBox) -> None:
    """It is named."""
    response = netbox.allocate(netbox.prefix(), {"custom_fields": {"zzz": 1}})
    text = "Custom field 'zzz' does not exist for this object type."
    assert (response.status_code, response.json()) == (400, {"custom_fields": {"zzz": text}})


def test_a_text_field_takes_text_only(netbox: NetBox) -> None:
    """A number is refused, not converted."""
    response = netbox.allocate(netbox.prefix(), claim(5))  # type: ignore[arg-type]
    text = f"Invalid value for custom field '{KEY}': Value must be a string."
    assert (response.status_code, response.json()) == (400, {"__all__": [text]})


def test_a_null_character_in_a_custom_field_is_a_500(netbox: NetBox) -> None:
    """The database refuses it; nothing is created."""
    prefix = netbox.prefix()
    response = netbox.allocate(prefix, claim(f"{unique('key')}\0"))
    assert response.status_code == 500
    assert netbox.found(ADDRESSES, parent=prefix["prefix"]) == []


def test_the_definition_of_the_claim_can_be_read(netbox: NetBox) -> None:
    """Whether the field is unique and compared exactly."""
    (field,) = netbox.found("extras/custom-fields", name=KEY)
    assert field["unique"] is True
    assert field["filter_logic"]["value"] == "exact"
    assert field["type"]["value"] == "text"
    assert set(field["object_types"]) >= {"ipam.ipaddress", "virtualization.virtualmachine"}


def test_a_custom_field_cannot_be_made_twice(netbox: NetBox) -> None:
    """Nor under a name with other characters than letters, digits and underscores."""
    body = {"object_types": ["ipam.ipaddress"], "name": KEY, "type": "text"}
    response = netbox.post("extras/custom-fields", body)
    assert (response.status_code, response.json()) == (
        400,
        {"name": ["custom field with this name already exists."]},
    )
    response = netbox.post("extras/custom-fields", {**body, "name": "bad-name"})
    text = "Only alphanumeric characters and underscores are allowed."
    assert (response.status_code, response.json()) == (400, {"name": [text]})
