"""An embedded NetBox: its REST API over SQLite, for demonstrations and fast tests.

It is a program of its own: it shares no code with the rest of Berth, is reached over HTTP only, serves
loopback addresses only, and says what it is in the header ``X-Berth-Emulator`` of every answer. What it does
is what real NetBox servers were seen to do; the contract tests run against both. It repairs nothing that
NetBox leaves broken.

    app = create_app(seed=True)
    with running(app) as url:
        requests.get(f"{url}/api/ipam/prefixes/", headers={"Authorization": f"Token {SEED_TOKEN}"})

Faults and counts of calls are set and read through a control route: see ``app.emulator.faults``.

Not emulated: ``/api/schema/``, VLANs, regions, locations and racks, groups of users, virtual disks, saved
filters, ``export`` and ``background``, bodies as forms, available-prefixes, languages other than English and
German. Two changes of one claim in *lists* do not race here as they do in NetBox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.application import Emulator
from app.emulator.database import Database
from app.emulator.inventory import INVENTORY
from app.emulator.planting import add_tokens, plant
from app.emulator.release import RELEASES
from app.emulator.resource import definition
from app.emulator.resources import RESOURCES
from app.emulator.server import running

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SEED_TOKEN", "Emulator", "create_app", "running"]

SEED_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - a made-up token for loopback
"""The token that may do everything, unless others are given."""


def create_app(
    database: str | None = None,
    *,
    version: str = "4.7",
    tokens: Sequence[str] = (SEED_TOKEN,),
    seed: bool = False,
    global_unique: bool = True,
) -> Emulator:
    """Return the emulator as an ASGI application.

    Args:
        database: a SQLite file, made if it is missing; None keeps everything in memory.
        version: "4.7" or "4.3".
        tokens: tokens of a superuser: v1 (no prefix) or v2 (``nbt_<key>.<secret>``).
        seed: put the demonstration inventory into a database that has no site yet.
        global_unique: NetBox's ENFORCE_GLOBAL_UNIQUE.

    Raises:
        KeyError: for a version that is not emulated.
    """
    store = Database(database)
    store.script("".join(definition(resource) for resource in RESOURCES.values()))
    emulator = Emulator(store, RELEASES[version], global_unique=global_unique)
    add_tokens(emulator, tokens)
    if seed:
        plant(emulator, INVENTORY)
    return emulator
