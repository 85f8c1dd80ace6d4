"""The one table between the errors inside and problem documents on the wire (RFC 9457).

A permanent refusal is a 4xx other than 429, because clients hide the body of 429 and of 5xx, or retry them.
503 is for what a retry mends, 502 for what somebody behind Berth has to mend. `type` is a relative URL
that leads to the section of `/docs/errors` about the code. A document holds nothing that differs between
two equal requests: the request id stands in the `X-Request-ID` header.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from app.domain import errors as domain
from app.domain.inventory import Json
from app.domain.translation import to_error
from app.domain.upstream import UpstreamError
from app.edge import errors as wire

PROBLEM_JSON: Final = "application/problem+json"
TYPE_BASE: Final = "/docs/errors#"
CHALLENGES: Final = ('Bearer realm="berth"', 'Basic realm="berth"')
"""Ansible's `uri` and curl send Basic credentials only after a challenge that names Basic."""


@dataclass(frozen=True, slots=True)
class Row:
    """An error's number and name on the wire."""

    status: int
    title: str


TABLE: Final[Mapping[type[domain.BerthError], Row]] = {
    # what the request says is wrong
    domain.InvalidRequest: Row(422, "Invalid request"),
    domain.KeyRequired: Row(422, "Key required"),
    domain.NameRefused: Row(422, "Name refused"),
    domain.UnknownReference: Row(422, "Unknown reference"),
    domain.PrefixNotFound: Row(422, "Prefix not found"),
    domain.PrefixAmbiguous: Row(422, "Prefix ambiguous"),
    domain.AddressOutside: Row(422, "Address outside prefix"),
    domain.SharedRole: Row(422, "Role can be shared"),
    domain.RefusedByNetBox: Row(422, "Refused by NetBox"),
    # who asks
    domain.Unauthenticated: Row(401, "Unauthenticated"),
    domain.Forbidden: Row(403, "Forbidden"),
    domain.NotOwner: Row(403, "Not the owner"),
    domain.QuotaExhausted: Row(403, "Quota exhausted"),
    # what is not there
    domain.NotFound: Row(404, "Not found"),
    # what stands in the way
    domain.PrefixClosed: Row(409, "Prefix closed"),
    domain.PrefixExhausted: Row(409, "Prefix exhausted"),
    domain.AddressTaken: Row(409, "Address taken"),
    domain.AddressIsGateway: Row(409, "Address is the gateway"),
    domain.GatewayUnrecorded: Row(409, "Gateway not recorded"),
    domain.NameTaken: Row(409, "DNS name taken"),
    domain.KeyConflict: Row(409, "Key conflict"),
    domain.ClaimChanged: Row(409, "Claim changed"),
    domain.ClaimDuplicated: Row(409, "Claim duplicated"),
    domain.MachineNameTaken: Row(409, "Name taken"),
    domain.OperationStuck: Row(409, "Operation stuck"),
    domain.PartOfMachine: Row(409, "Part of a virtual machine"),
    domain.InUse: Row(409, "In use"),
    domain.NetBoxUnprepared: Row(409, "NetBox not prepared"),
    domain.KeysUnprepared: Row(409, "Keys not prepared"),
    # what somebody has to mend
    domain.ClaimInvisible: Row(502, "Claim invisible"),
    domain.NetBoxDenied: Row(502, "NetBox denied access"),
    domain.NetBoxNonsense: Row(502, "NetBox not understood"),
    # what a retry mends
    domain.OutcomeUnknown: Row(503, "Outcome unknown"),
    domain.StillWorking: Row(503, "Still working"),
    domain.NetBoxUnavailable: Row(503, "NetBox unavailable"),
    domain.Overloaded: Row(503, "Overloaded"),
    domain.RateLimited: Row(429, "Rate limited"),
    domain.LedgerUnavailable: Row(503, "Ledger unavailable"),
    domain.IssuerUnavailable: Row(503, "Issuer unavailable"),
    domain.Draining: Row(503, "Draining"),
    # HTTP itself
    wire.MalformedBody: Row(400, "Malformed body"),
    wire.CrossSite: Row(403, "Cross-site request"),
    wire.HttpsRequired: Row(403, "HTTPS required"),
    wire.MethodNotAllowed: Row(405, "Method not allowed"),
    wire.SlowBody: Row(408, "Slow body"),
    wire.BodyTooLarge: Row(413, "Body too large"),
    wire.UnsupportedMediaType: Row(415, "Unsupported media type"),
    wire.TooManyFailures: Row(429, "Too many failures"),
    wire.InternalError: Row(500, "Internal error"),
}


def row_of(kind: type[domain.BerthError]) -> Row:
    """The row of a class, or of the nearest class above it."""
    for ancestor in kind.__mro__:
        if ancestor in TABLE:
            return TABLE[ancestor]
    return TABLE[wire.InternalError]


def to_berth_error(error: Exception, *, read: bool) -> domain.BerthError:
    """What a caller is told of an error. A failed call to NetBox that nobody translated means what it says.

    Anything else is Berth's own failure, of which the answer tells nothing.
    """
    if isinstance(error, domain.BerthError):
        return error
    if isinstance(error, UpstreamError):
        return to_error(error, read=read)
    return wire.InternalError()


def document(error: domain.BerthError) -> dict[str, Json]:
    """The problem document, with its members in a fixed order."""
    row = row_of(type(error))
    return {
        "type": TYPE_BASE + error.code,
        "title": row.title,
        "status": row.status,
        "code": error.code,
        "detail": error.detail,
        "errors": [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors],
    }


def respond(error: domain.BerthError) -> Response:
    """The whole answer: document, status and the headers that go with it."""
    body = json.dumps(document(error), ensure_ascii=False, separators=(",", ":"))
    response = Response(
        body.encode("utf-8", "replace"), status_code=row_of(type(error)).status, media_type=PROBLEM_JSON
    )
    for name, value in _headers(error):
        response.headers.append(name, value)
    return response


def _headers(error: domain.BerthError) -> list[tuple[str, str]]:
    if isinstance(error, domain.Unauthenticated):
        return [("WWW-Authenticate", challenge) for challenge in CHALLENGES]
    if isinstance(error, wire.MethodNotAllowed):
        return [("Allow", ", ".join(error.allowed))]
    if isinstance(error, wire.BodyTooLarge | wire.SlowBody):
        return [("Connection", "close")]
    if isinstance(error, domain.Later):
        return [("Retry-After", str(max(1, math.ceil(error.retry_after))))]
    return []
