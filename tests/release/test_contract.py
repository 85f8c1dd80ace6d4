"""What breaks those who call the API, by one change after the other to a small document."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools import ROOT
from tools.release.contract import compare
from tools.release.version import NotReady, Version, check, least

Document = dict[str, Any]


def document() -> Document:
    """One operation with everything that is compared."""
    wish = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 10},
            "kind": {"enum": ["a", "b"]},
            "more": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }
    thing = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/c/Thing"}}},
    }
    operation = {
        "parameters": [{"in": "query", "name": "q", "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/c/Wish"}}}},
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/c/Thing"}}}},
            "404": {"content": {}},
        },
    }
    return {"paths": {"/things": {"post": operation}}, "c": {"Wish": wish, "Thing": thing}}


def post(new: Document) -> Document:
    """The operation."""
    found: Document = new["paths"]["/things"]["post"]
    return found


BREAKS: dict[str, Callable[[Document], object]] = {
    "POST /things: is gone": lambda new: new["paths"].pop("/things"),
    "query parameter q: is gone": lambda new: post(new)["parameters"].clear(),
    "query parameter q: is required now": lambda new: post(new)["parameters"][0].update(required=True),
    "query parameter p: is new and required": lambda new: post(new)["parameters"].append(
        {"in": "query", "name": "p", "required": True}
    ),
    "request: a body is required now": lambda new: post(new)["requestBody"].update(required=True),
    "200: is gone": lambda new: post(new)["responses"].pop("200"),
    "request.kind: is gone": lambda new: new["c"]["Wish"]["properties"].pop("kind"),
    "request.kind: is required now": lambda new: new["c"]["Wish"]["required"].append("kind"),
    "request.kind: values were a or b, are a": lambda new: new["c"]["Wish"]["properties"]["kind"].update(
        enum=["a"]
    ),
    "request.name: maxLength was 10, is 9": lambda new: new["c"]["Wish"]["properties"]["name"].update(
        maxLength=9
    ),
    "request.name: pattern was None, is x": lambda new: new["c"]["Wish"]["properties"]["name"].update(
        pattern="x"
    ),
    "request.more: was null or string, is string": lambda new: new["c"]["Wish"]["properties"].update(
        more={"type": "string"}
    ),
    "200.id: is gone": lambda new: new["c"]["Thing"]["properties"].pop("id"),
    "200.id: may be missing now": lambda new: new["c"]["Thing"]["required"].clear(),
    "200.id: was string, is integer": lambda new: new["c"]["Thing"]["properties"]["id"].update(
        type="integer"
    ),
    "application/json is gone": lambda new: post(new)["responses"]["200"]["content"].clear(),
}
ADDS: dict[str, Callable[[Document], object]] = {
    "GET /things: is new": lambda new: new["paths"]["/things"].update(get=post(new)),
    "query parameter p: is new": lambda new: post(new)["parameters"].append({"in": "query", "name": "p"}),
    "request.extra: is new": lambda new: new["c"]["Wish"]["properties"].update(extra={"type": "string"}),
    "request.kind: values were a or b, are a or b or c": lambda new: new["c"]["Wish"]["properties"][
        "kind"
    ].update(enum=["a", "b", "c"]),
    "200.extra: is new": lambda new: new["c"]["Thing"]["properties"].update(extra={"type": "string"}),
    "409: is new": lambda new: post(new)["responses"].update({"409": {}}),
    "404: is gone": lambda new: post(new)["responses"].pop("404"),
    "text/plain is new": lambda new: post(new)["responses"]["200"]["content"].update({"text/plain": {}}),
}


@pytest.mark.parametrize("said", BREAKS)
def test_what_breaks_a_caller_is_told_as_such(said: str) -> None:
    """One change, one finding, wherever the schema stands."""
    new = copy.deepcopy(document())
    BREAKS[said](new)
    found = compare(document(), new)
    assert any(change.breaks and str(change).endswith(said) for change in found), found


@pytest.mark.parametrize("said", ADDS)
def test_what_was_added_breaks_nobody(said: str) -> None:
    """It is told, and demands less."""
    new = copy.deepcopy(document())
    ADDS[said](new)
    found = compare(document(), new)
    assert not any(change.breaks for change in found), found
    assert any(str(change).endswith(said) for change in found), found


def test_nothing_changed_is_nothing_found() -> None:
    """In the small document, and in Berth's own."""
    assert compare(document(), document()) == []
    own = json.loads((ROOT / "openapi" / "berth.v1.json").read_text())
    assert compare(own, copy.deepcopy(own)) == []


def test_a_property_that_is_taken_from_berths_own_answers_breaks() -> None:
    """The walk reaches the schemas of the real document."""
    own = json.loads((ROOT / "openapi" / "berth.v1.json").read_text())
    new = copy.deepcopy(own)
    holders = [
        each for each in new["components"]["schemas"].values() if "netbox_id" in each.get("properties", {})
    ]
    assert holders
    for each in holders:
        del each["properties"]["netbox_id"]
    assert any(change.breaks and change.where.endswith("netbox_id") for change in compare(own, new))


@pytest.mark.parametrize(
    ("last", "change", "lowest"),
    [
        ("1.2.3", "breaks", "2.0.0"),
        ("1.2.3", "adds", "1.3.0"),
        ("1.2.3", "", "1.2.4"),
        ("0.2.3", "breaks", "0.3.0"),
        ("0.2.3", "adds", "0.2.4"),
    ],
)
def test_a_change_demands_a_version(last: str, change: str, lowest: str) -> None:
    """Semantic Versioning; below 1.0 a minor one may break."""
    new = copy.deepcopy(document())
    if change == "breaks":
        new["paths"].clear()
    if change == "adds":
        new["c"]["Thing"]["properties"]["extra"] = {}
    changes = compare(document(), new)
    assert str(least(Version.parse(last), changes)) == lowest
    check(Version.parse(lowest), Version.parse(last), changes)
    with pytest.raises(NotReady, match="higher"):
        check(Version.parse(last), Version.parse(last), changes)


@pytest.mark.parametrize("text", ["1.2", "1.2.3-rc1", "01.2.3", "", "x"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """Before anything is written."""
    with pytest.raises(NotReady, match="VERSION="):
        Version.parse(text)
