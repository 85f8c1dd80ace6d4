"""The table between the errors inside and problem documents on the wire."""

import inspect
import json
from itertools import chain

import pytest

from app.domain import errors as domain
from app.domain.errors import BerthError, InvalidRequest, Later, Violation
from app.domain.upstream import NoRoom, Unsure
from app.edge import errors as wire
from app.edge.problems import TABLE, document, respond, row_of, to_berth_error

FAMILIES = {BerthError, domain.Refusal, domain.Fault, domain.Later}
CONCRETE = [
    kind
    for _, kind in chain(
        inspect.getmembers(domain, inspect.isclass), inspect.getmembers(wire, inspect.isclass)
    )
    if issubclass(kind, BerthError) and kind not in FAMILIES
]


@pytest.mark.parametrize("kind", CONCRETE, ids=lambda kind: kind.__name__)
def test_every_error_has_a_row(kind: type[BerthError]) -> None:
    """And a code, and a message that says what to do."""
    assert kind in TABLE
    assert kind.code != BerthError.code
    assert (kind.__doc__ or "").strip()


def test_codes_and_titles_are_unique() -> None:
    """A client tells errors apart by them."""
    assert len({kind.code for kind in TABLE}) == len(TABLE)
    assert len({row.title for row in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_the_status_says_whether_a_retry_helps(kind: type[BerthError]) -> None:
    """Later: 503, 408, or 429. Faults: 502. Refusals: 4xx, never 429, whose body clients hide."""
    status = TABLE[kind].status
    if issubclass(kind, domain.Later):
        assert status in (408, 503) or kind in (domain.RateLimited, wire.TooManyFailures)
    elif issubclass(kind, domain.Fault):
        assert status == 502
    elif issubclass(kind, domain.Refusal):
        assert 400 <= status < 500
        assert status not in (408, 429)


def test_a_document_holds_exactly_this() -> None:
    """In this order, and nothing that differs between two equal requests."""
    error = InvalidRequest("No.", errors=[Violation("/prefix", "cidr", "write it so")])
    assert list(document(error).items()) == [
        ("type", "/docs/errors#invalid_request"),
        ("title", "Invalid request"),
        ("status", 422),
        ("code", "invalid_request"),
        ("detail", "No."),
        ("errors", [{"pointer": "/prefix", "code": "cidr", "detail": "write it so"}]),
    ]


def test_a_document_is_written_in_one_way() -> None:
    """UTF-8 as it is, no white space."""
    response = respond(domain.NotFound("Nö."))
    assert response.media_type == "application/problem+json"
    body = bytes(response.body)
    assert body.startswith(b'{"type":"/docs/errors#not_found","title":"Not found","status":404,')
    assert "Nö." in json.loads(body)["detail"]


def test_half_a_character_does_not_break_a_document() -> None:
    """A lone surrogate has no UTF-8."""
    assert b'"detail":"?"' in bytes(respond(domain.NotFound("\udcff")).body)


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "1"), (2.0, "2"), (2.1, "3"), (300.0, "300")])
def test_retry_after_is_in_whole_seconds_and_never_too_early(seconds: float, shown: str) -> None:
    """RFC 9110, section 10.2.3."""
    assert respond(domain.Overloaded(retry_after=seconds)).headers["retry-after"] == shown


def test_a_refused_method_names_those_that_are_not() -> None:
    """RFC 9110, section 15.5.6."""
    assert respond(wire.MethodNotAllowed({"PUT", "GET"})).headers["allow"] == "GET, PUT"


def test_a_stranger_is_told_both_schemes() -> None:
    """Ansible waits for a challenge that names Basic."""
    response = respond(domain.Unauthenticated())
    assert response.headers.getlist("www-authenticate") == ['Bearer realm="berth"', 'Basic realm="berth"']


@pytest.mark.parametrize("error", [wire.BodyTooLarge(), wire.SlowBody()])
def test_a_connection_whose_body_was_not_read_is_closed(error: BerthError) -> None:
    """The rest of the body would be taken for the next request."""
    assert respond(error).headers["connection"] == "close"


def test_a_class_without_a_row_has_its_parents() -> None:
    """So a new error is never a failure of its own."""

    class NewConflict(domain.KeyConflict):
        """Something new."""

    class Stranger(BerthError):
        """Something else."""

    assert row_of(NewConflict).status == 409
    assert row_of(Stranger).status == 500


@pytest.mark.parametrize(
    ("error", "read", "code"),
    [
        (domain.KeyConflict(), False, "key_conflict"),
        (Unsure("reset"), True, "netbox_unavailable"),
        (Unsure("reset"), False, "outcome_unknown"),
        (NoRoom("full"), False, "netbox_nonsense"),
        (RuntimeError("secret"), False, "internal_error"),
    ],
)
def test_any_exception_becomes_an_error_of_berths(error: Exception, read: bool, code: str) -> None:
    """One that nobody knows tells nothing."""
    told = to_berth_error(error, read=read)
    assert told.code == code
    assert "secret" not in told.detail


def test_later_says_when_by_default() -> None:
    """Two seconds."""
    assert Later().retry_after == 2.0
