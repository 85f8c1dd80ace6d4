"""What Terraform, curl, Ansible and web forms do on the wire, and what they get for it."""

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from app.domain.errors import Draining, NetBoxUnavailable, PrefixExhausted
from tests.api.conftest import AsCaller, Rig

PATH = "/api/v1/allocations"
WISH: dict[str, Any] = {"key": "web-01", "prefix": "10.20.0.0/24"}


def test_a_repeat_gets_the_same_status_and_the_same_bytes(api: TestClient) -> None:
    """Terraform reads its data sources on every plan and every apply."""
    first = api.post(PATH, json=WISH)
    second = api.post(PATH, json=WISH)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers.get("idempotent-replayed") is None
    assert second.headers["idempotent-replayed"] == "true"


def test_nothing_of_the_request_itself_stands_in_the_body(api: TestClient) -> None:
    """Request ids and times would change the bytes of a repeat."""
    answers = [api.post(PATH, json=WISH, headers={"X-Request-ID": name}) for name in ("one", "two")]
    assert answers[0].content == answers[1].content
    assert [answer.headers["x-request-id"] for answer in answers] == ["one", "two"]


def test_a_refusal_is_the_same_from_byte_to_byte(api: TestClient) -> None:
    """A postcondition may look at the body of a problem."""
    answers = [api.post(PATH, json={"prefix": "10.20.0.0/24"}) for _ in range(2)]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "label",
    [
        None,  # Terraform's data "http"
        "application/x-www-form-urlencoded",  # curl -d, Ansible's uri
        "text/plain",
        "text/plain; charset=latin-1",
        "application/json",
        "application/vnd.berth+json",
        "multipart/form-data",
        "nonsense",
    ],
)
def test_json_is_json_whatever_its_label_says(api: TestClient, label: str | None) -> None:
    """The first byte decides."""
    headers = {"Content-Type": label} if label else {}
    response = api.post(PATH, content=json.dumps(WISH).encode(), headers=headers)
    assert (response.status_code, response.json()["key"]) == (200, "web-01")


def test_a_form_is_read_as_the_json_it_stands_for(api: TestClient, rig: Rig) -> None:
    """Digits stay an id, commas make a list of tags, empty fields were not filled in."""
    response = api.post(
        PATH,
        data={
            "key": "web-01",
            "prefix": "7",
            "tags": "a,b",
            "family": "4",
            "description": "",
            "assign_to.device": "foxtrot",
            "assign_to.interface": "eth0",
        },
    )
    assert response.status_code == 200
    assert rig.twin.wishes[0].sent == {
        "prefix": "7",
        "tags": ["a", "b"],
        "family": 4,
        "assign_to": {"device": "foxtrot", "interface": "eth0"},
    }
    assert rig.twin.wishes[0].place.prefix == 7


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_trailing_slash_is_no_redirect(api: TestClient, method: str) -> None:
    """A POST that is redirected with a 301, 302 or 303 becomes a GET without a body."""
    path = f"{PATH}/" if method == "POST" else f"{PATH}/web-01/"
    response = api.request(method, path, json=WISH, follow_redirects=False)
    assert response.status_code == (200 if method == "POST" else 201)
    assert response.json()["key"] == "web-01"


def test_a_write_without_a_key_is_refused(api: TestClient, rig: Rig) -> None:
    """A key is what makes a repeat find its allocation."""
    response = api.post(PATH, json={"prefix": "10.20.0.0/24"})
    assert (response.status_code, response.json()["code"]) == (422, "key_required")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/key"]
    assert rig.twin.held == {}


def test_a_permanent_refusal_is_a_4xx_that_shows_its_body(api: TestClient, rig: Rig) -> None:
    """Terraform hides the bodies of 429 and 5xx."""
    rig.twin.failure = PrefixExhausted()
    response = api.post(PATH, json=WISH)
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith("The prefix has no free address left")


