"""Late objects: an operation was given up, and then what it had asked for turned up in NetBox after all."""

from app.domain.inventory import Address
from app.ledger.records import Entry, State

LATE_SECONDS = 600.0
"""How long after it was given up an operation's call may still create its object."""
_CLOCK_SLACK = 60.0
"""Seconds by which NetBox's clock may be off."""


def is_late_fruit(entry: Entry, address: Address) -> bool:
    """Whether the object can only come from the operation that the entry says has failed."""
    if address.owner != entry.owner or address.vrf_id != entry.vrf_id or address.created is None:
        return False
    created = address.created.timestamp()
    return entry.opened_at - _CLOCK_SLACK <= created <= entry.changed_at + LATE_SECONDS


def is_undone(entry: Entry, address: Address, now: float) -> bool:
    """Whether the reconciler takes the object back in its next pass, so that nobody may be told of it."""
    given_up = entry.state is State.FAILED and now <= entry.changed_at + LATE_SECONDS
    return given_up and is_late_fruit(entry, address)
