"""Which route a request is for, by the OpenAPI document: also where it is refused before it gets there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from re import Pattern
from typing import Any

from starlette.routing import compile_path
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class Matched:
    """A route. `operation` is the document's id for it, empty where the path does not answer the method."""

    template: str
    operation: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RouteTable:
    """The routes of a document, which is made when first asked for."""

    document: Callable[[], Mapping[str, Any]]

    def __call__(self, scope: Scope) -> Matched | None:
        """The route that a request would get to; one of another method if none answers its own."""
        other: Matched | None = None
        for pattern, template, operations in self._routes:
            found = pattern.fullmatch(scope["path"])
            if found is None:
                continue
            operation = operations.get(scope["method"].lower())
            if operation is not None:
                return Matched(template, operation, found.groupdict())
            other = other or Matched(template, parameters=found.groupdict())
        return other

    @cached_property
    def _routes(self) -> list[tuple[Pattern[str], str, dict[str, str]]]:
        return [
            (compile_path(path)[0], path, {method: one["operationId"] for method, one in methods.items()})
            for path, methods in self.document()["paths"].items()
        ]


def no_routes(scope: Scope) -> Matched | None:  # noqa: ARG001 - a table of routes
    """The table of an application that has none."""
    return None
