"""Late objects: a call to NetBox that nobody waits for any more comes to its end, and leaves an object.

The operation was given up, or the key was allocated by a later call and released again before the earlier
one came to its end: only then was the claim free for it.
"""

from app.domain.inventory import Address
from app.ledger.records import Entry, State
from app.operations.fitting import is_in_place

LATE_SECONDS = 600.0
"""How long after a key was given up or released an earlier call may still create its object."""
_CLOCK_SLACK = 60.0
"""Seconds by which NetBox's clock may be off."""


def is_late_fruit(entry: Entry, address: Address) -> bool:
    """Whether the object can only come from a call that was made for this entry, whatever address it named.

    What was there before Berth cannot. Under a released key it has to be younger than what was released
    (NetBox counts its ids up): somebody may have given the former object its claim back.
    """
    if entry.adopted:
        return False
    if not is_in_place(entry, address) or address.created is None:
        return False
    if entry.state is State.RELEASED and (entry.netbox_id is None or address.id <= entry.netbox_id):
        return False
    created = address.created.timestamp()
    return entry.opened_at - _CLOCK_SLACK <= created <= entry.changed_at + LATE_SECONDS


def is_undone(entry: Entry, address: Address, now: float) -> bool:
    """Whether the reconciler takes the object back in its next pass, so that nobody may be told of it."""
    over = entry.state in (State.FAILED, State.RELEASED) and now <= entry.changed_at + LATE_SECONDS
    return over and is_late_fruit(entry, address)
