"""The routes by which operators mend operations on virtual machines."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from app.domain.commands import Caller
from app.domain.errors import BerthError
from tests.api.conftest import AsCaller, Rig
from tests.api.machine_twin import STUCK

PATH = "/api/v1/operations"


@pytest.fixture
def operator(as_caller: AsCaller, rig: Rig) -> TestClient:
    """An operator's client, and an operation that is stuck."""
    rig.machines.operations[STUCK.id] = STUCK
    return as_caller("operator")


def test_an_operator_sees_what_is_not_over(operator: TestClient) -> None:
    """Of all owners, with the reason."""
    shown = operator.get(PATH).json()
    assert shown == {
        "items": [
            {
                "id": STUCK.id,
                "key": "stuck-01",
                "owner": "other",
                "action": "register",
                "state": "stuck",
                "step": "interfaces",
                "reason": "somebody added eth9",
                "netbox_id": "77",
                "since": "2026-11-23T21:30:00Z",
            }
        ],
        "next": None,
    }
    assert list(shown["items"][0])[:3] == ["id", "key", "owner"]


def test_operations_are_listed_page_by_page(operator: TestClient, rig: Rig) -> None:
    """Each page has the cursor for the next."""
    for number in range(3):
        rig.machines.operations[f"a{number}"] = replace(STUCK, id=f"a{number}")
    first = operator.get(f"{PATH}?limit=2").json()
    second = operator.get(f"{PATH}?limit=2&cursor={first['next']}").json()
    assert [each["id"] for each in first["items"] + second["items"]] == [STUCK.id, "a0", "a1", "a2"]
    assert second["next"] is None


def test_what_is_stuck_stops_its_key(operator: TestClient, as_caller: AsCaller) -> None:
    """The caller is told whom to ask."""
    refused = as_caller("other").put(
        "/api/v1/virtual-machines/stuck-01", json={"name": "a", "cluster": "matrix"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "operation_stuck")
    assert "`berth operations` lists it" in refused.json()["detail"]


def test_a_retry_says_what_came_of_it(operator: TestClient, rig: Rig) -> None:
    """Still stuck as long as something stands in the way."""
    rig.machines.foreign.add("stuck-01")
    answers = [operator.post(f"{PATH}/{STUCK.id}/retry")]
    rig.machines.foreign.clear()
    answers.append(operator.post(f"{PATH}/{STUCK.id}/retry"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [list(answer.json().items()) for answer in answers] == [
        [("id", STUCK.id), ("key", "stuck-01"), ("result", "still stuck"), ("detail", "somebody added eth9")],
        [("id", STUCK.id), ("key", "stuck-01"), ("result", "undone"), ("detail", "The key is free.")],
    ]


def test_an_operation_is_abandoned(operator: TestClient) -> None:
    """Once; then there is none."""
    assert operator.post(f"{PATH}/{STUCK.id}/abandon").json()["result"] == "abandoned"
    gone = operator.post(f"{PATH}/{STUCK.id}/abandon")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", f"/{STUCK.id}/retry"), ("POST", f"/{STUCK.id}/abandon")]
)
def test_operations_are_for_operators(api: TestClient, rig: Rig, method: str, path: str) -> None:
    """Also whether there are any."""
    rig.machines.operations[STUCK.id] = STUCK
    refused = api.request(method, f"{PATH}{path}")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert list(rig.machines.operations) == [STUCK.id]


def test_the_line_of_a_retry_names_the_machine(operator: TestClient, rig: Rig) -> None:
    """With what came of it."""
    operator.post(f"{PATH}/{STUCK.id}/retry")
    (line,) = rig.lines()
    told = (line["route"], line["key"], line["outcome"])
    assert told == (f"{PATH}/{{id}}/retry", "stuck-01", "undone")


def test_who_may_not_mend_is_recorded() -> None:
    """Looking leaves no record."""
    written: list[tuple[str, str]] = []

    async def record(caller: Caller, action: str, key: str, error: BerthError) -> None:
        written.append((action, error.code))

    with TestClient(Rig(record=record).app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.get(PATH)
        client.post(f"{PATH}/1/retry")
        client.post(f"{PATH}/a~1/abandon")
    assert written == [("retry", "forbidden"), ("abandon", "forbidden")]
