"""Filling an empty database: the superuser, its tokens, an inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.emulator.accounts import Account
from app.emulator.records import insert, validate
from app.emulator.resources import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.emulator.application import Emulator
    from app.emulator.session import Session
    from app.emulator.values import Json, Row


@dataclass(frozen=True)
class Ref:
    """Stands in an inventory for the id of an object, by path and attributes."""

    path: str
    attributes: tuple[tuple[str, Json], ...]

    @classmethod
    def to(cls, path: str, **attributes: Json) -> Ref:
        """Point at an object."""
        return cls(path, tuple(attributes.items()))


def superuser(emulator: Emulator) -> Session:
    """Return a session of the superuser, who is made if there is none."""
    database = emulator.database
    found = database.one("SELECT * FROM users_user WHERE is_superuser ORDER BY id")
    if found:
        return emulator.session(Account(found))
    session = emulator.session(Account({"id": None, "username": "admin", "is_superuser": True}))
    users = session.resource("users.user")
    body = {"username": "admin", "password": "!", "email": "admin@example.com"}
    row = insert(session, users, {**validate(session, users, body), "is_superuser": True})
    return emulator.session(Account(row))


def add_tokens(emulator: Emulator, tokens: Iterable[str]) -> None:
    """Give the superuser tokens that are not there yet."""
    with emulator.database.transaction():
        session = superuser(emulator)
        resource = session.resource("users.token")
        for token in tokens:
            key, secret = _parts(token)
            known = "SELECT 1 FROM users_token WHERE plaintext = ? AND key IS ?"
            if not emulator.database.one(known, [secret, key]):
                values = validate(session, resource, {"user": session.account.user["id"]})
                version = 2 if key else 1
                insert(session, resource, {**values, "version": version, "key": key, "plaintext": secret})


def _parts(token: str) -> tuple[str | None, str]:
    if not token.startswith("nbt_"):
        return None, token
    key, _, secret = token.removeprefix("nbt_").partition(".")
    return key, secret


def plant(emulator: Emulator, inventory: Sequence[tuple[str, Row]]) -> None:
    """Create the objects of an inventory, in order, unless the database has a site already."""
    with emulator.database.transaction():
        session = superuser(emulator)
        if emulator.database.one("SELECT 1 FROM dcim_site"):
            return
        for path, body in inventory:
            resource = PATHS[path]
            data = {key: _resolved(session, value) for key, value in body.items()}
            insert(session, resource, validate(session, resource, data))


def _resolved(session: Session, value: Json) -> Json:
    if not isinstance(value, Ref):
        return value
    attributes = {key: _resolved(session, item) for key, item in value.attributes}
    return session.resolve(PATHS[value.path].model, attributes)
