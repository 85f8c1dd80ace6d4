"""What a failed call to NetBox means to a caller."""

from collections.abc import Mapping

from app.domain.errors import (
    BerthError,
    NetBoxDenied,
    NetBoxNonsense,
    NetBoxUnavailable,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    RefusedByNetBox,
    StillWorking,
    Violation,
)
from app.domain.upstream import (
    ItemFault,
    Missing,
    NotSent,
    PermissionRefused,
    Rejected,
    Stale,
    TokenRefused,
    Unsure,
    UpstreamError,
)


def refused_item(fault: ItemFault) -> RefusedByNetBox:
    """NetBox's refusal of one item, field by field, under Berth's names for the fields."""
    errors = [Violation(_pointer(name), "netbox", text) for name, text in fault.messages.items()]
    details = "; ".join(error.detail for error in errors)
    return RefusedByNetBox(f"NetBox refused the values of this request: {details}", errors=errors)


def _pointer(name: str) -> str:
    """A JSON pointer (RFC 6901) to a field, however deep: `custom_fields.colour` is /custom_fields/colour."""
    if name in ("__all__", "non_field_errors", "detail", ""):
        return ""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in name.split("."))


def to_error(error: UpstreamError, *, read: bool = False) -> BerthError:
    """The refusal that a caller sees. A read that failed has changed nothing, whatever happened to it."""
    if isinstance(error, NotSent):
        kind = Overloaded if error.overloaded else NetBoxUnavailable
        return kind(retry_after=error.retry_after)
    if isinstance(error, Unsure):
        return NetBoxUnavailable() if read else OutcomeUnknown()
    if isinstance(error, TokenRefused | PermissionRefused):
        return NetBoxDenied(f"{' '.join((NetBoxDenied.__doc__ or '').split())} NetBox says: {error}")
    if isinstance(error, Rejected):
        return _rejected(error.items, str(error))
    return _of_the_object(error)


def _of_the_object(error: UpstreamError) -> BerthError:
    if isinstance(error, Missing):
        return NotFound()
    if isinstance(error, Stale):
        return StillWorking("The object keeps changing in NetBox; send the same request again.")
    return NetBoxNonsense()


def _rejected(items: Mapping[int, ItemFault], detail: str) -> BerthError:
    if items:
        return refused_item(items[min(items)])
    return RefusedByNetBox(f"NetBox refused the values of this request: {detail}")
