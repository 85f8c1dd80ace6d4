"""What there is to choose from."""

import ipaddress

import pytest
from starlette.testclient import TestClient

from app.api.inventory import prefix_members, size_of
from app.domain.errors import NotFound
from app.domain.inventory import Pool, PoolKind
from app.domain.upstream import NotSent
from tests.api.conftest import AsCaller, Rig


def pool(network: str, *, is_pool: bool = False) -> Pool:
    """A prefix."""
    return Pool(PoolKind.PREFIX, 1, ipaddress.ip_network(network), is_pool=is_pool)


@pytest.mark.parametrize(
    ("network", "is_pool", "size"),
    [
        ("10.0.0.0/24", False, 254),
        ("10.0.0.0/24", True, 256),
        ("10.0.0.0/30", False, 2),
        ("10.0.0.0/31", False, 2),
        ("10.0.0.0/32", False, 1),
        ("2001:db8::/120", False, 255),
        ("2001:db8::/127", False, 2),
        ("2001:db8::/128", False, 1),
    ],
)
def test_the_size_of_a_prefix_is_what_netbox_hands_out(network: str, is_pool: bool, size: int) -> None:
    """Not the number of its addresses."""
    assert size_of(pool(network, is_pool=is_pool)) == size


def test_a_prefix_is_never_more_than_full() -> None:
    """NetBox may hold its network address, or duplicates."""
    shown = prefix_members(pool("10.0.0.0/30"), 5)
    assert (shown["free"], shown["utilization"]) == (0, 100.0)


def test_counts_that_no_double_holds_are_null() -> None:
    """Such a prefix does not run out."""
    shown = prefix_members(pool("2001:db8::/64"), 5)
    assert (shown["size"], shown["used"], shown["free"], shown["utilization"]) == (None, 5, None, 0.0)


def test_prefixes_tell_how_full_they_are(api: TestClient) -> None:
    """With ids as strings."""
    api.put("/api/v1/allocations/a", json={"prefix": "10.20.0.0/24"})
    first = api.get("/api/v1/prefixes").json()["items"][0]
    assert (first["id"], first["prefix"], first["site"], first["role"]) == (
        "7",
        "10.20.0.0/24",
        "matrix",
        "production",
    )
    assert (first["size"], first["used"], first["free"], first["utilization"]) == (254, 1, 253, 0.39)


@pytest.mark.parametrize(
    ("query", "ids"),
    [("", ["7", "8", "9"]), ("?site=matrix", ["7"]), ("?vrf=blue", ["9"]), ("?vrf=null", ["7", "8"])],
)
def test_prefixes_are_filtered(api: TestClient, query: str, ids: list[str]) -> None:
    """`null` is the global table."""
    assert [item["id"] for item in api.get(f"/api/v1/prefixes{query}").json()["items"]] == ids


def test_a_caller_sees_what_it_may_allocate_from(as_caller: AsCaller) -> None:
    """In the list, alone, and in the preview."""
    client = as_caller("narrow")
    assert [item["id"] for item in client.get("/api/v1/prefixes").json()["items"]] == ["7"]
    assert client.get("/api/v1/prefixes/7").status_code == 200
    assert client.get("/api/v1/prefixes/8").status_code == 404
    assert client.get("/api/v1/prefixes/8/available-ips").status_code == 404


def test_pages_of_prefixes_go_on_although_some_are_hidden(as_caller: AsCaller) -> None:
    """A page that is not full can have a next one."""
    client = as_caller("narrow")
    first = client.get("/api/v1/prefixes?limit=2").json()
    second = client.get(f"/api/v1/prefixes?limit=2&cursor={first['next']}").json()
    assert [item["id"] for item in first["items"]] == ["7"]
    assert (second["items"], second["next"]) == ([], None)


def test_a_preview_shows_the_next_free_addresses(api: TestClient) -> None:
    """With their masks; it writes nothing."""
    body = api.get("/api/v1/prefixes/7/available-ips?limit=2").json()
    assert body == {"items": ["10.20.0.1/24", "10.20.0.2/24"], "next": None}


def test_a_closed_prefix_says_so_and_shows_no_address(api: TestClient) -> None:
    """The preview is refused as an allocation would be."""
    shown = {item["id"]: item for item in api.get("/api/v1/prefixes").json()["items"]}
    assert [(item["open"], item["closed_because"]) for item in shown.values()] == [
        (True, None),
        (True, None),
        (False, "is deprecated"),
    ]
    assert api.get("/api/v1/prefixes/9").json() == shown["9"]
    response = api.get("/api/v1/prefixes/9/available-ips")
    assert (response.status_code, response.json()["code"]) == (409, "prefix_closed")


@pytest.mark.parametrize("path", ["/api/v1/prefixes/99", "/api/v1/prefixes/99/available-ips"])
def test_a_prefix_that_is_not_there_is_404(api: TestClient, path: str) -> None:
    """As a problem."""
    response = api.get(path)
    assert (response.status_code, response.json()["code"]) == (404, NotFound.code)


@pytest.mark.parametrize("text", ["0", "-1", "x", "9" * 30, "9" * 5000, "7.0"])
def test_an_id_is_a_number_that_every_parser_keeps(api: TestClient, text: str) -> None:
    """From 1 to 2^53 - 1."""
    assert api.get(f"/api/v1/prefixes/{text}").status_code == 422


@pytest.mark.parametrize("kind", ["sites", "tenants", "clusters", "platforms", "tags", "roles"])
def test_a_form_is_offered_objects_page_by_page(api: TestClient, kind: str) -> None:
    """In order of id, which are strings."""
    first = api.get(f"/api/v1/{kind}?limit=2").json()
    second = api.get(f"/api/v1/{kind}?limit=2&cursor={first['next']}").json()
    assert first["items"] == [
        {"id": "1", "name": "Matrix", "slug": "matrix"},
        {"id": "2", "name": "Nebula", "slug": "nebula"},
    ]
    assert second == {"items": [{"id": "3", "name": "Orion", "slug": "orion"}], "next": None}


def test_vrfs_show_their_route_distinguisher(api: TestClient) -> None:
    """And have no slug."""
    items = api.get("/api/v1/vrfs").json()["items"]
    assert items == [{"id": "2", "name": "blue", "slug": None, "rd": "65000:2"}]


def test_offers_are_searched(api: TestClient) -> None:
    """By NetBox's own search."""
    assert [item["name"] for item in api.get("/api/v1/tags?q=neb").json()["items"]] == ["Nebula"]


@pytest.mark.parametrize("cursor", ["YQ", "LTE", "MS41", "OTk5OTk5OTk5OTk5OTk5OTk5OQ"])
def test_the_cursor_of_another_list_is_refused(api: TestClient, cursor: str) -> None:
    """`a`, `-1`, `1.5` and a number beyond all ids."""
    assert api.get(f"/api/v1/tags?cursor={cursor}").status_code == 422


def test_a_netbox_that_is_down_is_503(api: TestClient, rig: Rig) -> None:
    """With the time after which to try again."""
    rig.twin.failure = NotSent("down", retry_after=4)
    response = api.get("/api/v1/prefixes")
    assert (response.status_code, response.headers["retry-after"]) == (503, "4")
