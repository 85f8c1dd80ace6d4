"""Who is calling, and what they may do: tokens, object permissions, constraints. Every fault is a 403."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.emulator.constraints import constraint_clause
from app.emulator.errors import denied

if TYPE_CHECKING:
    from app.emulator.database import Database
    from app.emulator.release import Release
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row

NOT_PROVIDED = "Authentication credentials were not provided."
_PREFIX = "nbt_"
_MALFORMED = 'Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"'
_NO_KEY = (
    "Invalid authorization header: Could not parse key from v2 token. Did you mean to use 'Token' instead of "
    "'Bearer'?"
)


@dataclass
class Account:
    """A user with the token that was shown.

    Attributes:
        user: the row of the user.
        may_write: whether the token allows anything but reading.
    """

    user: Row
    may_write: bool = True
    _permissions: list[Row] | None = field(default=None, repr=False)

    def constraints(self, session: Session, model: str, action: str) -> list[Json] | None:
        """Return the alternatives that limit an action on a model; None when it is not permitted."""
        if self.user["is_superuser"]:
            return [None]
        if self._permissions is None:
            self._permissions = session.database.rows(
                "SELECT p.* FROM users_objectpermission p, json_each(p.users) u "
                "WHERE u.value = ? AND p.enabled",
                [self.user["id"]],
            )
        found = [
            json.loads(row["constraints"] or "null")
            for row in self._permissions
            if model in json.loads(row["object_types"]) and action in json.loads(row["actions"])
        ]
        return found or None

    def restriction(self, session: Session, resource: Resource, action: str) -> Clause | None:
        """Return the SQL that selects the objects on which an action is permitted, or None."""
        constraints = self.constraints(session, resource.model, action)
        if constraints is None:
            return None
        return constraint_clause(session, resource, constraints)

    def require(self, session: Session, resource: Resource, action: str) -> Clause:
        """Return the restriction of an action; raises the 403 when it is not permitted at all."""
        if not self.may_write and action != "view":
            raise denied()
        clause = self.restriction(session, resource, action)
        if clause is None:
            raise denied()
        return clause


def authenticate(database: Database, release: Release, header: str, client: str) -> Account | None:
    """Return the account of an ``Authorization`` header; None when there are no credentials.

    Raises:
        ApiError: 403 with NetBox's wording of what is wrong.
    """
    keyword, *rest = header.split() or [""]
    if keyword.lower() not in (("token", "bearer") if release.modern else ("token",)):
        return None
    if len(rest) != 1:
        raise denied(_MALFORMED if release.modern else "Invalid token header. No credentials provided.")
    row = _find_modern(database, rest[0]) if release.modern else _find(database, rest[0], "Invalid token")
    _check(row, client)
    user = database.one("SELECT * FROM users_user WHERE id = ?", [row["user"]])
    if not user or not user["is_active"]:
        raise denied("User inactive")
    return Account(user, may_write=bool(row["write_enabled"]))


def _find_modern(database: Database, text: str) -> Row:
    if not text.startswith(_PREFIX):
        return _find(database, text, "Invalid v1 token")
    key, dot, secret = text.removeprefix(_PREFIX).partition(".")
    if not dot:
        raise denied(_NO_KEY)
    row = database.one("SELECT * FROM users_token WHERE version = 2 AND key = ?", [key])
    if not row or row["plaintext"] != secret:
        raise denied("Invalid v2 token")
    return row


def _find(database: Database, text: str, complaint: str) -> Row:
    row = database.one("SELECT * FROM users_token WHERE version = 1 AND plaintext = ?", [text])
    if not row:
        raise denied(complaint)
    return row


def _check(row: Row, client: str) -> None:
    allowed = json.loads(row["allowed_ips"] or "[]")
    if allowed and not any(ipaddress.ip_address(client) in ipaddress.ip_network(net) for net in allowed):
        raise denied(f"Source IP {client} is not permitted to authenticate using this token.")
    if not row["enabled"]:
        raise denied("Token disabled")
    if row["expires"] and datetime.fromisoformat(row["expires"]) <= datetime.now(UTC):
        raise denied("Token expired")
