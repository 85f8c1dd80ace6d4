"""A key, and what a repeat of its request gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.client import unique
from tests.end_to_end.program import Desk, refusal
from tests.end_to_end.spaces import PLAIN_V6, Spaces, hosts, key, mask

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests


def at_once(count: int, call: Callable[[int], requests.Response]) -> list[requests.Response]:
    """Make several calls at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_a_post_takes_the_first_free_address(alice: Desk, spaces: Spaces) -> None:
    """And NetBox holds it under the key, with its owner beside it."""
    prefix, name = spaces.prefix(), key()
    allocation = alice.made({"key": name, "prefix": prefix})
    [row] = spaces.held(name)
    assert allocation["address"] == f"{hosts(prefix)[0]}/{mask(prefix)}" == row["address"]
    assert (row["custom_fields"]["berth_owner"], str(row["id"])) == ("alice", allocation["netbox_id"])


def test_a_repeated_post_gets_the_same_status_and_bytes(alice: Desk, spaces: Spaces) -> None:
    """Terraform reads its data sources on every plan; only a header tells the difference."""
    body = {"key": key(), "prefix": spaces.prefix(), "dns_name": spaces.name(), "description": "A host"}
    answers = [alice.post(body) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]


def test_put_creates_with_201_and_then_answers_200_with_the_same_bytes(alice: Desk, spaces: Spaces) -> None:
    """A CRUD provider sends it on create and on update, and compares."""
    name, body = key(), {"prefix": spaces.prefix(), "description": "made by PUT"}
    answers = [alice.put(name, body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].headers["Location"] == f"/api/v1/allocations/{name}"


def test_get_answers_what_the_write_answered(alice: Desk, spaces: Spaces) -> None:
    """A provider that reads after it wrote must see no change."""
    name = key()
    written = alice.put(name, {"prefix": spaces.prefix(), "dns_name": spaces.name().upper(), "tags": []})
    answers = [alice.get(name) for _ in range(2)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, written.content)}


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_concurrent_duplicates_get_one_answer(alice: Desk, spaces: Spaces, method: str) -> None:
    """One is made; the others wait for it. `409, in progress` would be no answer."""
    name, prefix = key(), spaces.prefix()

    def send(_number: int) -> requests.Response:
        path = "/api/v1/allocations" + (f"/{name}" if method == "PUT" else "")
        return alice.call(method, path, json={"key": name, "prefix": prefix})

    answers = at_once(20, send)
    assert {answer.content for answer in answers} == {answers[0].content}
    created = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 19 + [201 if method == "PUT" else 200]
    assert (len(created), len(spaces.held(name))) == (1, 1)


def test_different_keys_at_once_get_different_addresses(alice: Desk, spaces: Spaces) -> None:
    """Whatever shares a batch."""
    prefix = spaces.prefix(length=26)
    answers = at_once(24, lambda _number: alice.post({"key": key(), "prefix": prefix}))
    assert {answer.status_code for answer in answers} == {200}
    taken = sorted(answer.json()["address"] for answer in answers)
    assert taken == sorted(f"{host}/26" for host in hosts(prefix)[:24])


def test_a_write_from_which_no_key_can_be_drawn_is_refused(alice: Desk, spaces: Spaces) -> None:
    """Never a new address at each plan."""
    prefix = spaces.prefix()
    assert refusal(alice.post({"prefix": prefix})) == (422, "key_required")
    assert spaces.inside(prefix) == []


@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_the_idempotency_key_is_the_key_without_its_quotes(alice: Desk, spaces: Spaces, form: str) -> None:
    """RFC drafts quote it; clients do as they like."""
    name, body = key(), {"prefix": spaces.prefix()}
    first = alice.post(body, Idempotency_Key=form.format(name))
    assert first.json()["key"] == name
    assert alice.post({**body, "key": name}).content == first.content


def test_the_body_s_key_goes_before_the_header(alice: Desk, spaces: Spaces) -> None:
    """With a key in the body the header is not looked at."""
    name, other = key(), key()
    answer = alice.post({"key": name, "prefix": spaces.prefix()}, Idempotency_Key=other)
    assert answer.json()["key"] == name
    assert alice.get(other).status_code == 404


def test_the_header_goes_before_the_name(alice: Desk, spaces: Spaces) -> None:
    """The DNS name makes the key only where nothing else does."""
    name = key()
    answer = alice.post({"prefix": spaces.prefix(), "dns_name": spaces.name()}, Idempotency_Key=name)
    assert answer.json()["key"] == name


def test_a_path_and_a_body_that_contradict_each_other_are_refused(alice: Desk, spaces: Spaces) -> None:
    """Two keys in one request are a mistake."""
    answer = alice.put(key(), {"key": key(), "prefix": spaces.prefix()})
    assert refusal(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/key"


def test_a_dns_name_is_a_key_in_lower_case(alice: Desk, spaces: Spaces) -> None:
    """The simplest request there is: a prefix and a name, in whatever case."""
    prefix, name = spaces.prefix(), spaces.name()
    first = alice.made({"prefix": prefix, "dns_name": name.upper()})
    again = alice.made({"prefix": prefix, "dns_name": name})
    assert (first["key"], again["key"], again["address"]) == (name, name, first["address"])


def test_a_derived_key_tells_vrfs_and_families_apart(alice: Desk, spaces: Spaces) -> None:
    """One host may have an address in each of them."""
    name, vrf = spaces.name(), spaces.netbox.vrf()
    inside = spaces.prefix(vrf=vrf["id"])
    v6 = spaces.prefix(PLAIN_V6, 120)
    bodies: list[dict[str, Any]] = [
        {"prefix": spaces.prefix()},
        {"prefix": inside, "vrf": vrf["name"]},
        {"prefix": v6},
    ]
    keys = [alice.made({**body, "dns_name": name})["key"] for body in bodies]
    assert keys == [name, f"{name}@vrf{vrf['id']}", f"{name}:v6"]


@pytest.mark.parametrize("bad", ["null", "..", "a b", "ä", "x" * 301, "a~b"])
def test_what_is_no_key_is_refused(alice: Desk, spaces: Spaces, bad: str) -> None:
    """`null` means something else to NetBox, `~` is Berth's own."""
    assert refusal(alice.post({"key": bad, "prefix": spaces.prefix()})) == (422, "invalid_request")


def test_a_key_of_300_characters_works_on_every_route(alice: Desk, spaces: Spaces) -> None:
    """The longest one, with every character that is allowed."""
    name = (unique("a.b_c:d@e-F") + "x" * 300)[:300]
    made = alice.made({"key": name, "prefix": spaces.prefix()})
    assert alice.get(name).json() == made
    assert (alice.delete(name).status_code, alice.get(name).status_code) == (204, 404)
