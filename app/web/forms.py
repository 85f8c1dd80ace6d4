"""Forms as browsers send them, and what stands beside their fields when something is wrong."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from app.domain.errors import BerthError, InvalidRequest, Violation
from app.domain.inventory import Json
from app.edge.errors import BodyTooLarge, MalformedBody, UnsupportedMediaType

Fields = Mapping[str, str]
MAX_FORM: Final = 64 * 1024
MAX_FIELDS: Final = 400
FORM: Final = "application/x-www-form-urlencoded"
OWN: Final = frozenset({"stamp", "do", "take"})
"""Fields that are about the page, and not about what is asked for."""


async def read_form(request: Request) -> Fields:
    """The fields of a form; the last one counts where a name stands twice.

    Raises:
        UnsupportedMediaType, BodyTooLarge, MalformedBody: no page of Berth's has sent this.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise BodyTooLarge(f"The form is larger than {MAX_FORM} bytes.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise MalformedBody("This is no form that a browser has sent.") from error
    return _stripped(pairs)


def read_query(request: Request) -> Fields:
    """The parameters of a link, which fill a form in."""
    return _stripped(request.query_params.multi_items())


def _stripped(pairs: Iterable[tuple[str, str]]) -> Fields:
    return {name: value.strip() for name, value in pairs}


def link(path: str, fields: Fields) -> str:
    """The link that opens a form with these fields filled in."""
    kept = {name: value for name, value in fields.items() if value and name not in OWN}
    return f"{path}?{urlencode(kept)}" if kept else path


def words(text: str) -> list[str]:
    """The tags in a field: between commas."""
    return [word for each in text.split(",") if (word := each.strip())]


def sent(fields: Fields, names: Iterable[str]) -> dict[str, Json]:
    """The fields that were filled in, as the API takes them."""
    found: dict[str, Json] = {name: fields[name] for name in names if fields.get(name)}
    if tags := words(fields.get("tags", "")):
        found["tags"] = [*tags]
    return found


def numbered(fields: Fields, names: Mapping[str, type[int] | type[float]]) -> dict[str, Json]:
    """The fields that hold numbers.

    Raises:
        InvalidRequest: one of them holds none.
    """
    found: dict[str, Json] = {}
    wrong: list[Violation] = []
    for name, kind in names.items():
        if not (text := fields.get(name, "")):
            continue
        try:
            found[name] = kind(text)
        except ValueError:
            wrong.append(Violation(f"/{name}", "wrong_type", "write a number"))
    if wrong:
        raise InvalidRequest(errors=wrong)
    return found


def beside(error: BerthError | None, known: Iterable[str]) -> dict[str, list[str]]:
    """What is to be said beside each field; what belongs to none of those that are known stands under ``."""
    told: dict[str, list[str]] = {}
    if error is None:
        return told
    names = set(known)
    for each in error.errors:
        name = _field(each.pointer)
        place = name if name in names else ""
        told.setdefault(place, []).append(each.detail if place or not name else f"{name}: {each.detail}")
    return told


def _field(pointer: str) -> str:
    """`/interfaces/0/addresses/1/dns_name` is the field `interfaces-0-addresses-1-dns_name`; tags are one."""
    steps = pointer.strip("/").split("/")
    if len(steps) > 1 and steps[-2] == "tags":
        steps = steps[:-1]
    return "-".join(steps)
