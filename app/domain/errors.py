"""Everything that Berth can refuse, and why: one vocabulary for the inside.

A class's docstring is its default message and says what to do. `app.edge.problems` gives each class its
number on the wire; a test demands a row there and a section in the docs for every class drawn here.

    BerthError
    ├── Refusal                      a repeat gets the same answer until somebody changes something
    │   ├── InvalidRequest           invalid_request
    │   ├── KeyRequired              key_required
    │   ├── NameRefused              name_refused
    │   ├── UnknownReference         unknown_reference
    │   ├── Unauthenticated          unauthenticated
    │   ├── Forbidden                forbidden
    │   ├── NotOwner                 not_owner
    │   ├── QuotaExhausted           quota_exhausted
    │   ├── NotFound                 not_found
    │   ├── PrefixNotFound           prefix_not_found
    │   ├── PrefixAmbiguous          prefix_ambiguous
    │   ├── PrefixClosed             prefix_closed
    │   ├── PrefixExhausted          prefix_exhausted
    │   ├── AddressOutside           address_outside_prefix
    │   ├── AddressTaken             address_taken
    │   ├── AddressIsGateway         address_is_gateway
    │   ├── GatewayUnrecorded        gateway_unrecorded
    │   ├── SharedRole               shared_role
    │   ├── NameTaken                dns_name_taken
    │   ├── KeyConflict              key_conflict
    │   ├── ClaimChanged             claim_changed
    │   ├── ClaimDuplicated          claim_duplicated
    │   ├── MachineNameTaken         name_taken
    │   ├── OperationStuck           operation_stuck
    │   ├── PartOfMachine            part_of_machine
    │   ├── InUse                    in_use
    │   ├── RefusedByNetBox          refused_by_netbox
    │   ├── NetBoxUnprepared         netbox_unprepared
    │   └── KeysUnprepared           keys_unprepared
    ├── Fault                        somebody has to mend something behind Berth
    │   ├── ClaimInvisible           claim_invisible
    │   ├── NetBoxDenied             netbox_denied
    │   └── NetBoxNonsense           netbox_nonsense
    └── Later                        the same request, sent again, can succeed
        ├── OutcomeUnknown           outcome_unknown
        ├── StillWorking             still_working
        ├── NetBoxUnavailable        netbox_unavailable
        ├── Overloaded               overloaded
        ├── RateLimited              rate_limited
        ├── LedgerUnavailable        ledger_unavailable
        ├── IssuerUnavailable        issuer_unavailable
        └── Draining                 draining
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a request.

    `pointer` is a JSON pointer (RFC 6901) into the body, `""` for the whole of it; `code` is stable.
    """

    pointer: str
    code: str
    detail: str


class BerthError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    field: ClassVar[str | None] = None
    """A pointer to what is wrong, where the error is one violation and not a list of them."""
    recorded: bool = False
    """Whether the audit log has it."""

    def __init__(
        self, detail: str | None = None, *, errors: Sequence[Violation] = (), pointer: str | None = None
    ) -> None:
        self.detail = detail or " ".join((self.__doc__ or "").split())
        where = self.field if pointer is None else pointer
        self.errors = tuple(errors)
        if not errors and where is not None:
            self.errors = (Violation(where, self.code, self.detail),)
        super().__init__(self.detail)


class Refusal(BerthError):
    """The request was refused."""


class InvalidRequest(Refusal):
    """The request is not well formed; see `errors` for each field."""

    code = "invalid_request"


class KeyRequired(Refusal):
    """A write needs a key, so that a repeat finds its allocation.

    Send `key`, an `Idempotency-Key` header or a `dns_name`.
    """

    code = "key_required"
    field = "/key"


class NameRefused(Refusal):
    """The name breaks the naming convention; see `errors` for every rule it breaks."""

    code = "name_refused"


class UnknownReference(Refusal):
    """The request names something that NetBox does not have; see `errors` for near matches."""

    code = "unknown_reference"


class Unauthenticated(Refusal):
    """Send a valid token as `Authorization: Bearer <token>`."""

    code = "unauthenticated"


class Forbidden(Refusal):
    """This caller may not do this; ask an administrator of Berth for the right."""

    code = "forbidden"


class NotOwner(Refusal):
    """This key belongs to another owner; use a key of your own."""

    code = "not_owner"


class QuotaExhausted(Refusal):
    """This caller holds as many addresses as it may; release some, or ask for a larger quota."""

    code = "quota_exhausted"


class NotFound(Refusal):
    """There is no such object."""

    code = "not_found"


class PrefixNotFound(Refusal):
    """NetBox has no such prefix or IP range, or hides it from Berth; check the CIDR, the id and the VRF."""

    code = "prefix_not_found"
    field = "/prefix"


class PrefixAmbiguous(Refusal):
    """Several prefixes fit; name the VRF or send the prefix's id. The candidates are in `errors`."""

    code = "prefix_ambiguous"


