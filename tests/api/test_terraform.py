"""The form that Terraform's built-in data source reads; tests/terraform read it with Terraform itself."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.terraform import STATE_TYPE, state, type_of
from app.domain.inventory import Json

WISH = {"prefix": "10.20.0.0/24", "key": "terraform-1", "tags": ["b", "a"]}


def outputs(response: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
    """The values of a state's outputs, without their types."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == STATE_TYPE
    return {name: each["value"] for name, each in response.json()["outputs"].items()}


def test_an_allocation_is_a_state_whose_outputs_are_its_fields(api: TestClient) -> None:
    """All of them, with the values that JSON shows, and with the same bytes on a repeat."""
    made = api.post("/api/v1/allocations", json=WISH).json()
    path = "/api/v1/allocations/terraform-1?format=terraform"
    assert outputs(api.get(path)) == made
    assert api.get(path).content == api.get(path).content


def test_a_machine_is_one_too(api: TestClient) -> None:
    """Its interfaces with their addresses as well."""
    interface = {"name": "eth0", "addresses": [{"prefix": "10.20.0.0/24"}]}
    body = {"name": "vm-1", "cluster": "matrix", "interfaces": [interface]}
    made = api.post("/api/v1/virtual-machines", json=body).json()
    assert made["interfaces"][0]["addresses"][0]["ip"]
    assert outputs(api.get("/api/v1/virtual-machines/vm-1?format=terraform")) == made


def test_a_preview_is_one_too(api: TestClient) -> None:
    """The addresses are what JSON shows."""
    prefix = api.get("/api/v1/prefixes").json()["items"][0]["id"]
    path = f"/api/v1/prefixes/{prefix}/available-ips?limit=2"
    assert outputs(api.get(f"{path}&format=terraform")) == api.get(path).json()


def test_a_machine_and_a_preview_have_no_form_for_shells(api: TestClient) -> None:
    """The refusal says what there is."""
    for path in ("/api/v1/virtual-machines/vm-1", "/api/v1/prefixes/7/available-ips"):
        refused = api.get(f"{path}?format=env")
        assert refused.status_code == 422
        assert "'json' or 'terraform'" in refused.json()["errors"][0]["detail"]


def test_what_is_not_there_is_a_404_that_terraform_takes_for_no_state(api: TestClient) -> None:
    """And a problem document all the same."""
    missing = api.get("/api/v1/allocations/nobody?format=terraform")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "string"),
        (None, "string"),
        (True, "bool"),
        (24, "number"),
        (0.5, "number"),
        ([], ["tuple", []]),
        (["a", 1, None], ["tuple", ["string", "number", "string"]]),
        ({"z": False, "a": ["x"]}, ["object", {"z": "bool", "a": ["tuple", ["string"]]}]),
    ],
)
def test_every_value_has_terraforms_type(value: Json, kind: Json) -> None:
    """A boolean is no number there."""
    assert type_of(value) == kind


def test_a_state_is_of_the_version_that_every_terraform_since_0_12_reads() -> None:
    """One that claimed a newer writer than the reader would be refused."""
    assert json.loads(json.dumps(state({"a": 1}))) == {
        "version": 4,
        "terraform_version": "1.0.0",
        "serial": 1,
        "lineage": "berth",
        "outputs": {"a": {"value": 1, "type": "number"}},
        "resources": [],
    }
