"""Who may do what, in its simple form: an owner acts on its own, an operator sees everything and may force.

Later rules (prefixes, name patterns, actions of a client) narrow `may`; who calls it stays as it is.
"""

from enum import Enum

from app.domain.commands import Caller
from app.domain.errors import Forbidden, NotOwner


class Action(Enum):
    """What a caller wants to do with something that has an owner."""

    READ = "read"
    ALLOCATE = "allocate"
    CHANGE = "change"
    CONFIRM = "confirm"
    RELEASE = "release"
    FORCE = "force"


_FOR_OPERATORS = frozenset({Action.FORCE})
_OPERATORS_TOO = frozenset({Action.READ, Action.FORCE})


def may(caller: Caller, action: Action, owner: str | None) -> bool:
    """Whether a caller may do this to what belongs to `owner`; None stands for everybody's."""
    if caller.operator and action in _OPERATORS_TOO:
        return True
    return caller.owner == owner and action not in _FOR_OPERATORS


def demand(caller: Caller, action: Action, owner: str | None) -> None:
    """Refuse what the caller may not do.

    Raises:
        Forbidden: only an operator may do this.
        NotOwner: it belongs to somebody else.
    """
    if may(caller, action, owner):
        return
    if action in _FOR_OPERATORS or owner is None:
        raise Forbidden("Only an operator may do this; ask one, or for the right (operator: true).")
    raise NotOwner
