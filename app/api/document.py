"""The OpenAPI document: what FastAPI makes of the routes, said more exactly, and written to files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from app.api.examples import PARAMETERS
from app.api.machine_examples import ALL_EXAMPLES
from app.api.machine_schemas import MachineBatchRequest, MachineRequest
from app.api.schemas import AllocationRequest, BatchRequest
from app.edge.problems import PROBLEM_JSON, TABLE
from app.edge.problems import document as problem_document

TITLE: Final = "Berth"
VERSION: Final = "1"
SUMMARY: Final = "The allocation desk in front of NetBox: addresses exactly once, under a checked name."
DESCRIPTION: Final = """\
One key, one allocation, however often it is asked for: a repeat gets the same status and the same bytes.

Every route below `/api/` needs a token, as `Authorization: Bearer <token>` or as the password of HTTP Basic.
Bodies are JSON, whatever their label says, or a form. Errors are problem documents with a stable `code`.
What a retry mends is 503 with `Retry-After`; what it does not mend is a 4xx other than 429.
"""
TAGS: Final = (
    ("allocations", "Addresses held under a key."),
    ("virtual machines", "Machines held under a key, with their interfaces and addresses."),
    ("operations", "Operations on virtual machines that are not over, for operators."),
    ("inventory", "What NetBox offers to choose from."),
    ("names", "The naming convention."),
    ("keys", "API keys, for administrators."),
    ("enrolments", "Tokens for one machine each."),
    ("audit", "Who asked for what, and what came of it."),
    ("health", "For whoever watches the process."),
)
SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A client's token."},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, the token as the password."},
}
FILES: Final = ("berth.v1.json", "berth.v1.yaml")
FIRST_REFUSAL: Final = 400
KINDS: Final = {kind.code: kind for kind in TABLE}


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document of the API's routes. Two equal sets of routes have equal documents."""
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        summary=SUMMARY,
        description=DESCRIPTION,
        openapi_version="3.1.0",
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This server."}],
    )
    document["components"]["securitySchemes"] = SCHEMES
    _describe_batch_items(document)
    for path, operation in _operations(document):
        operation["security"] = [{name: []} for name in SCHEMES] if path.startswith("/api/") else []
        _summarise(operation)
        _complete_answers(operation)
        _allow_no_body(operation, document["components"]["schemas"])
        for parameter in operation.get("parameters", []):
            _exemplify(parameter)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for operation in item.values():
            yield path, operation


def _summarise(operation: dict[str, Any]) -> None:
    """The first sentence of an endpoint's docstring is its summary, the rest its description."""
    first, _, rest = operation["description"].replace(".\n", ". \n").partition(". ")
    operation["summary"] = first.rstrip(".")
    operation["description"] = rest.strip() or first


def _complete_answers(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if int(status) >= FIRST_REFUSAL and schema.get("$ref", "").endswith("/Problem"):
            example = problem_document(KINDS[response["description"].split("`")[1]]())
            response["content"] = {PROBLEM_JSON: {"schema": schema, "example": example}}
        elif "example" in content.get("application/json", {}):
            name = content["application/json"]["example"]
            content["application/json"]["example"] = ALL_EXAMPLES[name]


def _exemplify(parameter: dict[str, Any]) -> None:
    """A schema that has an example keeps it."""
    if parameter["name"] in PARAMETERS:
        parameter["schema"].setdefault("examples", [PARAMETERS[parameter["name"]]])


def _allow_no_body(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """No body is an empty object: where an empty object is well formed, so is none."""
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = schemas.get(reference.rpartition("/")[2], {"required": True})
    if not schema.get("required"):
        operation["requestBody"]["required"] = False


def _describe_batch_items(document: dict[str, Any]) -> None:
    """Items are validated one by one, so that one of them can be refused; the document says what they are."""
    schemas = document["components"]["schemas"]
    for batch, item in ((BatchRequest, AllocationRequest), (MachineBatchRequest, MachineRequest)):
        items = schemas[batch.__name__]["properties"]["items"]
        items["items"] = {"$ref": f"#/components/schemas/{item.__name__}"}


def rendered(document: Mapping[str, Any]) -> dict[str, str]:
    """The names and texts of the files that hold the document."""
    import yaml  # noqa: PLC0415 - no server writes these files

    return {
        FILES[0]: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        FILES[1]: yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110),
    }
