"""The routes of the naming convention and of the audit log."""

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Rig


def test_a_name_is_checked_without_writing(api: TestClient, rig: Rig) -> None:
    """Every rule that it breaks, at once."""
    body = {"dns_name": "a b", "prefix": "10.20.0.0/24"}
    assert api.post("/api/v1/names/check", json=body).json() == {
        "valid": False,
        "violations": [{"pointer": "/dns_name", "code": "label", "detail": "no spaces"}],
        "warnings": [],
        "suggestion": None,
    }
    assert rig.twin.held == {}


def test_a_name_that_keeps_the_convention_is_valid(api: TestClient) -> None:
    """There is nothing to say about it."""
    assert api.post("/api/v1/names/check", json={"dns_name": "ab"}).json() == {
        "valid": True,
        "violations": [],
        "warnings": [],
        "suggestion": None,
    }


def test_what_is_only_warned_of_is_valid(api: TestClient) -> None:
    """It stands beside what refuses the name."""
    answer = api.post("/api/v1/names/check", json={"dns_name": "a-name-of-many-letters"}).json()
    assert (answer["valid"], answer["violations"]) == (True, [])
    assert answer["warnings"] == [{"pointer": "/dns_name", "code": "long", "detail": "rather long"}]


def test_the_next_free_name_is_suggested(api: TestClient) -> None:
    """If that is asked for."""
    answer = api.post("/api/v1/names/check", json={"dns_name": "web-01", "suggest": True}).json()
    assert answer["suggestion"] == "web-02"


@pytest.mark.parametrize("tenant", ["lean", 7, "7"])
def test_a_name_is_checked_for_a_tenant_and_a_role(api: TestClient, rig: Rig, tenant: str | int) -> None:
    """By name, slug or id, as where an address is asked for."""
    body = {"dns_name": "ab", "tenant": tenant, "role": "vip"}
    assert api.post("/api/v1/names/check", json=body).status_code == 200
    assert rig.twin.asked[-1] == ("lean" if tenant == "lean" else 7, "vip")


def test_a_question_without_a_name_is_refused(api: TestClient) -> None:
    """With the field that is missing."""
    response = api.post("/api/v1/names/check", json={})
    assert response.json()["errors"] == [
        {"pointer": "/dns_name", "code": "required", "detail": "field required"}
    ]


def test_the_audit_log_is_read_page_by_page(api: TestClient, rig: Rig) -> None:
    """The oldest event first."""
    rig.twin.events.extend({"event": "outcome", "sequence": number} for number in range(3))
    first = api.get("/api/v1/audit?limit=2").json()
    second = api.get(f"/api/v1/audit?limit=2&cursor={first['next']}").json()
    assert [event["sequence"] for event in first["items"] + second["items"]] == [0, 1, 2]
    assert second["next"] is None


def test_the_audit_log_is_filtered(api: TestClient, rig: Rig) -> None:
    """All filters must hold."""
    rig.twin.events.extend(
        [{"event": "intent", "key": "a"}, {"event": "outcome", "key": "a"}, {"event": "outcome", "key": "b"}]
    )
    assert api.get("/api/v1/audit?event=outcome&key=a").json()["items"] == [{"event": "outcome", "key": "a"}]


@pytest.mark.parametrize("cursor", ["YQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"])
def test_a_cursor_that_is_no_line_number_is_refused(api: TestClient, cursor: str) -> None:
    """`a`, and a number that no database holds."""
    assert api.get(f"/api/v1/audit?cursor={cursor}").status_code == 422


@pytest.mark.parametrize("name", ["prefix", "hash", "body"])
def test_the_audit_log_is_filtered_by_what_it_is_indexed_by(api: TestClient, name: str) -> None:
    """Anything else is unknown."""
    assert api.get(f"/api/v1/audit?{name}=x").json()["errors"][0]["code"] == "unknown_parameter"
