"""NetBox, spoken to: the only room that imports pynetbox, and where its threads are.

    netbox = connect(NetBoxSettings(url="https://netbox.example.com"), tokens)
    await netbox.allocator.allocate(pool, drafts)

`connect` sends nothing. Everything else raises the errors of `app.domain.upstream`; a read that is answered
with something that is not NetBox's raises `app.domain.errors.NetBoxNonsense`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.netbox.addresses import Addresses
from app.netbox.client import Client, TokenSource
from app.netbox.facts import Facts
from app.netbox.fields import Fields
from app.netbox.gateway import Allocator
from app.netbox.inventory import Inventory
from app.netbox.lookups import Lookups
from app.netbox.machine_lookups import MachineLookups
from app.netbox.machines import Machines
from app.netbox.resilience import Line, World
from app.netbox.settings import NetBoxSettings
from app.netbox.shelf import Shelf
from app.netbox.wire import Attempt, CallFinished

__all__ = ["Attempt", "CallFinished", "NetBox", "NetBoxSettings", "TokenSource", "connect"]


@dataclass(frozen=True)
class NetBox:
    """A NetBox and the ways to ask it.

    `line` tells how the way to it is: `line.breaker`, `line.waiting`.
    """

    settings: NetBoxSettings
    line: Line
    client: Client
    allocator: Allocator
    addresses: Addresses
    machines: Machines
    inventory: Inventory
    fields: Fields
    shelf: Shelf
    facts: Facts

    def close(self) -> None:
        """Take no more calls; those under way end by themselves, at the latest by their timeout."""
        self.client.close()


def connect(  # noqa: PLR0913 - what is passed in so that tests need no patches
    settings: NetBoxSettings,
    token: TokenSource,
    observe: Callable[[CallFinished], None] = lambda _: None,
    *,
    attempted: Callable[[Attempt], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> NetBox:
    """Build the room. Nothing is sent, so a NetBox that is down does not matter here.

    Args:
        settings: where NetBox is, and how much to ask of it.
        token: where its token comes from.
        observe: is given every finished call.
        attempted: is told each time that a call was sent, or was kept from being sent.
        clock: monotonic seconds.
        sleep: waits between attempts.
        chance: 0.0 to 1.0, for the jitter of these waits.
    """
    client = Client(settings, clock)
    world = World(clock=clock, sleep=sleep, random=chance, observe=observe, attempted=attempted)
    line = Line(client, token, settings, world)
    addresses = Addresses(line, Lookups(line, settings.links))
    inventory = Inventory(line, settings.links, settings.cache_seconds)
    return NetBox(
        settings=settings,
        line=line,
        client=client,
        allocator=Allocator(line, addresses),
        addresses=addresses,
        machines=Machines(line, MachineLookups(line, addresses.lookups)),
        inventory=inventory,
        fields=Fields(line),
        shelf=Shelf(line, settings.links, inventory),
        facts=Facts(line),
    )
