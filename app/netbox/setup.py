"""Preparing NetBox: the two custom fields, tags, and words for an administrator who does it by hand.

It needs a token that may add and change custom fields (an administrator's): Berth itself never needs one.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD, Json
from app.domain.upstream import Untouched
from app.netbox import translate
from app.netbox.fields import PATH, WANTED, CustomField, Fields, custom_field
from app.netbox.resilience import Line
from app.netbox.rights import RIGHTS
from app.netbox.rows import Listing
from app.netbox.wire import Lane, Question

_TAGS: Final = "extras/tags/"

FIELDS: Final[Mapping[str, Mapping[str, Json]]] = {
    CLAIM_FIELD: {
        "name": CLAIM_FIELD,
        "label": "Berth key",
        "description": "The key under which Berth handed this out. Managed by Berth: do not edit.",
        "group_name": "Berth",
        "object_types": [*WANTED],
        "type": "text",
        "unique": True,
        "filter_logic": "exact",
        "ui_editable": "no",
        "ui_visible": "if-set",
    },
    OWNER_FIELD: {
        "name": OWNER_FIELD,
        "label": "Berth owner",
        "description": "Whom Berth handed this out to. Managed by Berth: do not edit.",
        "group_name": "Berth",
        "object_types": [*WANTED],
        "type": "text",
        "unique": False,
        "filter_logic": "exact",
        "ui_editable": "no",
        "ui_visible": "if-set",
    },
}
"""The custom fields as Berth makes them. The names and choices are NetBox's since 4.0."""

INDEX_SQL: Final = (
    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS berth_key_idx "
    f"ON ipam_ipaddress ((custom_field_data->'{CLAIM_FIELD}'));"
)
"""For large installations: without it the uniqueness check scans the table (65 ms an address at 200 000
addresses, 11 to 14 ms with it; measured on 4.6.8). To be run in NetBox's own database."""

DNS_INDEX_SQL: Final = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS berth_dns_name_idx ON ipam_ipaddress (dns_name);"
)
"""For the look-up of a name before an allocation: 16 ms of the database for each of its two queries at
100 000 addresses, under 0.1 ms with it; the whole call took 40 instead of 100 ms (measured on 4.7.3)."""

DROP_INDEX_SQL: Final = "DROP INDEX CONCURRENTLY IF EXISTS berth_key_idx;"
DROP_DNS_INDEX_SQL: Final = "DROP INDEX CONCURRENTLY IF EXISTS berth_dns_name_idx;"


class Deed(Enum):
    """What became of one thing that NetBox shall have."""

    CREATED = "created"
    FOUND = "found"
    REPAIRED = "repaired"
    WRONG = "wrong"
    REMOVED = "removed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that NetBox shall have, and what was done about it."""

    what: str
    deed: Deed
    detail: str = ""


async def bootstrap(line: Line, tags: Sequence[str] = ()) -> list[Step]:
    """Give NetBox the claim fields and these tags; what is there and right is left alone.

    Repeating it does no harm. What NetBox does not let change (a field's type) is reported as wrong.

    Raises:
        PermissionRefused: the token may not look at custom fields or tags.
    """
    found = await Fields(line).find()
    steps = [await _field(line, spec, found.get(name)) for name, spec in FIELDS.items()]
    return steps + [await _tag(line, name) for name in dict.fromkeys(tags)]


async def _field(line: Line, spec: Mapping[str, Json], found: CustomField | None) -> Step:
    what = f"custom field {spec['name']}"
    if found is None:
        return await _do(line, "POST", PATH, dict(spec), Step(what, Deed.CREATED))
    repairs = _repairs(spec, found)
    if not repairs:
        return Step(what, Deed.FOUND)
    done = Step(what, Deed.REPAIRED, f"changed: {', '.join(repairs)}")
    if "type" in repairs:
        return Step(what, Deed.WRONG, f"its type is {found.type}: delete it, or rename it, and start again")
    return await _do(line, "PATCH", f"{PATH}{found.id}/", repairs, done)


async def take_away(line: Line) -> list[Step]:
    """Delete the claim fields, and with them every key and owner; whatever carried them stays.

    Raises:
        PermissionRefused: the token may not look at custom fields.
    """
    found = await Fields(line).find()
    return [await _remove(line, f"custom field {name}", found.get(name)) for name in FIELDS]


