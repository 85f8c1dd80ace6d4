"""One change of an address in NetBox, and what became of it."""

from dataclasses import dataclass

from app.domain.errors import ClaimChanged, OutcomeUnknown
from app.domain.inventory import Address, Changes
from app.domain.translation import to_error
from app.domain.upstream import FaultKind, Missing, Rejected, Stale, Unsure, UpstreamError
from app.ledger.ledger import Begun, Ledger
from app.operations.freeing import check_claim
from app.operations.gaps import pool_of
from app.operations.memory import Memory
from app.operations.ports import Addresses


class ClaimTaken(Rejected):
    """NetBox refused a claim that another object carries."""


@dataclass(frozen=True, slots=True)
class Changing:
    """Changes addresses, between the two transactions of a mutation."""

    ledger: Ledger
    addresses: Addresses
    memory: Memory

    async def __call__(self, begun: Begun, address: Address, changes: Changes) -> Address:
        """The address after the change; without one, the entry is as it was before.

        Raises:
            Stale, Missing: somebody was faster; look again.
            ClaimTaken: another object carries the claim that was to be set.
            OutcomeUnknown: NetBox may have made the change; the reconciler writes down what it holds.
            BerthError: NetBox refused.
        """
        try:
            changed = await self.addresses.change(address, changes)
            check_claim(begun.entry, changed)
        except Unsure as error:
            raise OutcomeUnknown from error
        except ClaimChanged as error:
            await self.ledger.cancel(begun, error)
            raise
        except UpstreamError as error:
            refusal = to_error(error)
            self.memory.doubt(refusal, pool_of(address))
            await self.ledger.cancel(begun, refusal)
            if isinstance(error, Stale | Missing):
                raise
            raise (ClaimTaken(str(error)) if _is_of_the_claim(error) else refusal) from error
        return changed


def _is_of_the_claim(error: UpstreamError) -> bool:
    faults = error.items.values() if isinstance(error, Rejected) else ()
    return any(fault.kind is FaultKind.CLAIM for fault in faults)
