"""Where a key comes from, and what one looks like."""

import pytest
from starlette.testclient import TestClient

from app.api.keys import is_key
from app.domain.inventory import CLAIM_FIELD
from tests.api.conftest import Rig

PATH = "/api/v1/allocations"
PLACE = {"prefix": "10.20.0.0/24"}


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("a", True),
        ("Web-01.Example:ORG@vrf7_x", True),
        ("k" * 300, True),
        ("k" * 301, False),
        ("", False),
        ("null", False),  # means something else to NetBox
        ("NULL", True),  # compared as written
        ("..", False),  # cannot stand in a path
        (".", False),
        ("a..b", True),
        ("a b", False),
        ("a/b", False),
        ("a~1", False),  # Berth's own
        ("ä", False),
        ("a\n", False),
    ],
)
def test_a_key_is_letters_digits_and_a_few_signs(text: str, legal: bool) -> None:
    """1 to 300 of them."""
    assert is_key(text) is legal


@pytest.mark.parametrize("header", ["web-01", '"web-01"', "  web-01  "])
def test_the_header_gives_the_key_where_the_body_does_not(api: TestClient, header: str) -> None:
    """Quotes and spaces around it are stripped."""
    response = api.post(PATH, json=PLACE, headers={"Idempotency-Key": header})
    assert response.json()["key"] == "web-01"


@pytest.mark.parametrize("header", [b"", b'""', b'"', b"a b", b"null", b"a~1", "ä".encode()])
def test_a_header_that_holds_no_key_is_refused(api: TestClient, header: bytes) -> None:
    """Also an empty one: a variable that was not set must not become another key."""
    headers = {b"Idempotency-Key": header}
    response = api.post(PATH, json={**PLACE, "dns_name": "x.org"}, headers=headers)
    assert response.status_code == 422
    assert "Idempotency-Key" in response.json()["errors"][0]["detail"]


def test_the_bodys_key_counts_before_the_header(api: TestClient) -> None:
    """The header is not even looked at."""
    response = api.post(PATH, json={**PLACE, "key": "body"}, headers={"Idempotency-Key": "not a key"})
    assert response.json()["key"] == "body"


def test_the_paths_key_counts_before_the_header(api: TestClient) -> None:
    """As with the body's."""
    response = api.put(f"{PATH}/path", json=PLACE, headers={"Idempotency-Key": "header"})
    assert response.json()["key"] == "path"


@pytest.mark.parametrize("key", [None, "absent"])
def test_without_any_key_the_desk_draws_it_from_the_name(api: TestClient, rig: Rig, key: str | None) -> None:
    """The routes hand over an empty one; a null key is no key."""
    body = {**PLACE, "dns_name": "Web-01.Example.org"}
    response = api.post(PATH, json=body if key else {**body, "key": None})
    assert rig.twin.wishes[0].key == ""
    assert response.json()["key"] == "web-01.example.org"


def test_a_path_that_contradicts_the_body_is_refused(api: TestClient) -> None:
    """The same key twice is no contradiction."""
    response = api.put(f"{PATH}/one", json={**PLACE, "key": "two"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/key")
    assert api.put(f"{PATH}/one", json={**PLACE, "key": "one"}).status_code == 201


@pytest.mark.parametrize("key", ["a%20b", "null", "%C3%A4", "k" * 301])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_that_holds_no_key_is_refused(api: TestClient, method: str, key: str) -> None:
    """With the rule, so that nobody has to look it up."""
    response = api.request(method, f"{PATH}/{key}", json=PLACE if method == "PUT" else None)
    assert response.status_code == 422
    assert "a key is 1 to 300 of" in response.json()["errors"][0]["detail"]


def test_an_address_of_a_machine_is_read_and_not_written(api: TestClient) -> None:
    """Its key has a `~`, which no caller may choose."""
    assert api.get(f"{PATH}/vm~0~v4~0").status_code == 404
    assert api.put(f"{PATH}/vm~0~v4~0", json=PLACE).json()["code"] == "part_of_machine"
    assert api.post(f"{PATH}/vm~0~v4~0/confirm").json()["code"] == "part_of_machine"
    assert api.post(PATH, json={**PLACE, "key": "vm~0"}).json()["errors"][0]["code"] == "key"


@pytest.mark.parametrize("name", [CLAIM_FIELD, "berth_owner"])
def test_a_claim_is_never_sent_as_a_custom_field(api: TestClient, name: str) -> None:
    """It is Berth's own."""
    response = api.post(PATH, json={**PLACE, "key": "a", "custom_fields": {name: "mine"}})
    assert response.json()["errors"][0]["code"] == "reserved"


def test_a_key_may_look_like_a_route(api: TestClient) -> None:
    """`batch` is a key like any other."""
    assert api.put(f"{PATH}/batch", json=PLACE).json()["key"] == "batch"
    assert api.get(f"{PATH}/batch").json()["key"] == "batch"
