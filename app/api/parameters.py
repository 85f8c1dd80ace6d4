"""Query parameters that a route does not know are refused: `?dryrun=true` must not be a write in earnest.

Probes and scrapers may say what they like.
"""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from app.domain.errors import InvalidRequest, Violation
from app.edge.requests import route_template
from app.edge.strictness import clean


class KnownParameters:
    """Knows the query parameters of every route, from the OpenAPI document, made when first asked for."""

    def __init__(self, document: Callable[[], Mapping[str, Any]]) -> None:
        self._document = document

    def of(self, path: str, method: str) -> set[str]:
        """The names of the query parameters of a route."""
        operation = self._document()["paths"].get(path, {}).get(method.lower(), {})
        parameters = operation.get("parameters", [])
        return {parameter["name"] for parameter in parameters if parameter["in"] == "query"}

    async def __call__(self, request: Request) -> None:
        """Check the query of a request.

        Raises:
            InvalidRequest: names each parameter that is not known, and those that are.
        """
        if not request.query_params or not request.scope["path"].startswith("/api/"):
            return
        known = self.of(route_template(request.scope), request.method)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            takes = f"this route takes {', '.join(sorted(known))}" if known else "this route takes none"
            raise InvalidRequest(errors=[_unknown(name, takes) for name in unknown])


def _unknown(name: str, takes: str) -> Violation:
    return Violation("", "unknown_parameter", f"query parameter `{clean(name)}` is not known; {takes}")
