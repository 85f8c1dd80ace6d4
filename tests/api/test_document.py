"""The OpenAPI document: checked in, complete, and true."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.api import credential_schemas, documents
from app.api.document import rendered
from app.api.export import document, export

MODELS = {**vars(documents), **vars(credential_schemas)}
ROOT = Path(__file__).parents[2]
DOCUMENT = document()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]


@pytest.mark.parametrize(("name", "text"), rendered(DOCUMENT).items(), ids=lambda value: value[:13])
def test_the_document_that_is_checked_in_is_the_apps(name: str, text: str) -> None:
    """If this fails, run `make openapi` and look at what changed."""
    assert (ROOT / "openapi" / name).read_text(encoding="utf-8") == text


def test_both_writings_hold_the_same_document(tmp_path: Path) -> None:
    """JSON for programs, YAML for people."""
    export(tmp_path)
    texts = [(tmp_path / name).read_text(encoding="utf-8") for name in ("berth.v1.json", "berth.v1.yaml")]
    assert json.loads(texts[0]) == yaml.safe_load(texts[1]) == DOCUMENT


def test_the_app_serves_the_document(api: TestClient) -> None:
    """Without a token, as the page under /docs needs it."""
    del api.headers["Authorization"]
    assert api.get("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    """Summary, description, one tag, and an example of every request and every answer."""
    assert operation["summary"]
    assert operation["description"]
    assert len(operation["tags"]) == 1
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            assert "example" in content or "examples" in content, (status, media_type)
    if "requestBody" in operation:
        assert operation["requestBody"]["content"]["application/json"]["examples"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_how_it_fails(path: str, method: str, operation: dict[str, Any]) -> None:
    """Every refusal is a problem document; whatever takes a token says what happens without one."""
    if not path.startswith("/api/"):
        assert operation["security"] == []
        return
    expected = {"401", "403", "422", "500", "503"} | (
        {"400", "413", "415"} if "requestBody" in operation else set()
    )
    assert expected <= set(operation["responses"])
    assert operation["security"] == [{"bearer": []}, {"basic": []}]
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]


def _schemas(node: object) -> Iterator[dict[str, Any]]:
    """Every schema with examples, below a node of the document."""
    if isinstance(node, dict):
        if "type" in node and isinstance(node.get("examples"), list):
            yield node
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from _schemas(each)


def test_the_examples_of_schemas_fit_them() -> None:
    """By JSON Schema's own rules, which are not Python's: a client reads the pattern, not the code."""
    found = list(_schemas(DOCUMENT["components"]))
    assert len(found) >= 6
    for schema in found:
        for example in schema["examples"]:
            jsonschema.validate(example, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_parameter_has_an_example_that_the_route_takes(
    api: TestClient, path: str, method: str, operation: dict[str, Any]
) -> None:
    """By its schema, and by the route itself, one at a time."""
    url = path.replace("{key}", "web-01").replace("{prefix_id}", "7")
    for parameter in operation.get("parameters", []):
        [example] = parameter["schema"]["examples"]
        jsonschema.validate(example, {**parameter["schema"], "components": DOCUMENT["components"]})
        given = {parameter["name"]: str(example)}
        if parameter["in"] != "path":
            query, headers = (given if parameter["in"] == place else {} for place in ("query", "header"))
            answer = api.request(method, url, params=query, headers=headers)
            errors = answer.json().get("errors", []) if answer.content.startswith(b"{") else []
            named = f"`{parameter['name']}`"
            assert not [error for error in errors if named in error["detail"].lower()], answer.text


def test_operation_ids_are_unique() -> None:
    """Generated clients are named after them."""
    names = [case.values[2]["operationId"] for case in OPERATIONS]  # type: ignore[index]
    assert len(set(names)) == len(names)


def test_frameworks_own_shapes_of_errors_are_nowhere() -> None:
    """No client should parse FastAPI's `detail` list."""
    assert not any("HTTPValidation" in name for name in DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_the_examples_of_answers_fit_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    """An example that lies is worse than none."""
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            reference = content["schema"].get("$ref", "").rpartition("/")[2]
            if reference:
                model: type[BaseModel] = MODELS[reference]
                example = content["example"]
                assert model.model_validate(example).model_dump(exclude_unset=True) == example


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_the_examples_of_requests_are_accepted(
    api: TestClient, path: str, method: str, operation: dict[str, Any]
) -> None:
    """None of them is malformed, whatever the desk then says."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in content.get("examples", {}).values():
        body = {
            name: value for name, value in example["value"].items() if "{key}" not in path or name != "key"
        }
        response = api.request(method, path.replace("{key}", "web-01"), json=body)
        assert response.json().get("code") != "invalid_request", response.text
