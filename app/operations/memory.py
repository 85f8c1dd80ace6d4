"""What is remembered of NetBox is dropped on any sign that it changed there.

Remembered are prefixes, VRFs, tenants and tags (`BERTH_NETBOX_CACHE_SECONDS`), and for five minutes that the
claim fields are as they must be. An answer that does not fit is such a sign, whatever else it comes to.
"""

from dataclasses import dataclass
from typing import Protocol

from app.domain.errors import (
    BerthError,
    KeyConflict,
    NetBoxNonsense,
    OutcomeUnknown,
    PrefixExhausted,
    PrefixNotFound,
    RefusedByNetBox,
)
from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD, Kind, Pool
from app.operations.ports import Inventory

_OF_THE_POOL = (KeyConflict, NetBoxNonsense, OutcomeUnknown, PrefixExhausted, PrefixNotFound)
_KINDS = {"tenant": Kind.TENANT, "tags": Kind.TAG, "vrf": Kind.VRF}


class Guard(Protocol):
    """Whether NetBox is prepared to carry claims."""

    async def __call__(self) -> None:
        """Return if it is.

        Raises:
            NetBoxUnprepared: it is not; nothing may be written.
        """
        ...

    def forget(self) -> None:
        """Look again before the next write."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """Knows what an error says about what is remembered."""

    inventory: Inventory
    prepared: Guard

    def doubt(self, error: BerthError, pool: Pool) -> None:
        """Drop what the error throws doubt upon: it came of an allocation from the pool, or a change."""
        if isinstance(error, _OF_THE_POOL):
            self.inventory.forget(pool)
        if not isinstance(error, RefusedByNetBox):
            return
        for word in {each.pointer.lstrip("/").partition("/")[0] for each in error.errors} & _KINDS.keys():
            self.inventory.forget_kind(_KINDS[word])
        if any(each.pointer == "/vrf" for each in error.errors):
            self.inventory.forget(pool)
        if CLAIM_FIELD in error.detail or OWNER_FIELD in error.detail:
            self.prepared.forget()
