"""What the schema of an allocation takes and refuses."""

import ipaddress

import pytest
from pydantic import ValidationError

from app.api.schemas import AllocationRequest
from app.domain.commands import UNSET, Target, Traits


def refusals(**body: object) -> list[tuple[str, str]]:
    """Where and why a body is refused."""
    with pytest.raises(ValidationError) as caught:
        AllocationRequest.model_validate(body)
    return [("/".join(str(step) for step in error["loc"]), error["type"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefix", "10.20.0.0/24"),
        ("prefix", "2001:DB8::/64"),
        ("prefix", "7"),
        ("prefix", 7),
        ("ip_range", "10.20.0.10-10.20.0.50"),
        ("ip_range", "2001:db8::1 - 2001:db8::ff"),
        ("ip_range", 3),
        ("vrf", "blue"),
        ("vrf", "65000:1"),
        ("vrf", 2),
        ("vrf", None),
        ("address", "10.20.0.5"),
        ("address", "10.20.0.5/24"),
        ("address", "2001:db8::5"),
        ("family", 4),
        ("family", 6),
        ("dns_name", "Web-01.Example.ORG"),
        ("dns_name", "bücher.example"),  # the naming convention says what it thinks of it
        ("tenant", "acme"),
        ("tenant", 4),
        ("tags", []),
        ("tags", ["a", "b"]),
        ("custom_fields", {"cost_center": 42, "list": [1, {"a": None}]}),
        ("mac_address", "52:54:00:ab:CD:ef"),
        ("mac_address", "52-54-00-ab-cd-ef"),
        ("mac_address", "5254.00ab.cdef"),
        ("assign_to", None),
        ("assign_to", {"device": "foxtrot", "interface": "eth0"}),
        ("assign_to", {"virtual_machine": "7", "interface": "ens18"}),
        ("assign_to", {"device": None, "virtual_machine": 7, "interface": "ens18"}),
        ("hold_seconds", 1),
        ("hold_seconds", 30 * 24 * 3600),
        ("description", ""),
        ("description", "x" * 200),
    ],
)
def test_a_field_is_kept_as_it_was_written(field: str, value: object) -> None:
    """The answer echoes it."""
    request = AllocationRequest.model_validate({field: value})
    assert request.wish("k").sent == {field: value}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("prefix", "10.20.0.1/24", "host_bits_set"),
        ("prefix", "10.20.0.0", "cidr"),  # no mask length
        ("prefix", "10.20.0.0/255.255.255.0", "cidr"),
        ("prefix", "10.20.0.0/33", "cidr"),
        ("prefix", "fe80::%eth0/64", "cidr"),
        ("prefix", "servers", "cidr"),
        ("prefix", "", "length"),
        ("prefix", "\u0667", "cidr"),  # a digit, but not an ASCII one
        ("prefix", 0, "id"),
        ("prefix", "007", "id"),
        ("prefix", -1, "id"),
        ("prefix", 2**53, "id"),
        ("prefix", "9" * 90, "id"),
        ("prefix", True, "wrong_type"),
        ("prefix", 7.0, "wrong_type"),
        ("prefix", ["7"], "wrong_type"),
        ("ip_range", "10.20.0.50-10.20.0.10", "range"),  # the wrong way round
        ("ip_range", "10.20.0.10-2001:db8::1", "range"),
        ("ip_range", "10.20.0.10", "range"),
        ("vrf", "", "length"),
        ("vrf", "x" * 101, "length"),
        ("address", "10.20.0.5/255.255.255.0", "address"),
        ("address", "fe80::1%eth0", "address"),
        ("address", "10.20.0", "address"),
        ("address", 5, "wrong_type"),
        ("family", 5, "not_a_choice"),
        ("family", "4", "not_a_choice"),
        ("family", True, "not_a_choice"),
        ("dns_name", "x" * 256, "string_too_long"),
        ("dns_name", 5, "string_type"),
        ("description", "x" * 201, "string_too_long"),
        ("status", "", "string_too_short"),
        ("tags", "a", "list_type"),
        ("tags", ["x"] * 101, "too_long"),
        ("custom_fields", [], "wrong_type"),
        ("custom_fields", {"a-b": 1}, "custom_field"),
        ("mac_address", "52:54:00", "mac_address"),
        ("mac_address", "52:54-00:ab:cd:ef", "mac_address"),
        ("adopt", None, "bool_type"),
        ("adopt", "true", "bool_type"),
        ("adopt", 1, "bool_type"),
        ("assign_to", {"interface": "eth0"}, "contradiction"),
        ("assign_to", {"device": "a", "virtual_machine": "b", "interface": "eth0"}, "contradiction"),
        ("assign_to", "foxtrot", "model_type"),
        ("hold_seconds", 0, "greater_than_equal"),
        ("hold_seconds", 30 * 24 * 3600 + 1, "less_than_equal"),
        ("hold_seconds", "60", "int_type"),
        ("hold_seconds", True, "int_type"),
        ("key", 5, "string_type"),
    ],
)
def test_a_field_of_the_wrong_form_is_refused(field: str, value: object, code: str) -> None:
    """Once, and with a stable word."""
    assert refusals(**{field: value}) == [(field, code)]


