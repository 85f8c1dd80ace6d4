"""An answer as Terraform's built-in data source `terraform_remote_state` reads it: a state with outputs."""

from collections.abc import Mapping
from typing import Any, Final

from app.domain.inventory import Json

STATE_TYPE: Final = "application/vnd.berth.terraform-state+json"
STATE_VERSION: Final = 4
OLDEST: Final = "1.0.0"
"""The Terraform that is said to have written it: one refuses what a newer one wrote."""
_OUTPUT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["value", "type"],
    "properties": {
        "value": {"description": "As in JSON."},
        "type": {"description": 'Terraform\'s type: a name, or a list such as `["tuple", ["string"]]`.'},
    },
}
_PROPERTIES: Final[dict[str, Any]] = {
    "version": {"const": STATE_VERSION},
    "terraform_version": {"const": OLDEST},
    "serial": {"type": "integer"},
    "lineage": {"type": "string"},
    "outputs": {"type": "object", "additionalProperties": _OUTPUT},
    "resources": {"type": "array", "maxItems": 0, "items": {}},
}
STATE_CONTENT: Final[dict[str, Any]] = {
    STATE_TYPE: {
        "schema": {
            "type": "object",
            "title": "TerraformState",
            "description": "A Terraform state of version 4. Each field of the answer is an output.",
            "required": list(_PROPERTIES),
            "properties": _PROPERTIES,
        },
        "example": {
            "version": STATE_VERSION,
            "terraform_version": OLDEST,
            "serial": 1,
            "lineage": "berth",
            "outputs": {"address": {"value": "192.168.3.20/24", "type": "string"}},
            "resources": [],
        },
    }
}
"""What the OpenAPI document says of it."""


def state(fields: Mapping[str, Json]) -> dict[str, Json]:
    """A state whose outputs are these fields. It is made for reading: nothing can be written to it."""
    return {
        "version": STATE_VERSION,
        "terraform_version": OLDEST,
        "serial": 1,
        "lineage": "berth",
        "outputs": {name: {"value": value, "type": type_of(value)} for name, value in fields.items()},
        "resources": [],
    }


def type_of(value: Json) -> Json:
    """Terraform's type of a value. That of a null is a text's, as most fields that can be null are texts."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return ["tuple", [type_of(item) for item in value]]
    if isinstance(value, dict):
        return ["object", {name: type_of(item) for name, item in value.items()}]
    return "string"
