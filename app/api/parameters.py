"""Query parameters that a route does not know are refused: `?dryrun=true` must not be a write in earnest."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from app.domain.errors import InvalidRequest, Violation
from app.edge.requests import route_template
from app.edge.strictness import clean


class KnownParameters:
    """Knows the query parameters of every route, from the OpenAPI document."""

    def __init__(self) -> None:
        self._of_route: dict[tuple[str, str], set[str]] = {}

    def learn(self, document: Mapping[str, Any]) -> None:
        """Take them from the document."""
        for path, item in document["paths"].items():
            for method, operation in item.items():
                parameters = operation.get("parameters", [])
                names = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
                self._of_route[path, method.upper()] = names

    async def __call__(self, request: Request) -> None:
        """Check the query of a request.

        Raises:
            InvalidRequest: names each parameter that is not known, and those that are.
        """
        if not request.query_params:
            return
        known = self._of_route.get((route_template(request.scope), request.method), set())
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            takes = f"this route takes {', '.join(sorted(known))}" if known else "this route takes none"
            raise InvalidRequest(errors=[_unknown(name, takes) for name in unknown])


def _unknown(name: str, takes: str) -> Violation:
    return Violation("", "unknown_parameter", f"query parameter `{clean(name)}` is not known; {takes}")
