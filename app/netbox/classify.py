"""From an HTTP status and its body to what it means: the errors of `app.domain.upstream`.

Every shape here was seen on NetBox 4.3.7 or 4.7.3. What decides is what NetBox may have done: a 4xx means
that nothing was changed, a 5xx or a lost answer leaves it open.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import CLAIM_FIELD, Json
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    Missing,
    NoRoom,
    NotSent,
    PermissionRefused,
    Rejected,
    Stale,
    TokenRefused,
    Unsure,
    UpstreamError,
)
from app.netbox.wire import Question, Reply

CLAIM_TAKEN: Final = f"Custom field '{CLAIM_FIELD}' must have a unique value."
DUPLICATES: Final = (
    "Duplicate IP address found in",
    "Virtual machine name must be unique per cluster",  # 4.7 goes on: "and tenant."
    "Interface with this Virtual machine and Name already exists.",
)
WHOLE: Final = "__all__"
"""Where NetBox files what concerns no single field (4.3 also says `non_field_errors`)."""

_TOKEN_FAULT = re.compile(r"token|credentials were not provided|authorization header", re.IGNORECASE)
_DATABASE = ("OperationalError", "InterfaceError", "InternalError", "ConnectionError", "RedisError")
_LONGEST = 300
_LONGEST_WAIT = 300.0


class Unreachable(NotSent):
    """No connection came about."""


class Throttled(NotSent):
    """NetBox, or a proxy before it, answered 429 and did no work."""


class Outage(Unsure):
    """NetBox itself ails: the call was cut off, or a gateway, the database or Redis failed behind it."""


def judge(question: Question, reply: Reply) -> None:
    """Raise what the reply means, unless it is the success that the question expects."""
    status = reply.status
    if status == question.expect and reply.decoded:
        return
    if status in _BY_STATUS:
        raise _BY_STATUS[status](question, reply)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise _redirect(reply)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _rejected(question, reply)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Outage(f"NetBox answered {status}")
    if question.writes:
        raise Unsure(f"NetBox answered {status} with something that is no answer to this")
    raise NetBoxNonsense(f"{question.endpoint} answered {status} with something that is not NetBox's")


def clean(text: str) -> str:
    """One line of at most 300 characters without control characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(line.split())[:_LONGEST]


def wait_of(value: str | None, default: float = 2.0) -> float:
    """Seconds that a Retry-After asks for (a number or a date, RFC 9110 section 10.2.3), at most 300."""
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return default
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else default  # noqa: PLR0124 - NaN


def _detail(reply: Reply) -> str:
    """NetBox's own `detail`, cleaned, or an empty text."""
    data = reply.data
    detail = data.get("detail") if isinstance(data, dict) else None
    return clean(detail) if isinstance(detail, str) else ""


def _forbidden(_question: Question, reply: Reply) -> UpstreamError:
    """Tell the token's fault from a missing permission: NetBox answers 403 to both, never 401."""
    detail = _detail(reply)
    if reply.status == HTTPStatus.UNAUTHORIZED or _TOKEN_FAULT.search(detail):
        return TokenRefused(detail or "NetBox does not accept the token")
    return PermissionRefused(detail or "NetBox, or something before it, forbids this")


def _missing(question: Question, reply: Reply) -> UpstreamError:
    """Only NetBox's own words say that an object is gone; a page of HTML says that the URL is wrong."""
    detail = _detail(reply)
    if detail:
        return Missing(detail)
    return Rejected(f"there is no NetBox API at {question.path}: check NETBOX_URL and what stands before it")


def _conflict(question: Question, reply: Reply) -> UpstreamError:
    """409 means "no room" on the available-… endpoints, and "still in use" elsewhere."""
    if question.writes and "/available-" in question.path:
        return NoRoom(_detail(reply))
    return Rejected(_detail(reply) or "NetBox answered 409")


