"""An enrolment is used up in the transaction that begins what it is for, so two cannot use it.

What came to nothing does not use it up: a machine whose first try NetBox refused may try again. What came to
an allocation does, also once that is released.
"""

from typing import Final

from app.domain.credentials import Enrolment
from app.domain.errors import Unauthenticated
from app.ledger.ports import Tx
from app.ledger.records import Event

METHOD: Final = "enrolment"
"""How a caller was known who showed an enrolment token."""
_HELD: Final = frozenset({"allocated", "adopted", "recovered", "observed", "resumed"})
"""Outcomes after which there is an allocation."""


class EnrolmentSpent(Unauthenticated):
    """This enrolment token is used up, or was used from elsewhere; ask whoever issued it for another one."""


def use(tx: Tx, event: Event, key: str, now: float) -> None:
    """Use the enrolment that a mutation is made with, if it is made with one.

    Raises:
        EnrolmentSpent: it does not count any more, or not for this key, or not from here.
    """
    if event.method != METHOD or event.action != "allocate":
        return
    enrolment = tx.enrolment(event.credential)
    if enrolment is None or enrolment.key != key or now >= enrolment.expires_at:
        raise EnrolmentSpent
    if enrolment.used_at is not None and not _may_try_again(tx, enrolment, event.client_address):
        raise EnrolmentSpent
    tx.use_enrolment(enrolment.id, now, event.client_address, event.operation)


def use_on_what_is_there(tx: Tx, enrolment_id: str, client_address: str, now: float) -> None:
    """Use an enrolment whose allocation was not made with it.

    Raises:
        EnrolmentSpent: somebody else was faster.
    """
    enrolment = tx.enrolment(enrolment_id)
    if enrolment is None or (enrolment.used_at is not None and enrolment.used_from != client_address):
        raise EnrolmentSpent
    tx.use_enrolment(enrolment_id, now, client_address, "")


def _may_try_again(tx: Tx, enrolment: Enrolment, client_address: str) -> bool:
    return enrolment.used_from == client_address and tx.outcome_of(enrolment.operation) not in _HELD
