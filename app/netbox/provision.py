"""A user for Berth in NetBox, with the least rights and a token: what `berth bootstrap --user` makes.

It needs an administrator's token. Passwords and tokens are made here, and shown to nobody but the caller.
"""

import json
import secrets
import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Json
from app.domain.upstream import Rejected
from app.netbox.facts import facts_of
from app.netbox.resilience import Line
from app.netbox.rights import RIGHTS
from app.netbox.rows import Listing
from app.netbox.setup import Deed, Step
from app.netbox.translate import Row
from app.netbox.wire import Lane, Question

_USERS: Final = "users/users/"
_PERMISSIONS: Final = "users/permissions/"
_TOKENS: Final = "users/tokens/"
_MODERN: Final = (4, 5, 0)
"""Since when NetBox makes tokens itself (v2), and shows them once."""


def needed() -> dict[str, list[str]]:
    """Every right that Berth can use: actions by kind of object."""
    ordered = sorted(RIGHTS, key=lambda right: right.model)
    return {
        model: [right.action for right in rights]
        for model, rights in groupby(ordered, key=lambda right: right.model)
    }


_SHELL: Final = """\
# An administrator's token, which may view and add users, permissions and tokens:
AUTHORIZATION="Bearer nbt_…" # or "Token …", for 40 hexadecimal digits
send() {{
  curl --silent --show-error --fail-with-body -H "Authorization: $AUTHORIZATION" \\
    -H "Content-Type: application/json" "{url}/api/$1" -d "$2"
}}
made=$(send {users} "{{\\"username\\": \\"{name}\\", \\"password\\": \\"Aa1!$(openssl rand -hex 24)\\"}}")
user=$(echo "$made" | grep -oE '"id": ?[0-9]+' | head -n 1 | grep -oE '[0-9]+')
{permissions}
send {tokens} "{{\\"user\\": $user, \\"description\\": \\"Berth\\"}}" # shows the token, once
"""


def by_hand(url: str, name: str) -> str:
    """The same as commands for an administrator's shell; the token is shown once, by the last one."""
    lines = []
    for model, actions in needed().items():
        body = json.dumps({"name": f"{name}: {model}", "object_types": [model], "actions": actions})
        start = shlex.quote(body.removesuffix("}") + ', "users": [')
        lines.append(f'send {_PERMISSIONS} {start}"$user]}}" >/dev/null')
    permissions = "\n".join(lines)
    return _SHELL.format(url=url, name=name, users=_USERS, tokens=_TOKENS, permissions=permissions)


async def provision(line: Line, name: str) -> tuple[list[Step], int]:
    """Give NetBox a user of this name with exactly the rights that Berth needs; and that user's id.

    Repeating it finds the user, and sets its permissions as they have to be.

    Raises:
        PermissionRefused: the token may not look at users or permissions.
        Rejected: NetBox does not take the name.
    """
    user_id, step = await _user(line, name)
    steps = [step]
    for model, actions in needed().items():
        steps.append(await _permission(line, f"{name}: {model}", model, actions, user_id))
    return steps, user_id


async def make_token(line: Line, user_id: int, allowed_ips: Sequence[str] = ()) -> str:
    """A new token of a user, as Berth sends it: `nbt_…` where NetBox has tokens of the second version.

    Args:
        line: the way to NetBox.
        user_id: whose it is.
        allowed_ips: the networks that it may be used from; none: from anywhere.

    Raises:
        Rejected: NetBox takes no token for this user, or not these networks.
        NetBoxNonsense: it made one and does not show it.
    """
    body: dict[str, Json] = {"user": user_id, "description": "Berth", "allowed_ips": list(allowed_ips)}
    facts = facts_of(await line.ask(Question(method="GET", path="status/", endpoint="status/")))
    if facts.version < _MODERN:
        own = secrets.token_hex(20)
        await _send(line, "POST", _TOKENS, {**body, "key": own})
        return own
    try:
        row = await _send(line, "POST", _TOKENS, {**body, "version": 2})
    except Rejected:  # no API_TOKEN_PEPPERS: then NetBox makes tokens of the first version only
        row = await _send(line, "POST", _TOKENS, {**body, "version": 1})
        return _shown(row)
    return f"nbt_{row.text('key')}.{_shown(row)}"


def _shown(row: Row) -> str:
    if not row.text("token"):
        raise NetBoxNonsense("NetBox made a token and does not show it")
    return row.text("token")


async def _user(line: Line, name: str) -> tuple[int, Step]:
    what = f"user {name}"
    listing = Listing(line, _USERS, lambda data: Row(data, "a user"))
    for row in await listing.matching({"username": name}, lambda row: row.text("username") == name):
        return row.number("id"), Step(what, Deed.FOUND)
    # Nobody signs in with it; NetBox demands one, of several kinds of characters.
    body: dict[str, Json] = {"username": name, "password": f"Aa1!{secrets.token_urlsafe(32)}"}
    return (await _send(line, "POST", _USERS, body)).number("id"), Step(what, Deed.CREATED)


async def _permission(line: Line, name: str, model: str, actions: list[str], user_id: int) -> Step:
    what = f"permission to {', '.join(actions)} {model}"
    listing = Listing(line, _PERMISSIONS, lambda data: Row(data, "a permission"))
    found = await listing.matching({"name": name}, lambda row: row.text("name") == name)
    wanted: dict[str, Json] = {"object_types": [model], "actions": [*actions], "users": [user_id]}
    if not found:
        await _send(line, "POST", _PERMISSIONS, {"name": name, "enabled": True, **wanted})
        return Step(what, Deed.CREATED)
    if sorted(map(str, found[0].list("actions"))) == sorted(actions):
        return Step(what, Deed.FOUND)
    await _send(line, "PATCH", f"{_PERMISSIONS}{found[0].number('id')}/", wanted)
    return Step(what, Deed.REPAIRED)


async def _send(line: Line, method: str, path: str, body: dict[str, Json]) -> Row:
    creates = method == "POST"
    question = Question(
        method="POST" if creates else "PATCH",
        path=path,
        endpoint=path if creates else f"{_PERMISSIONS}{{id}}/",
        body=body,
        expect=201 if creates else 200,
        lane=Lane.WRITE,
    )
    return Row((await line.ask(question)).data, "what was made")
