"""What pydantic and FastAPI find wrong, as Berth's own refusal."""

import pytest

from app.edge.validation import invalid_request


def error(kind: str, *loc: str | int, msg: str = "Something") -> dict[str, object]:
    """One of pydantic's errors."""
    return {"type": kind, "loc": loc, "msg": msg}


@pytest.mark.parametrize(
    ("found", "pointer", "code", "detail"),
    [
        (error("extra_forbidden", "body", "color"), "/color", "unknown_field", "no such field"),
        (error("string_type", "body", "tags", 3), "/tags/3", "wrong_type", "something"),
        (error("string_type", "body", "a/b~"), "/a~1b~0", "wrong_type", "something"),
        (error("cidr", "body", "prefix"), "/prefix", "cidr", "something"),
        (error("model_type", "body"), "", "wrong_type", "send an object"),
        (error("int_parsing", "query", "limit"), "", "wrong_type", "query parameter `limit`: something"),
        (error("missing", "header", "x"), "", "required", "header parameter `x`: something"),
        (error("missing", "x"), "/x", "required", "something"),
        (error("missing"), "", "required", "something"),
    ],
)
def test_an_error_has_a_pointer_and_a_stable_code(
    found: dict[str, object], pointer: str, code: str, detail: str
) -> None:
    """Parameters are not in the body, so their names stand in the text."""
    (violation,) = invalid_request([found]).errors
    assert (violation.pointer, violation.code, violation.detail) == (pointer, code, detail)


def test_the_detail_quotes_the_first_for_who_sees_only_that() -> None:
    """Terraform shows little more."""
    refusal = invalid_request(
        [error("cidr", "body", "prefix", msg="No prefix"), error("missing", "body", "x")]
    )
    assert refusal.detail == "The request is not well formed: prefix: no prefix (1 more in `errors`)."


def test_there_are_never_more_than_a_hundred() -> None:
    """However large the body was."""
    assert len(invalid_request([error("missing", "body", str(n)) for n in range(500)]).errors) == 100


def test_nothing_found_is_still_a_refusal() -> None:
    """With the default text."""
    assert invalid_request([]).detail.startswith("The request is not well formed")
