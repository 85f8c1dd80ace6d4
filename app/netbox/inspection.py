"""What `berth doctor` looks at in NetBox. Nothing here can write.

A right to add is tried with an empty body, which lacks what NetBox requires; rights to change and to delete
with an id that no object has. NetBox looks at permissions first: it answers 403 without the right, and 400
or 404 with it (both versions, measured).
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import SHARED_ROLES, Address
from app.domain.upstream import Missing, NotSent, PermissionRefused, Rejected, TokenRefused, UpstreamError
from app.netbox import NetBox
from app.netbox.facts import OLDEST, facts_of
from app.netbox.lookups import PATH
from app.netbox.rights import EXCESS, RIGHTS, Right
from app.netbox.rows import PAGE, Listing, chunks, one_of, rows_of
from app.netbox.translate import Row
from app.netbox.wire import Lane, Method, Question, Reply

NOBODY: Final = 9223372036854775807
"""An id that no object has: PostgreSQL's largest bigint."""
_TRIES: Final[dict[str, Method]] = {"add": "POST", "change": "PATCH", "delete": "DELETE"}
_CLOCK_SECONDS: Final = 30.0
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `what_to_do` is empty where nothing is; `required` is false where Berth works without, for the most part.
    """

    name: str
    ok: bool
    detail: str
    what_to_do: str = ""
    required: bool = True


async def inspect(
    netbox: NetBox, now: Callable[[], datetime] = lambda: datetime.now(UTC), most_claims: int = 200_000
) -> list[Check]:
    """Look at everything, one check a line; stops early where the rest would only repeat the failure.

    Args:
        netbox: the NetBox to look at.
        now: the wall clock, to compare with NetBox's.
        most_claims: how many claims are read in search of duplicates.
    """
    try:
        reply = await netbox.facts.reply()
    except (UpstreamError, NetBoxNonsense) as error:
        return [_unreachable(error)]
    checks = [Check("reachable", ok=True, detail=netbox.settings.base), _version(reply), _clock(reply, now())]
    checks += await asyncio.gather(*(_right(netbox, right) for right in RIGHTS))
    checks.append(await _excess(netbox))
    checks += await _claim_fields(netbox)
    checks.append(await _duplicates(netbox, most_claims))
    return checks


def _unreachable(error: Exception) -> Check:
    if isinstance(error, TokenRefused):
        return Check("token", ok=False, detail=str(error), what_to_do="Give Berth a valid NETBOX_API_TOKEN.")
    if isinstance(error, NotSent):
        return Check("reachable", ok=False, detail=str(error), what_to_do="Check NETBOX_URL and the network.")
    return Check("reachable", ok=False, detail=str(error), what_to_do="See NetBox's own log.")


def _version(reply: Reply) -> Check:
    try:
        version = facts_of(reply).version
    except NetBoxNonsense as error:
        return Check("version", ok=False, detail=str(error), what_to_do="Check that NETBOX_URL is a NetBox.")
    ok = version >= OLDEST
    advice = "" if ok else "Upgrade NetBox to 4.3 or later."
    return Check("version", ok=ok, detail=".".join(map(str, version)), what_to_do=advice)


def _clock(reply: Reply, now: datetime) -> Check:
    """Compare with the `Date` header, which is rounded to seconds and as old as the network is slow."""
    try:
        difference = abs((parsedate_to_datetime(reply.date or "") - now).total_seconds())
    except (ValueError, TypeError):
        return Check("clock", ok=True, detail="NetBox sends no date", required=False)
    ok = difference <= _CLOCK_SECONDS
    advice = "" if ok else "Let both machines follow the same time servers."
    return Check("clock", ok=ok, detail=f"{difference:.0f} s apart", what_to_do=advice, required=False)


async def _right(netbox: NetBox, right: Right) -> Check:
    name = f"right: {right}"
    try:
        has = await _has(netbox, right)
    except (UpstreamError, NetBoxNonsense) as error:
        return Check(name, ok=False, detail=str(error), what_to_do="Try again.", required=right.required)
    advice = "" if has else f"Give the token's user the permission to {right} ({right.purpose})."
    detail = "granted" if has else "missing"
    return Check(name, ok=has, detail=detail, what_to_do=advice, required=right.required)


async def _excess(netbox: NetBox) -> Check:
    """Name the rights that the token has and Berth does not need."""
    name = "excess rights"
    try:
        has = [str(right) for right in EXCESS if await _has(netbox, right)]
    except (UpstreamError, NetBoxNonsense) as error:
        return Check(name, ok=False, detail=str(error), what_to_do="Try again.", required=False)
    advice = f"Take from the token's user: {', '.join(has)}." if has else ""
    return Check(name, ok=not has, detail=f"{len(has)} found", what_to_do=advice, required=False)


async def _has(netbox: NetBox, right: Right) -> bool:
    try:
        reply = await netbox.line.ask(_try(right))
    except (Rejected, Missing):
        return right.action != "view"
    except PermissionRefused:
        return False
    return all(Row(row).number("id") for row in rows_of(reply.data))


def _try(right: Right) -> Question:
    if right.action == "view":
        return Question(method="GET", path=right.path, endpoint=right.path, params={"fields": "id"}, limit=1)
    adds = right.action == "add"
    return Question(
        method=_TRIES[right.action],
        path=right.path if adds else f"{right.path}{NOBODY}/",
        endpoint=right.path if adds else f"{right.path}{{id}}/",
        body=None if right.action == "delete" else {},
        expect=204 if right.action == "delete" else 200,
        lane=Lane.LOCK,
    )


async def _claim_fields(netbox: NetBox) -> list[Check]:
    """The fields as allocating needs them; and what they lack for those who register virtual machines."""
    try:
        fields = await netbox.fields.claim_fields()
        found = {} if fields.problems else await netbox.fields.find()
    except (UpstreamError, NetBoxNonsense) as error:
        return [Check("claim fields", ok=False, detail=str(error), what_to_do="Try again.")]
    if fields.problems:
        return [Check("claim fields", False, " ".join(fields.problems), "Run `berth bootstrap`.")]  # noqa: FBT003 - of a dataclass
    lacks = " ".join(text for field in found.values() for text in field.lacks)
    advice = "Run `berth bootstrap` before virtual machines are registered." if lacks else ""
    detail = "as they must be"
    return [
        Check("claim fields", ok=True, detail=detail),
        Check("claim fields on virtual machines", not lacks, lacks or detail, advice, required=False),
    ]


async def _duplicates(netbox: NetBox, most: int) -> Check:
    """Claims on several addresses, and claimed addresses that NetBox holds twice (made beside Berth)."""
    name = "duplicates"
    try:
        claimed = await _claimed(netbox, most)
        hosts = Counter(map(_place, await _beside(netbox, claimed)))
    except (UpstreamError, NetBoxNonsense) as error:
        return Check(name, ok=False, detail=str(error), what_to_do="Try again when the rest is well.")
    keys = Counter(str(row.key) for row in claimed)
    twice = [what for what, times in (*keys.items(), *hosts.items()) if times > 1]
    if not twice:
        return Check(name, ok=True, detail=f"none among {len(claimed)} claims")
    shown = ", ".join(twice[:_SHOWN])
    advice = f"Clear `berth_key` on all but one object, and delete addresses that are doubled: {shown}."
    return Check(name, ok=False, detail=f"{len(twice)} found", what_to_do=advice)


async def _claimed(netbox: NetBox, most: int) -> list[Address]:
    found: list[Address] = []
    after = 0
    while len(found) < most:
        rows = await netbox.addresses.claimed_after(after, PAGE)
        found += rows
        if len(rows) < PAGE:
            break
        after = rows[-1].id
    return found


async def _beside(netbox: NetBox, claimed: list[Address]) -> list[Address]:
    """Every address with a host part that is claimed, by whomever it was made; without roles that share."""
    hosts = sorted({str(row.address.ip) for row in claimed})
    listing = Listing(netbox.line, PATH, netbox.addresses.lookups.translate)
    found: list[Address] = []
    for part in chunks("address", hosts):
        found += await listing.matching({"address": part}, one_of(part, _host))
    return [row for row in found if row.role not in SHARED_ROLES]


def _host(address: Address) -> str:
    return str(address.address.ip)


def _place(address: Address) -> str:
    return f"{address.address.ip} in VRF {address.vrf.name}" if address.vrf else str(address.address.ip)
