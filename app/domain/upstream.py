"""What a call to NetBox can come to, told apart by what may have happened there.

UpstreamError
├── Untouched              certainly nothing happened
│   ├── NotSent            the call never reached NetBox, or NetBox turned it away before working on it
│   ├── Rejected           400; per item of the list where NetBox says which
│   ├── NoRoom             409 on available-ips: the list does not fit, nothing of it was created
│   ├── Missing            404
│   ├── Stale              412: the object changed since it was read (NetBox >= 4.6)
│   ├── PermissionRefused  403 for lack of a permission or by a constraint
│   └── TokenRefused       403 for the token itself
└── Unsure                 it may have happened: timeout, reset, 5xx, or an answer that makes no sense
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """Why NetBox refused one item."""

    CLAIM = "claim"  # the unique custom field is taken
    DUPLICATE = "duplicate"  # the address exists already
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ItemFault:
    """NetBox's refusal of one item; `messages` maps NetBox's field names to what it says of them."""

    kind: FaultKind
    messages: Mapping[str, str]


class UpstreamError(Exception):
    """A call to NetBox did not succeed."""


class Untouched(UpstreamError):
    """The call failed and certainly changed nothing."""


class NotSent(Untouched):
    """The call never reached NetBox; `retry_after` in seconds says when it is worth another try."""

    def __init__(self, detail: str, *, retry_after: float = 2.0, overloaded: bool = False) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.overloaded = overloaded


class Rejected(Untouched):
    """NetBox refused the values. `items` maps positions in the list to faults, if it said which."""

    def __init__(self, detail: str, items: Mapping[int, ItemFault] | None = None) -> None:
        super().__init__(detail)
        self.items = dict(items or {})


class NoRoom(Untouched):
    """The prefix or range has fewer free addresses than were asked for."""


class Missing(Untouched):
    """The object does not exist, or the token may not see it."""


class Stale(Untouched):
    """The object changed since it was read."""


class PermissionRefused(Untouched):
    """The token lacks a permission, or a constraint on it forbids this."""


class TokenRefused(Untouched):
    """NetBox does not accept the token."""


class Unsure(UpstreamError):
    """The call may have done its work; only a look can tell. `server_error` is set for a plain 500."""

    def __init__(self, detail: str, *, server_error: bool = False) -> None:
        super().__init__(detail)
        self.server_error = server_error