def test_a_prefix_with_host_bits_is_told_the_network_it_probably_means() -> None:
    """So that nobody has to work it out."""
    with pytest.raises(ValidationError, match=r"did you mean 10\.20\.0\.0/24\?"):
        AllocationRequest.model_validate({"prefix": "10.20.0.77/24"})


def test_the_tags_are_refused_one_by_one() -> None:
    """Each with its place."""
    assert refusals(tags=["ok", "", 5]) == [("tags/1", "string_too_short"), ("tags/2", "string_type")]


def test_an_interface_is_refused_part_by_part() -> None:
    """Each with its place."""
    assert refusals(assign_to={"device": 0, "interface": "", "slot": 1}) == [
        ("assign_to/device", "id"),
        ("assign_to/interface", "string_too_short"),
        ("assign_to/slot", "extra_forbidden"),
    ]


def test_all_violations_are_reported_at_once() -> None:
    """Nobody should have to send a request five times to learn five things."""
    assert [place for place, _ in refusals(prefix="x", family=5, hold_seconds=0, color="red")] == [
        "prefix",
        "family",
        "hold_seconds",
        "color",
    ]


def test_digits_become_an_id_for_the_desk() -> None:
    """While what was sent stays text."""
    wish = AllocationRequest.model_validate(
        {"prefix": "7", "ip_range": "8", "vrf": "9", "tenant": "10"}
    ).wish("k")
    assert (wish.place.prefix, wish.place.ip_range, wish.place.vrf, wish.traits.tenant) == (7, 8, 9, 10)
    assert wish.sent == {"prefix": "7", "ip_range": "8", "vrf": "9", "tenant": "10"}


def test_an_interface_becomes_a_target_for_the_desk() -> None:
    """Of a device or VM by name, or by its id in digits."""
    targets = [
        AllocationRequest.model_validate({"assign_to": {parent: name, "interface": "eth0"}}).wish("k")
        for parent, name in (("device", "foxtrot"), ("virtual_machine", "7"))
    ]
    assert [wish.traits.assign_to for wish in targets] == [
        Target("device", "foxtrot", "eth0"),
        Target("virtual_machine", 7, "eth0"),
    ]


def test_a_trait_that_was_not_sent_is_unset_and_a_null_one_is_none() -> None:
    """Unset is left alone, null clears."""
    wish = AllocationRequest.model_validate({"dns_name": None, "tags": None, "tenant": None}).wish("k")
    assert wish.traits == Traits(dns_name=None, tags=None, tenant=None)
    assert wish.traits.description is UNSET


def test_an_address_with_a_mask_is_told_from_one_without() -> None:
    """The mask counts only if it was sent."""
    places = [
        AllocationRequest.model_validate({"address": text}).wish("k").place
        for text in ("10.0.0.5", "10.0.0.5/24")
    ]
    assert [place.address for place in places] == [
        ipaddress.ip_interface("10.0.0.5/32"),
        ipaddress.ip_interface("10.0.0.5/24"),
    ]
    assert [place.address_has_mask for place in places] == [False, True]


def test_adopting_is_not_part_of_what_was_sent() -> None:
    """A repeat without it is the same request."""
    wishes = [
        AllocationRequest.model_validate({"address": "10.0.0.5", **words}).wish("k")
        for words in ({}, {"adopt": False}, {"adopt": True})
    ]
    assert [wish.adopt for wish in wishes] == [False, False, True]
    assert [wish.sent for wish in wishes] == [{"address": "10.0.0.5"}] * 3


def test_who_asked_for_it_reaches_the_audit_log() -> None:
    """The person and the ticket."""
    wish = AllocationRequest.model_validate({"requested_by": "ada", "reference": "CHG-1"}).wish("k")
    assert (wish.requested_by, wish.reference) == ("ada", "CHG-1")