async def _remove(line: Line, what: str, found: CustomField | None) -> Step:
    if found is None:
        return Step(what, Deed.MISSING)
    question = Question(
        method="DELETE", path=f"{PATH}{found.id}/", endpoint=f"{PATH}{{id}}/", expect=204, lane=Lane.WRITE
    )
    try:
        await line.ask(question)
    except Untouched as error:
        return Step(what, Deed.WRONG, f"NetBox refused: {error}")
    return Step(what, Deed.REMOVED)


def _repairs(spec: Mapping[str, Json], found: CustomField) -> dict[str, Json]:
    """What differs from the specification in a way that matters. Object types are added, never removed."""
    have: dict[str, Json] = {
        "type": found.type,
        "unique": found.unique,
        "filter_logic": found.filter_logic,
        "ui_editable": found.ui_editable,
    }
    repairs = {name: spec[name] for name, value in have.items() if value != spec[name]}
    if not set(WANTED) <= set(found.object_types):
        repairs["object_types"] = [*sorted({*found.object_types, *WANTED})]
    return repairs


async def _tag(line: Line, name: str) -> Step:
    slug = _slug(name)
    if not slug:
        return Step(f"tag {name}", Deed.WRONG, "it has neither letters nor digits")
    listing = Listing(line, _TAGS, translate.named)
    if await listing.matching({"slug": slug}, lambda tag: tag.slug == slug):
        return Step(f"tag {name}", Deed.FOUND)
    return await _do(line, "POST", _TAGS, {"name": name, "slug": slug}, Step(f"tag {name}", Deed.CREATED))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


async def _do(line: Line, method: str, path: str, body: dict[str, Json], done: Step) -> Step:
    creates = method == "POST"
    question = Question(
        method="POST" if creates else "PATCH",
        path=path,
        endpoint=re.sub(r"\d+", "{id}", path),
        body=body,
        expect=201 if creates else 200,
        lane=Lane.WRITE,
    )
    try:
        reply = await line.ask(question)
    except Untouched as error:
        return Step(done.what, Deed.WRONG, f"NetBox refused: {error}")
    if path.startswith(PATH):
        custom_field(reply.data)
    return done


def print_instructions(url: str, tags: Sequence[str] = ()) -> str:
    """What an administrator does by hand instead, as curl commands and as clicks, and the token's rights."""
    commands = "\n\n".join(_curl(url, PATH, spec) for spec in FIELDS.values())
    rights = "\n".join(
        f"  {right!s:<40} {right.purpose}{'' if right.required else ' (optional)'}" for right in RIGHTS
    )
    return _INSTRUCTIONS.format(
        url=url,
        commands=commands,
        tags=_tag_instructions(url, tags),
        rights=rights,
        index=INDEX_SQL,
        names_index=DNS_INDEX_SQL,
    )


def _tag_instructions(url: str, tags: Sequence[str]) -> str:
    """Nothing where the policy gives no tags: Berth itself needs none."""
    if not tags:
        return ""
    specs: list[dict[str, Json]] = [{"name": name, "slug": _slug(name)} for name in tags]
    commands = "\n\n".join(_curl(url, _TAGS, spec) for spec in specs)
    clicks = "\n".join(f"  Name {spec['name']}, Slug {spec['slug']}" for spec in specs)
    return _TAG_INSTRUCTIONS.format(url=url, commands=commands, clicks=clicks)


def _curl(url: str, path: str, spec: Mapping[str, Json]) -> str:
    return (
        f"curl --fail-with-body -X POST {url}/api/{path} \\\n"
        '  -H "Authorization: Token $NETBOX_ADMIN_TOKEN" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(spec))}"
    )


_TAG_INSTRUCTIONS: Final = """
The policy gives these tags unasked. A request that gets one is refused as long as NetBox does not have it:

{commands}

or click: {url} > Customization > Tags > Add, once for each:
{clicks}
"""


_INSTRUCTIONS: Final = """\
Berth keeps its claims in two custom fields. Either run these commands with an administrator's token
(for a token that starts with nbt_, write Bearer instead of Token):

{commands}

or click: {url} > Customization > Custom Fields > Add, once for berth_key and once for berth_owner:
  Object types   IPAM > IP Address, Virtualization > Virtual Machine, Virtualization > Interface
  Type           Text
  Must be unique yes for berth_key, no for berth_owner
  Filter logic   Exact
  UI editable    No
{tags}
The token that Berth itself uses needs these rights (Admin > Permissions):

{rights}

On an installation with more than some 50 000 addresses, add this index to NetBox's database:

  {index}

and this one, which makes the look-up of a name before an allocation fast:

  {names_index}
"""
