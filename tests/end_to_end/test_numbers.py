"""Names with the next free number, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.contract.client import unique
from tests.end_to_end.program import refusal
from tests.end_to_end.spaces import key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk
    from tests.end_to_end.spaces import Spaces


def test_callers_at_the_same_time_get_numbers_in_a_row(alice: Desk, bob: Desk, spaces: Spaces) -> None:
    """Twenty keys of two owners, one pattern: twenty names, none left out and none twice."""
    prefix, stem = spaces.prefix(length=26), unique("web")
    pattern = f"{stem}-{{nn}}.plain.test"

    def ask(number: int) -> str:
        desk = (alice, bob)[number % 2]
        return str(desk.made({"key": key(), "prefix": prefix, "name_pattern": pattern})["dns_name"])

    with ThreadPoolExecutor(20) as pool:
        names = sorted(pool.map(ask, range(20)))
    assert names == [f"{stem}-{number:02}.plain.test" for number in range(1, 21)]
    assert sorted(str(row["dns_name"]) for row in spaces.inside(prefix)) == names


def test_a_batch_numbers_its_items(alice: Desk, spaces: Spaces) -> None:
    """Each item has its own name; the next one is what a question suggests."""
    prefix, stem = spaces.prefix(), unique("web")
    items = [{"key": key(), "prefix": prefix, "name_pattern": f"{stem}-{{nn}}.plain.test"} for _ in range(5)]
    answer = alice.call("POST", "/api/v1/allocations/batch", json={"items": items}).json()
    names = sorted(item["allocation"]["dns_name"] for item in answer["items"])
    assert names == [f"{stem}-{number:02}.plain.test" for number in range(1, 6)]
    question = {"dns_name": names[0], "prefix": prefix, "suggest": True}
    report = alice.call("POST", "/api/v1/names/check", json=question).json()
    assert report == {
        "valid": True,
        "violations": [],
        "warnings": [],
        "suggestion": f"{stem}-06.plain.test",
    }


def test_a_repeat_of_a_numbered_put_gets_the_same_bytes(alice: Desk, spaces: Spaces) -> None:
    """As Terraform sends it at every run; the answer holds what was sent."""
    body = {"prefix": spaces.prefix(), "name_pattern": f"{unique('web')}-{{n}}.plain.test"}
    name = key()
    first, second = alice.put(name, body), alice.put(name, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content == alice.get(name).content
    assert {field: first.json()[field] for field in body} == body


def test_a_pattern_without_a_key_is_refused(alice: Desk, spaces: Spaces) -> None:
    """A repeat would take another number."""
    response = alice.post({"prefix": spaces.prefix(), "name_pattern": "web-{n}.plain.test"})
    assert refusal(response) == (422, "key_required")
