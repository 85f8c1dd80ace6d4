"""What a failed call to NetBox means to a caller."""

import pytest

from app.domain import errors
from app.domain.inventory import coexist
from app.domain.translation import to_error
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    Missing,
    NoRoom,
    NotSent,
    PermissionRefused,
    Rejected,
    Stale,
    TokenRefused,
    Unsure,
    UpstreamError,
)

FAULT = ItemFault(FaultKind.OTHER, {"status": "no choice", "__all__": "as a whole"})


@pytest.mark.parametrize(
    ("error", "write", "read"),
    [
        (NotSent("refused"), errors.NetBoxUnavailable, errors.NetBoxUnavailable),
        (NotSent("queue", overloaded=True), errors.Overloaded, errors.Overloaded),
        (Unsure("timeout"), errors.OutcomeUnknown, errors.NetBoxUnavailable),
        (TokenRefused("expired"), errors.NetBoxDenied, errors.NetBoxDenied),
        (PermissionRefused("no"), errors.NetBoxDenied, errors.NetBoxDenied),
        (Missing("gone"), errors.NotFound, errors.NotFound),
        (Stale("changed"), errors.StillWorking, errors.StillWorking),
        (Rejected("no", {2: FAULT}), errors.RefusedByNetBox, errors.RefusedByNetBox),
        (Rejected("no"), errors.RefusedByNetBox, errors.RefusedByNetBox),
        (NoRoom("?"), errors.NetBoxNonsense, errors.NetBoxNonsense),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, UpstreamError) else None,
)
def test_an_error_has_a_meaning(error: UpstreamError, write: type[object], read: type[object]) -> None:
    """A read that failed has changed nothing; a write may have."""
    assert (type(to_error(error)), type(to_error(error, read=True))) == (write, read)


def test_a_refusal_points_to_its_fields() -> None:
    """What concerns no single field points to the whole; how long to wait is passed on."""
    refusal = to_error(Rejected("no", {1: FAULT}))
    assert [(each.pointer, each.detail) for each in refusal.errors] == [
        ("/status", "no choice"),
        ("", "as a whole"),
    ]
    later = to_error(NotSent("busy", retry_after=7.0))
    assert isinstance(later, errors.Later)
    assert later.retry_after == 7.0


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("custom_fields.nosuch", "/custom_fields/nosuch"),
        ("custom_fields.a/b~c", "/custom_fields/a~1b~0c"),
        ("non_field_errors", ""),
    ],
)
def test_a_pointer_leads_into_what_is_nested(name: str, pointer: str) -> None:
    """As RFC 6901 writes it."""
    refusal = to_error(Rejected("no", {0: ItemFault(FaultKind.OTHER, {name: "unknown"})}))
    assert [each.pointer for each in refusal.errors] == [pointer]


def test_an_error_says_what_to_do_by_default() -> None:
    """Its docstring, on one line."""
    assert errors.InUse().detail == (
        "Somebody else uses this address in NetBox. Unassign it there first, or let an operator release it "
        "with `force`."
    )


def test_an_error_that_is_one_violation_lists_it() -> None:
    """With its own code and text; entries of its own, or another pointer, go before."""
    taken = errors.AddressTaken()
    assert taken.errors == (errors.Violation("/address", "address_taken", taken.detail),)
    assert errors.PrefixNotFound(pointer="/ip_range").errors[0].pointer == "/ip_range"
    other = errors.Violation("/x", "y", "z")
    assert errors.NameTaken(errors=[other]).errors == (other,)
    assert errors.PrefixExhausted().errors == ()


@pytest.mark.parametrize(
    ("one", "other", "both"), [("vip", "anycast", True), ("vip", None, False), (None, None, False)]
)
def test_two_addresses_coexist_only_with_shared_roles(one: str | None, other: str | None, both: bool) -> None:
    """On both sides."""
    assert coexist(one, other) is both