@pytest.mark.parametrize(("error", "seconds"), [(NetBoxUnavailable(retry_after=7.2), "8"), (Draining(), "2")])
def test_what_a_retry_mends_says_when(api: TestClient, rig: Rig, error: Exception, seconds: str) -> None:
    """503 comes with Retry-After, in whole seconds and never too early."""
    rig.twin.failure = error
    response = api.post(PATH, json=WISH)
    assert (response.status_code, response.headers["retry-after"]) == (503, seconds)
    assert api.post(PATH, json=WISH).status_code == 200


def test_the_fields_that_matter_are_flat_strings(api: TestClient) -> None:
    """People read `try(jsondecode(...).address, null)`."""
    body = api.post(PATH, json=WISH).json()
    assert (body["address"], body["ip"], body["netbox_id"]) == ("10.20.0.1/24", "10.20.0.1", "1001")


def test_a_put_makes_and_then_converges(api: TestClient) -> None:
    """201 the first time, 200 after; the address stays."""
    first = api.put(f"{PATH}/web-01", json={"prefix": "10.20.0.0/24"})
    second = api.put(f"{PATH}/web-01", json={"prefix": "10.20.0.0/24", "description": "new"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["location"] == f"{PATH}/web-01"
    assert second.json() == {**first.json(), "description": "new"}


def test_what_was_sent_reaches_the_desk_as_it_was_sent(api: TestClient, rig: Rig) -> None:
    """Letter case, order of lists, null or absent, the prefix as written."""
    sent = {
        "prefix": "2001:DB8::/64",
        "dns_name": "Web-01.Example.ORG",
        "tags": ["z", "a", "z"],
        "description": None,
        "custom_fields": {"b": [1, 2.5, None], "a": {"nested": True}},
    }
    rig.twin.failure = PrefixExhausted()
    api.put(f"{PATH}/web-01", json=sent)
    api.put(f"{PATH}/web-01", json=sent)
    wish = rig.twin.wishes[0]
    assert {name: json.dumps(value) for name, value in wish.sent.items()} == {
        name: json.dumps(value) for name, value in sent.items()
    }
    assert wish.traits.description is None


def test_an_allocation_that_is_released_is_not_found_at_once(api: TestClient) -> None:
    """404, never 410 and never a soft-deleted 200; and the key can be used again."""
    api.put(f"{PATH}/web-01", json=WISH)
    assert api.delete(f"{PATH}/web-01").status_code == 204
    assert api.get(f"{PATH}/web-01").status_code == 404
    assert api.put(f"{PATH}/web-01", json=WISH).status_code == 201


def test_releasing_what_is_not_there_is_204(api: TestClient) -> None:
    """`curl -f` in a destroy provisioner must not fail."""
    response = api.delete(f"{PATH}/nobody")
    assert (response.status_code, response.content) == (204, b"")


def test_a_lost_permission_is_403_and_never_404(as_caller: AsCaller) -> None:
    """404 makes a provider create it again."""
    as_caller("team").put(f"{PATH}/web-01", json=WISH)
    response = as_caller("other").get(f"{PATH}/web-01")
    assert (response.status_code, response.json()["code"]) == (403, "not_owner")


def test_unknown_fields_are_refused(api: TestClient) -> None:
    """A dropped field is a diff for ever."""
    response = api.post(PATH, json={**WISH, "dnsname": "x"})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"pointer": "/dnsname", "code": "unknown_field", "detail": "no such field"}
    ]


def test_unknown_query_parameters_are_refused(api: TestClient, rig: Rig) -> None:
    """`?dryrun=true` must not be a write in earnest."""
    response = api.post(f"{PATH}?dryrun=true", json=WISH)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_parameter")
    assert rig.twin.held == {}


def test_a_changed_prefix_is_409(api: TestClient) -> None:
    """It has to be replaced, and the answer says so."""
    api.put(f"{PATH}/web-01", json=WISH)
    response = api.put(f"{PATH}/web-01", json={"prefix": "10.30.0.0/30"})
    assert (response.status_code, response.json()["code"]) == (409, "key_conflict")


