"""The audit's view of a request."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.domain.commands import Caller, Wish, given
from app.domain.errors import BerthError, Refusal
from app.domain.translation import to_error
from app.domain.upstream import UpstreamError
from app.ledger.chain import canonical
from app.ledger.ledger import Ledger
from app.ledger.records import Event
from app.operations.places import label

SYSTEM = Caller(owner="berth", method="system")
"""Whoever acts when nobody asked: the reconciler."""


def event_of(caller: Caller, action: str, key: str, wish: Wish | None = None) -> Event:
    """The event that a request begins with; the ledger fills in time, operation and policy."""
    return Event(
        event="intent",
        action=action,
        time=0.0,
        key=key,
        request_id=caller.request_id,
        owner=caller.owner,
        method=caller.method,
        credential=caller.credential,
        client_address=caller.client_address,
        prefix=label(wish.place) if wish else "",
        name=(given(wish.traits.dns_name, "") or given(wish.traits.name_pattern, "")) if wish else "",
        fingerprint=fingerprint(wish) if wish else "",
        requested_by=(wish.requested_by or "") if wish else "",
        reference=(wish.reference or "") if wish else "",
    )


@dataclass(frozen=True, slots=True)
class RecordDenial:
    """Writes down a refusal that came before any operation was asked: a body or a key that is malformed."""

    ledger: Ledger

    async def __call__(self, caller: Caller, action: str, key: str, error: BerthError) -> None:
        """Write it down, unless an operation has."""
        if not error.recorded:
            await self.ledger.deny(event_of(caller, action, key), error)


def fingerprint(wish: Wish) -> str:
    """SHA-256 over the request's fields: two requests with one fingerprint asked for the same."""
    return hashlib.sha256(canonical(dict(wish.sent)).encode()).hexdigest()


@asynccontextmanager
async def denials_recorded(ledger: Ledger, event: Event, *, dry_run: bool = False) -> AsyncIterator[None]:
    """For what is checked before anything is begun: write a refusal down before it is answered.

    A dry run would have changed nothing and leaves nothing. A look at NetBox that fails has changed nothing.
    """
    try:
        async with only_reading():
            yield
    except Refusal as refusal:
        if not dry_run:
            await ledger.deny(event, refusal)
        raise


@asynccontextmanager
async def only_reading() -> AsyncIterator[None]:
    """Say what a failed look at NetBox means to a caller."""
    try:
        yield
    except UpstreamError as error:
        raise to_error(error, read=True) from error
