"""What changes an allocation, what does not, and what gives it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.end_to_end.program import refusal
from tests.end_to_end.spaces import Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk


def test_put_changes_in_place_and_keeps_the_address(alice: Desk, spaces: Spaces) -> None:
    """Description, tags, status and name; NetBox holds them afterwards."""
    name, prefix, tag = key(), spaces.prefix(), spaces.netbox.tag()["slug"]
    before = alice.put(name, {"prefix": prefix, "dns_name": spaces.name()}).json()
    new = spaces.name()
    changes = {"description": "moved", "tags": [tag], "status": "reserved", "dns_name": new.upper()}
    answer = alice.put(name, {"prefix": prefix, **changes})
    after = answer.json()
    assert (answer.status_code, after["address"], after["netbox_id"]) == (
        200,
        before["address"],
        before["netbox_id"],
    )
    assert {field: after[field] for field in changes} == changes
    row = spaces.read(after["netbox_id"])
    assert (row["description"], row["dns_name"], row["status"]["value"]) == ("moved", new, "reserved")
    assert alice.get(name).content == answer.content


def test_a_field_that_is_not_sent_is_left_alone_and_null_clears_it(alice: Desk, spaces: Spaces) -> None:
    """People edit in NetBox too."""
    name, prefix = key(), spaces.prefix()
    made = alice.put(name, {"prefix": prefix, "description": "first"}).json()
    spaces.change(made["netbox_id"], description="by a human")
    kept = alice.put(name, {"prefix": prefix, "mac_address": "52:54:00:00:00:01"}).json()
    cleared = alice.put(name, {"prefix": prefix, "description": None}).json()
    assert (kept["description"], cleared["description"]) == ("by a human", None)
    assert spaces.read(made["netbox_id"])["description"] == ""
    assert cleared["mac_address"] == "52:54:00:00:00:01"


def test_post_changes_nothing_that_exists(alice: Desk, spaces: Spaces) -> None:
    """It runs at plan time; the answer shows what is."""
    name, prefix = key(), spaces.prefix()
    alice.put(name, {"prefix": prefix, "description": "as it is"})
    shown = alice.made({"key": name, "prefix": prefix, "description": "as it is not"})
    assert shown["description"] == "as it is"
    assert spaces.held(name)[0]["description"] == "as it is"


def test_another_prefix_is_a_conflict_for_put_and_post(alice: Desk, spaces: Spaces) -> None:
    """It has to be replaced; the answer says what differs, and nothing changes."""
    name, prefix, other = key(), spaces.prefix(), spaces.prefix()
    made = alice.put(name, {"prefix": prefix})
    for answer in (alice.put(name, {"prefix": other}), alice.post({"key": name, "prefix": other})):
        assert refusal(answer) == (409, "key_conflict")
        assert made.json()["address"] in answer.json()["errors"][0]["detail"]
    assert (alice.get(name).content, spaces.inside(other)) == (made.content, [])


def test_another_address_vrf_or_family_is_a_conflict(alice: Desk, spaces: Spaces) -> None:
    """The same key cannot mean two places."""
    name, prefix, vrf = key(), spaces.prefix(), spaces.netbox.vrf()
    alice.made({"key": name, "prefix": prefix})
    for more in ({"address": hosts(prefix)[5]}, {"vrf": vrf["name"]}, {"family": 6}):
        answer = alice.post({"key": name, "prefix": prefix, **more})
        assert refusal(answer) == (409, "key_conflict"), more
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(more))}"


def test_a_released_key_is_404_at_once_and_delete_is_204_again(alice: Desk, spaces: Spaces) -> None:
    """Never 410, and never a deleted object with 200."""
    name = key()
    made = alice.made({"key": name, "prefix": spaces.prefix()})
    assert alice.delete(name).status_code == 204
    assert refusal(alice.get(name)) == (404, "not_found")
    assert refusal(alice.confirm(name)) == (404, "not_found")
    assert [alice.delete(name).status_code for _ in range(2)] == [204, 204]
    assert spaces.netbox.get(f"ipam/ip-addresses/{made['netbox_id']}").status_code == 404


def test_a_released_key_allocates_again_and_gets_its_address_back(alice: Desk, spaces: Spaces) -> None:
    """Terraform's destroy refreshes first: POST, DELETE, and the next plan POSTs again."""
    name, prefix = key(), spaces.prefix()
    alice.made({"key": key(), "prefix": prefix})
    first = alice.made({"key": name, "prefix": prefix})
    alice.delete(name)
    again = alice.made({"key": name, "prefix": prefix})
    assert (again["address"], again["netbox_id"] != first["netbox_id"]) == (first["address"], True)