def test_ansible_is_challenged_and_then_sends_basic_credentials(api: TestClient) -> None:
    """Ansible's `uri` sends none until a 401 that names Basic."""
    del api.headers["Authorization"]
    refused = api.post(PATH, json=WISH)
    assert refused.status_code == 401
    assert refused.headers.get_list("www-authenticate") == ['Bearer realm="berth"', 'Basic realm="berth"']
    password = base64.b64encode(b"anything:secret-of-team").decode()
    assert api.post(PATH, json=WISH, headers={"Authorization": f"Basic {password}"}).status_code == 200


def test_a_post_answers_200_whether_it_made_it_or_not(api: TestClient) -> None:
    """Ansible's `uri` takes only 200 for success by default."""
    assert [api.post(PATH, json=WISH).status_code for _ in range(2)] == [200, 200]


def test_a_head_request_gets_what_a_get_does_without_the_body(api: TestClient) -> None:
    """Terraform's data "http" can send HEAD."""
    api.put(f"{PATH}/web-01", json=WISH)
    head, get = api.head(f"{PATH}/web-01"), api.get(f"{PATH}/web-01")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


def test_a_shell_gets_the_address_alone(api: TestClient) -> None:
    """`IP=$(curl -H 'Accept: text/plain' ...)`."""
    response = api.post(PATH, json=WISH, headers={"Accept": "text/plain"})
    assert response.text == "10.20.0.1\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_other_origins_get_no_leave_to_read(api: TestClient) -> None:
    """CORS is off unless origins are listed."""
    response = api.get(f"{PATH}?limit=1", headers={"Origin": "https://portal.example"})
    assert "access-control-allow-origin" not in response.headers


def test_listed_origins_may_call_without_credentials_of_the_browser() -> None:
    """A preflight names the methods and headers, and no credentials."""
    rig = Rig(cors_origins=("https://portal.example",))
    ask = {
        "Origin": "https://portal.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }
    with TestClient(rig.app()) as client:
        response = client.options(PATH, headers=ask)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://portal.example"
    assert "access-control-allow-credentials" not in response.headers


async def test_work_is_finished_when_its_client_goes_away() -> None:
    """The retry finds the result: the task belongs to the application."""
    rig = Rig()
    rig.twin.gate = asyncio.Event()
    transport = httpx2.ASGITransport(app=rig.app())
    headers = {"Authorization": "Bearer secret-of-team"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://berth", headers=headers) as client:
        gone = asyncio.create_task(client.post(PATH, json=WISH))
        await rig.twin.entered.wait()
        gone.cancel()
        assert rig.works.in_flight == 1
        rig.twin.gate.set()
        assert await rig.works.drain(5) == 0
    assert rig.twin.held["web-01"].ip == "10.20.0.1"


async def test_a_request_that_takes_too_long_is_told_to_come_back() -> None:
    """The work goes on, and the retry gets its answer."""
    rig = Rig(seconds=0)
    rig.twin.gate = asyncio.Event()
    transport = httpx2.ASGITransport(app=rig.app())
    headers = {"Authorization": "Bearer secret-of-team"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://berth", headers=headers) as client:
        response = await client.post(PATH, json=WISH)
    assert (response.status_code, response.json()["code"]) == (503, "still_working")
    assert response.headers["retry-after"] == "2"
    rig.twin.gate.set()
    assert await rig.works.drain(5) == 0
    assert list(rig.twin.held) == ["web-01"]


async def test_a_process_that_stops_takes_no_new_work() -> None:
    """503 with Retry-After, and it is not ready."""
    rig = Rig()
    await rig.works.drain(0)
    transport = httpx2.ASGITransport(app=rig.app())
    headers = {"Authorization": "Bearer secret-of-team"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://berth", headers=headers) as client:
        response = await client.post(PATH, json=WISH)
        ready = await client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "draining")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reasons": ["draining"]})
