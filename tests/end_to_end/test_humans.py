"""People work in NetBox beside Berth: never a stale answer, never a second address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.end_to_end.program import refusal
from tests.end_to_end.spaces import Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk


def test_a_human_s_edit_shows_on_every_read(alice: Desk, spaces: Spaces) -> None:
    """Description, name, status and tags."""
    name, tag = key(), spaces.netbox.tag()
    body = {"key": name, "prefix": spaces.prefix(), "dns_name": spaces.name(), "description": "sent"}
    made = alice.made(body)
    new = spaces.name()
    spaces.change(made["netbox_id"], description="edited", dns_name=new, status="dhcp", tags=[tag["id"]])
    for answer in (alice.get(name), alice.post(body)):
        shown = answer.json()
        assert (shown["description"], shown["dns_name"], shown["status"]) == ("edited", new, "dhcp")
        assert (shown["tags"], shown["address"]) == ([tag["slug"]], made["address"])


def test_an_address_that_a_human_deleted_is_404_and_then_allocated_anew(alice: Desk, spaces: Spaces) -> None:
    """GET says so; POST and PUT make a new one, and the list forgets it."""
    name, prefix = key(), spaces.prefix()
    body = {"key": name, "prefix": prefix}
    made = alice.made(body)
    spaces.remove(made["netbox_id"])
    assert refusal(alice.get(name)) == (404, "not_found")
    assert alice.list("allocations", prefix=prefix).json()["items"] == []
    again = alice.made(body)
    assert (again["netbox_id"] != made["netbox_id"], len(spaces.held(name))) == (True, 1)
    spaces.remove(again["netbox_id"])
    assert alice.put(name, {"prefix": prefix}).status_code == 201


def test_a_deleted_address_is_released_already(alice: Desk, spaces: Spaces) -> None:
    """DELETE has nothing left to do."""
    name = key()
    made = alice.made({"key": name, "prefix": spaces.prefix()})
    spaces.remove(made["netbox_id"])
    assert [alice.delete(name).status_code for _ in range(2)] == [204, 204]


def test_a_claim_that_a_human_cleared_is_a_conflict(alice: Desk, operator: Desk, spaces: Spaces) -> None:
    """No second address, no deletion; an operator lets go of the key, and the human's address stays."""
    name, prefix = key(), spaces.prefix()
    made = alice.made({"key": name, "prefix": prefix})
    spaces.change(made["netbox_id"], custom_fields={"berth_key": None})
    for answer in (
        alice.get(name),
        alice.post({"key": name, "prefix": prefix}),
        alice.put(name, {"prefix": prefix}),
        alice.delete(name),
    ):
        assert refusal(answer) == (409, "claim_changed")
    assert len(spaces.inside(prefix)) == 1
    assert operator.delete(name, "?force=true").status_code == 204
    assert alice.made({"key": name, "prefix": prefix})["ip"] == hosts(prefix)[1]
    assert len(spaces.inside(prefix)) == 2


def test_an_owner_that_was_changed_in_netbox_wins(alice: Desk, bob: Desk, spaces: Spaces) -> None:
    """An allocation changes hands by `berth_owner`."""
    name = key()
    made = alice.made({"key": name, "prefix": spaces.prefix()})
    spaces.change(made["netbox_id"], custom_fields={"berth_owner": "bob"})
    assert refusal(alice.get(name)) == (403, "not_owner")
    assert bob.get(name).json()["owner"] == "bob"
    assert bob.delete(name).status_code == 204


def test_a_name_that_a_human_gave_up_can_be_used_again(alice: Desk, spaces: Spaces) -> None:
    """The ledger's memory of a name does not outlive it."""
    prefix, name = spaces.prefix(), spaces.name()
    made = alice.made({"key": key(), "prefix": prefix, "dns_name": name})
    spaces.change(made["netbox_id"], dns_name="")
    assert alice.made({"key": key(), "prefix": prefix, "dns_name": name})["dns_name"] == name


def test_an_object_that_carries_a_claim_is_adopted(alice: Desk, bob: Desk, spaces: Spaces) -> None:
    """A key that the ledger never knew: its owner gets the very address, another owner a refusal."""
    name, prefix = key(), spaces.prefix()
    fields = {"berth_key": name, "berth_owner": "alice"}
    row = spaces.address(f"{hosts(prefix)[8]}/28", custom_fields=fields)
    assert refusal(bob.post({"key": name, "prefix": prefix})) == (403, "not_owner")
    shown = alice.made({"key": name, "prefix": prefix})
    assert (shown["netbox_id"], shown["ip"]) == (str(row["id"]), hosts(prefix)[8])
    assert len(spaces.inside(prefix)) == 1


def test_an_address_that_a_human_took_is_passed_over(alice: Desk, spaces: Spaces) -> None:
    """NetBox decides what is free."""
    prefix = spaces.prefix()
    for host in hosts(prefix)[:2]:
        spaces.address(f"{host}/28")
    assert alice.made({"key": key(), "prefix": prefix})["ip"] == hosts(prefix)[2]


def test_a_moved_object_is_a_conflict_for_a_request_that_names_its_prefix(
    alice: Desk, spaces: Spaces
) -> None:
    """A human gave the object another address; the answer shows it, the old place is refused."""
    name, prefix, other = key(), spaces.prefix(), spaces.prefix()
    made = alice.made({"key": name, "prefix": prefix})
    spaces.change(made["netbox_id"], address=f"{hosts(other)[0]}/28")
    assert alice.get(name).json()["ip"] == hosts(other)[0]
    assert refusal(alice.put(name, {"prefix": hosts(prefix)[0] + "/32"})) == (409, "key_conflict")