def test_a_released_address_is_given_to_somebody_else(alice: Desk, spaces: Spaces) -> None:
    """And the former key then gets another one."""
    name, prefix = key(), spaces.prefix()
    first = alice.made({"key": name, "prefix": prefix})
    alice.delete(name)
    assert alice.made({"key": key(), "prefix": prefix})["address"] == first["address"]
    assert alice.made({"key": name, "prefix": prefix})["ip"] == hosts(prefix)[1]


def test_another_owner_s_key_is_403_on_every_route(alice: Desk, bob: Desk, spaces: Spaces) -> None:
    """Not 404, which would make a provider create it again; and nothing changes."""
    name, prefix = key(), spaces.prefix()
    made = alice.put(name, {"prefix": prefix})
    answers = (
        bob.get(name),
        bob.post({"key": name, "prefix": prefix}),
        bob.put(name, {"prefix": prefix, "description": "mine"}),
        bob.confirm(name),
        bob.delete(name),
    )
    assert {refusal(answer) for answer in answers} == {(403, "not_owner")}
    assert alice.get(name).content == made.content


def test_only_an_operator_may_force(alice: Desk, operator: Desk, spaces: Spaces) -> None:
    """And may force what belongs to somebody else."""
    name = key()
    alice.made({"key": name, "prefix": spaces.prefix()})
    assert refusal(alice.delete(name, "?force=true")) == (403, "forbidden")
    assert operator.delete(name, "?force=true").status_code == 204
    assert alice.get(name).status_code == 404


def test_an_address_that_somebody_assigned_is_not_released(
    alice: Desk, operator: Desk, spaces: Spaces
) -> None:
    """Berth removes only what Berth made; the answer says what is in the way."""
    name = key()
    made = alice.made({"key": name, "prefix": spaces.prefix()})
    interface = spaces.netbox.interface()
    spaces.change(
        made["netbox_id"],
        assigned_object_type="virtualization.vminterface",
        assigned_object_id=interface["id"],
    )
    assert alice.get(name).json()["assigned_to"]["interface"] == "eth0"
    answer = alice.delete(name)
    assert refusal(answer) == (409, "in_use")
    assert "eth0" in answer.json()["detail"]
    assert operator.delete(name, "?force=true").status_code == 204
    assert spaces.held(name) == []


def test_a_dns_name_is_used_once_per_vrf_and_family(alice: Desk, spaces: Spaces) -> None:
    """By another key of Berth's, or by an address that a human made."""
    prefix, name, foreign = spaces.prefix(), spaces.name(), spaces.name()
    alice.made({"key": key(), "prefix": prefix, "dns_name": name})
    spaces.address(f"{hosts(prefix)[9]}/28", dns_name=foreign)
    for taken in (name.upper(), foreign):
        answer = alice.post({"key": key(), "prefix": prefix, "dns_name": taken})
        assert refusal(answer) == (409, "dns_name_taken")


def test_a_name_that_breaks_the_convention_is_refused_with_the_convention_s_words(
    alice: Desk, spaces: Spaces
) -> None:
    """It says how a name has to look, and nothing is left behind."""
    name, prefix = key(), spaces.prefix()
    answer = alice.put(name, {"prefix": prefix, "dns_name": "web.ships.test"})
    assert refusal(answer) == (422, "name_refused")
    assert "docker-01-nexus.ships.test" in answer.json()["errors"][0]["detail"]
    assert spaces.inside(prefix) == []


def test_a_put_that_breaks_the_convention_changes_nothing(alice: Desk, spaces: Spaces) -> None:
    """Every violation at once, each with its place."""
    name, prefix = key(), spaces.prefix()
    made = alice.put(name, {"prefix": prefix, "dns_name": spaces.name()})
    answer = alice.put(name, {"prefix": prefix, "dns_name": "Web_1.ships.test", "description": "new"})
    assert refusal(answer) == (422, "name_refused")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/dns_name"}
    assert alice.get(name).content == made.content