def _server_error(_question: Question, reply: Reply) -> UpstreamError:
    """A 500 is bad input or a lost race (with the exception's name), or an ailing NetBox.

    The text of NetBox's error is left out: it tells the host and port of its database.
    """
    data = reply.data
    name = data.get("exception") if isinstance(data, dict) else None
    if not isinstance(name, str) or name in _DATABASE:
        return Outage(f"NetBox answered 500 ({name or 'no JSON'})", server_error=True)
    return Unsure(f"NetBox answered 500 ({clean(name)})", server_error=True)


def _redirect(reply: Reply) -> Rejected:
    where = clean(reply.location or "somewhere else")
    return Rejected(f"NETBOX_URL answers with a redirect to {where}; set it to the URL that it leads to")


def _rejected(question: Question, reply: Reply) -> Rejected:
    """400 and its kin, with what is wrong with each item."""
    faults = dict(_faults(reply.data, question))
    said = [text for fault in faults.values() for text in fault.messages.values()]
    return Rejected(said[0] if said else _detail(reply) or f"NetBox answered {reply.status}", faults)


def _faults(data: Json, question: Question) -> Iterator[tuple[int, ItemFault]]:
    """Yield position and fault, in whichever of NetBox's shapes they come.

    A list by position with `{}` for what is fine (4.3, and available-ips in 4.7); from 4.7
    `{"detail", "errors": [{"index", "errors"}]}`, with `id` instead of `index` for a list of changes; for one
    object alone a dict of its fields.
    """
    items = question.items
    if isinstance(data, dict) and isinstance(data.get("errors"), list):
        pairs = [(_position(error, question.body), error.get("errors")) for error in _dicts(data["errors"])]
    elif isinstance(data, list):
        pairs = list(enumerate(data))
    elif isinstance(data, dict) and items == 1 and set(data) != {"detail"}:
        pairs = [(0, data)]
    else:
        pairs = []
    for index, errors in pairs:
        if isinstance(index, int) and 0 <= index < items and errors:
            yield index, _fault(errors)


def _position(error: Mapping[str, Json], body: Json) -> Json:
    """Where in the list the item is that NetBox names by its index or its id."""
    if "id" not in error:
        return error.get("index")
    ids = [item.get("id") for item in _dicts(body)]
    return ids.index(error["id"]) if error["id"] in ids else None


def _dicts(data: Json) -> list[dict[str, Json]]:
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _fault(errors: Json) -> ItemFault:
    messages = {name or WHOLE: clean("; ".join(texts)) for name, texts in _flat("", errors).items()}
    said = " ".join(messages.values())
    if CLAIM_TAKEN in said:
        return ItemFault(FaultKind.CLAIM, messages)
    taken = any(text in said for text in DUPLICATES)
    return ItemFault(FaultKind.DUPLICATE if taken else FaultKind.OTHER, messages)


def _flat(name: str, errors: Json) -> dict[str, list[str]]:
    """Texts by field, however deep NetBox nests them: `custom_fields.colour`."""
    found: dict[str, list[str]] = {}
    if isinstance(errors, Mapping):
        for key, value in errors.items():
            inner = name if key in (WHOLE, "non_field_errors") else f"{name}.{clean(key)}".lstrip(".")
            _merge(found, _flat(inner, value))
    elif isinstance(errors, list):
        for value in errors:
            _merge(found, _flat(name, value))
    elif errors is not None:
        found[name] = [str(errors)]
    return found


def _merge(into: dict[str, list[str]], more: dict[str, list[str]]) -> None:
    for name, texts in more.items():
        into.setdefault(name, []).extend(texts)


_BY_STATUS: Final[Mapping[int, Callable[[Question, Reply], UpstreamError]]] = {
    401: _forbidden,
    403: _forbidden,
    404: _missing,
    409: _conflict,
    412: lambda _, reply: Stale(_detail(reply) or "the object changed since it was read"),
    429: lambda _, reply: Throttled("NetBox asks to slow down", retry_after=wait_of(reply.retry_after)),
    500: _server_error,
}