class PrefixClosed(Refusal):
    """This prefix does not hand out single addresses."""

    code = "prefix_closed"
    field = "/prefix"


class PrefixExhausted(Refusal):
    """The prefix has no free address left; choose another one or release what is no longer used."""

    code = "prefix_exhausted"


class AddressOutside(Refusal):
    """The address does not lie in the prefix or range that the request names."""

    code = "address_outside_prefix"
    field = "/address"


class AddressTaken(Refusal):
    """The address is taken in NetBox.

    Ask for another one, or leave `address` out to get the next free one.
    """

    code = "address_taken"
    field = "/address"


class AddressIsGateway(Refusal):
    """The address is the prefix's gateway and is never handed out."""

    code = "address_is_gateway"
    field = "/address"


class GatewayUnrecorded(Refusal):
    """The prefix's gateway is not recorded in NetBox, so NetBox could hand it out: record it there first."""

    code = "gateway_unrecorded"


class SharedRole(Refusal):
    """NetBox lets several addresses with this role coexist, so it cannot be given to one owner."""

    code = "shared_role"
    field = "/role"


class NameTaken(Refusal):
    """The DNS name is in use in this VRF; choose another one."""

    code = "dns_name_taken"
    field = "/dns_name"


class KeyConflict(Refusal):
    """The key stands for an allocation elsewhere; release it first, or use another key."""

    code = "key_conflict"


class ClaimChanged(Refusal):
    """Somebody changed or cleared this allocation's claim in NetBox.

    Put `berth_key` back, or let an operator release the key with `force`.
    """

    code = "claim_changed"


class ClaimDuplicated(Refusal):
    """Several objects in NetBox carry this key.

    An operator has to clear `berth_key` on all but one (`berth doctor` lists them).
    """

    code = "claim_duplicated"


class MachineNameTaken(Refusal):
    """The cluster has a virtual machine of this name that does not belong to the key.

    Choose another name, or have somebody who may take it over with `adopt`.
    """

    code = "name_taken"


class OperationStuck(Refusal):
    """An earlier operation on this key can neither be finished nor undone.

    An operator has to look at it: `berth operations` lists it, `retry` and `abandon` mend it.
    """

    code = "operation_stuck"


class PartOfMachine(Refusal):
    """This address is part of a virtual machine; change or retire the machine instead."""

    code = "part_of_machine"


class InUse(Refusal):
    """Somebody else uses this address in NetBox.

    Unassign it there first, or let an operator release it with `force`.
    """

    code = "in_use"


class RefusedByNetBox(Refusal):
    """NetBox refused the values of this request; see `errors`."""

    code = "refused_by_netbox"


class NetBoxUnprepared(Refusal):
    """NetBox lacks the custom fields that carry Berth's claims, so nothing is written.

    Run `berth bootstrap`.
    """

    code = "netbox_unprepared"


class KeysUnprepared(Refusal):
    """This Berth makes no API keys: set BERTH_PEPPER, to the same secret for all of its processes."""

    code = "keys_unprepared"


class Fault(BerthError):
    """Something behind Berth has to be mended before this can work."""


class ClaimInvisible(Fault):
    """NetBox says the key is in use but hides the object from Berth's token.

    Widen the token's permissions (`berth doctor` lists what is missing).
    """

    code = "claim_invisible"


class NetBoxDenied(Fault):
    """NetBox refuses Berth's token or its permissions; an operator should run `berth doctor`."""

    code = "netbox_denied"


class NetBoxNonsense(Fault):
    """NetBox answered something that Berth does not understand; an operator should look at the log."""

    code = "netbox_nonsense"


class Later(BerthError):
    """Not now; send the same request again. `retry_after` is in seconds."""

    def __init__(self, detail: str | None = None, *, retry_after: float = 2.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OutcomeUnknown(Later):
    """NetBox did not say whether it did this; send the same request again to find out."""

    code = "outcome_unknown"


class StillWorking(Later):
    """This takes longer than a request may last and goes on; send the same request again for its answer."""

    code = "still_working"


class NetBoxUnavailable(Later):
    """NetBox cannot be reached at the moment and nothing was changed; send the same request again."""

    code = "netbox_unavailable"


class Overloaded(Later):
    """Too many requests are waiting for NetBox; send the same request again later."""

    code = "overloaded"


class RateLimited(Later):
    """This caller sends more requests than it may; send the same request again later."""

    code = "rate_limited"


class LedgerUnavailable(Later):
    """Berth cannot write its records and therefore changes nothing; send the same request again."""

    code = "ledger_unavailable"


class IssuerUnavailable(Later):
    """The keys of whoever issued this token cannot be had at the moment; send the same request again."""

    code = "issuer_unavailable"


class Draining(Later):
    """This process is stopping; send the same request again."""

    code = "draining"
