"""Addresses on interfaces that are in NetBox: bound, moved, and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract.client import INTERFACES, MACHINES, unique
from tests.end_to_end.program import refusal
from tests.end_to_end.spaces import key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk
    from tests.end_to_end.spaces import Spaces


def node(spaces: Spaces) -> dict[str, Any]:
    """Make a device with an interface, and name it as a request does."""
    return {"device": spaces.netbox.device_interface()["device"]["name"], "interface": "eth0"}


def machine(spaces: Spaces, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Make a virtual machine with an interface, and name it as a request does."""
    interface = spaces.netbox.interface(spaces.netbox.machine(**fields))
    return {"virtual_machine": interface["virtual_machine"]["name"], "interface": "eth0"}


def test_an_address_is_made_on_an_interface_and_given_back(alice: Desk, spaces: Spaces) -> None:
    """Of a device or of a virtual machine; equal requests get equal bytes, and the release deletes it."""
    for words in (node(spaces), machine(spaces)):
        name = key()
        body = {"key": name, "prefix": spaces.prefix(), "assign_to": words}
        made = alice.post(body)
        assert made.status_code == 200, made.text
        assert (made.json()["assigned_to"], made.json()["assign_to"]) == (words, words)
        assert alice.post(body).content == alice.get(name).content == made.content
        [row] = spaces.held(name)
        assert row["assigned_object"]["name"] == "eth0"
        assert alice.delete(name).status_code == 204
        assert spaces.held(name) == []


def test_a_put_moves_an_address_and_takes_it_off(alice: Desk, spaces: Spaces) -> None:
    """The address and its id stay; null takes it off."""
    name, prefix = key(), spaces.prefix()
    made = alice.put(name, {"prefix": prefix, "assign_to": node(spaces)}).json()
    for words in (machine(spaces), None, node(spaces)):
        moved = alice.put(name, {"prefix": prefix, "assign_to": words})
        assert moved.status_code == 200, moved.text
        assert (moved.json()["assigned_to"], moved.json()["assign_to"]) == (words, words)
        assert moved.json()["netbox_id"] == made["netbox_id"]
        assert alice.get(name).content == moved.content
    assert alice.delete(name).status_code == 204


def test_a_primary_address_is_neither_moved_nor_released(alice: Desk, operator: Desk, spaces: Spaces) -> None:
    """409 that says what to do, and everything stays as it was."""
    name, prefix, words = key(), spaces.prefix(), machine(spaces)
    made = alice.put(name, {"prefix": prefix, "assign_to": words})
    [interface] = spaces.netbox.found(INTERFACES, virtual_machine=words["virtual_machine"])
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    primary = spaces.netbox.patch(path, {"primary_ip4": int(made.json()["netbox_id"])})
    assert primary.status_code == 200, primary.text
    for elsewhere in (node(spaces), None):
        answer = alice.put(name, {"prefix": prefix, "assign_to": elsewhere, "description": "moved"})
        assert refusal(answer) == (409, "in_use")
        assert "primary address" in answer.json()["detail"]
    assert refusal(alice.delete(name)) == (409, "in_use")
    assert alice.get(name).content == made.content
    assert operator.delete(name, "?force=true").status_code == 204


def test_an_address_that_a_human_moved_is_not_released(alice: Desk, spaces: Spaces) -> None:
    """Somebody else uses it there; the answer shows where, and that it is not what was asked for."""
    name = key()
    made = alice.made({"key": name, "prefix": spaces.prefix(), "assign_to": node(spaces)})
    other = spaces.netbox.device_interface()
    spaces.change(made["netbox_id"], assigned_object_id=other["id"])
    shown = alice.get(name).json()
    assert (shown["assigned_to"]["device"], shown["assign_to"]) == (other["device"]["name"], None)
    assert refusal(alice.delete(name)) == (409, "in_use")


def test_what_netbox_does_not_have_is_refused(alice: Desk, spaces: Spaces) -> None:
    """A device, a machine, an interface; and a name that two machines have, with both of them."""
    prefix, there, twin = spaces.prefix(), node(spaces), unique("vm")
    ids = [spaces.netbox.interface(spaces.netbox.machine(name=twin))["virtual_machine"]["id"] for _ in "ab"]
    for words, pointer in (
        ({"device": unique(), "interface": "eth0"}, "/assign_to/device"),
        ({"device": "999999999", "interface": "eth0"}, "/assign_to/device"),
        ({**there, "interface": "eth1"}, "/assign_to/interface"),
        ({"virtual_machine": unique(), "interface": "eth0"}, "/assign_to/virtual_machine"),
        ({"virtual_machine": twin, "interface": "eth0"}, "/assign_to/virtual_machine"),
    ):
        answer = alice.post({"key": key(), "prefix": prefix, "assign_to": words})
        assert refusal(answer) == (422, "unknown_reference")
        errors = answer.json()["errors"]
        assert {error["pointer"] for error in errors} == {pointer}
    assert [error["detail"].partition(":")[0] for error in errors] == [f"id {number}" for number in ids]
    assert spaces.inside(prefix) == []


def test_a_batch_binds_each_of_its_addresses(alice: Desk, spaces: Spaces) -> None:
    """Each item for itself; a wrong one is refused alone."""
    prefix, words = (
        spaces.prefix(),
        [node(spaces), {"device": unique(), "interface": "eth0"}, machine(spaces)],
    )
    items = [{"key": key(), "prefix": prefix, "assign_to": each} for each in words]
    results = alice.call("POST", "/api/v1/allocations/batch", json={"items": items}).json()["items"]
    assert [result["status"] for result in results] == [200, 422, 200]
    assert [results[n]["allocation"]["assigned_to"] for n in (0, 2)] == [words[0], words[2]]
