"""What pydantic and FastAPI find wrong with a request, as Berth's own refusal."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.domain.errors import InvalidRequest, Violation
from app.edge.strictness import clean, escape

CODES: Final[Mapping[str, str]] = {
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "string_type": "wrong_type",
    "int_type": "wrong_type",
    "int_from_float": "wrong_type",
    "int_parsing": "wrong_type",
    "bool_type": "wrong_type",
    "bool_parsing": "wrong_type",
    "list_type": "wrong_type",
    "dict_type": "wrong_type",
    "model_type": "wrong_type",
    "model_attributes_type": "wrong_type",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
    "too_short": "too_few",
    "literal_error": "not_a_choice",
    "enum": "not_a_choice",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "string_pattern_mismatch": "malformed",
}
"""Pydantic's words for what clients may rely on; words that are not here are Berth's own already."""

MESSAGES: Final[Mapping[str, str]] = {
    "extra_forbidden": "no such field",
    "model_type": "send an object",
    "model_attributes_type": "send an object",
}
"""Where pydantic's own text would speak of Python."""

MAX_VIOLATIONS: Final = 100


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """The refusal for a list of pydantic's errors. Its `detail` quotes the first, for who sees only that."""
    violations = [_violation(error) for error in errors[:MAX_VIOLATIONS]]
    return refused(violations) if violations else InvalidRequest()


def refused(violations: Sequence[Violation]) -> InvalidRequest:
    """The refusal for at least one violation, whose `detail` quotes the first."""
    first = violations[0]
    place = first.pointer.lstrip("/").replace("/", ".")
    detail = f"{place}: {first.detail}" if place else first.detail
    more = f" ({len(violations) - 1} more in `errors`)" if len(violations) > 1 else ""
    return InvalidRequest(f"The request is not well formed: {detail}{more}.", errors=violations)


def _violation(error: Mapping[str, Any]) -> Violation:
    where, *path = error["loc"] or ("body",)
    code = CODES.get(error["type"], error["type"])
    if where not in ("body", "query", "path", "header"):
        path = [where, *path]
        where = "body"
    if where == "body":
        pointer = "".join(f"/{escape(str(step))}" for step in path)
        return Violation(pointer, code, _message(error))
    name = clean(str(path[0])) if path else ""
    return Violation("", code, f"{where} parameter `{name}`: {_message(error)}")


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] in MESSAGES:
        return MESSAGES[error["type"]]
    text = clean(str(error["msg"]))
    return text[:1].lower() + text[1:]
