"""What the schema of a virtual machine takes and refuses, and the command that it becomes."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from app.api.machine_schemas import MachineRequest, wish_of
from app.domain.commands import Place, Traits
from app.domain.errors import InvalidRequest
from app.domain.registrations import AddressWish, InterfaceWish, MachineWish

WHOLE: dict[str, Any] = {
    "name": "Web-01",
    "cluster": "7",
    "device": "host-3",
    "tenant": 4,
    "role": "server",
    "platform": None,
    "status": "planned",
    "vcpus": 2.5,
    "memory_mb": 4096,
    "disk_gb": 0.29,
    "description": "",
    "comments": "Made in a hurry.",
    "tags": ["b", "a"],
    "custom_fields": {"cost_center": 42},
    "interfaces": [
        {
            "name": "eth0",
            "mac_address": "52-54-00-AB-CD-EF",
            "mtu": 9000,
            "enabled": False,
            "description": None,
            "tags": [],
            "addresses": [
                {"prefix": "7", "dns_name": "Web-01.Example.ORG", "tenant": "8", "role": "9", "vrf": None},
                {"address": "2001:db8::5/64", "family": 6, "primary": True, "tags": ["x"]},
                {"ip_range": "10.20.0.10-10.20.0.50", "status": "reserved", "custom_fields": {"a": None}},
            ],
        },
        {"name": "eth1"},
    ],
    "requested_by": "ada",
    "reference": "CHG-1",
}


def wish(**body: object) -> MachineWish:
    """The command of a body."""
    return MachineRequest.model_validate(body).wish("k")


def refusals(**body: object) -> list[tuple[str, str]]:
    """Where and why a body is refused, by its schema or when its command is made."""
    try:
        MachineRequest.model_validate(body).wish("k")
    except ValidationError as error:
        return [("/".join(str(step) for step in each["loc"]), each["type"]) for each in error.errors()]
    except InvalidRequest as error:
        return [(each.pointer.lstrip("/"), each.code) for each in error.errors]
    return []


def interface(**fields: object) -> dict[str, list[dict[str, object]]]:
    """A body of one interface."""
    return {"interfaces": [{"name": "eth0", **fields}]}


def address(**fields: object) -> dict[str, list[dict[str, object]]]:
    """A body of one address on one interface."""
    return interface(addresses=[{"prefix": 7, **fields}])


def test_a_request_becomes_a_command() -> None:
    """Ids are numbers, lists are tuples, what was not sent is unset and what is null is none."""
    assert wish(**WHOLE) == MachineWish(
        key="k",
        name="Web-01",
        cluster=7,
        device="host-3",
        tenant=4,
        role="server",
        platform=None,
        status="planned",
        vcpus=2.5,
        memory_mb=4096,
        disk_mb=290,
        description="",
        comments="Made in a hurry.",
        tags=("b", "a"),
        custom_fields={"cost_center": 42},
        interfaces=(
            InterfaceWish(
                name="eth0",
                mac_address="52-54-00-AB-CD-EF",
                mtu=9000,
                enabled=False,
                description=None,
                tags=(),
                addresses=(
                    AddressWish(
                        place=Place(prefix=7, vrf=None),
                        traits=Traits(dns_name="Web-01.Example.ORG", tenant=8, role="9"),
                        sent=WHOLE["interfaces"][0]["addresses"][0],
                    ),
                    AddressWish(
                        place=Place(
                            address=ipaddress.ip_interface("2001:db8::5/64"), address_has_mask=True, family=6
                        ),
                        traits=Traits(tags=("x",)),
                        primary=True,
                        sent=WHOLE["interfaces"][0]["addresses"][1],
                    ),
                    AddressWish(
                        place=Place(ip_range="10.20.0.10-10.20.0.50"),
                        traits=Traits(status="reserved", custom_fields={"a": None}),
                        sent=WHOLE["interfaces"][0]["addresses"][2],
                    ),
                ),
                sent=WHOLE["interfaces"][0],
            ),
            InterfaceWish(name="eth1", sent={"name": "eth1"}),
        ),
        sent=WHOLE,
        requested_by="ada",
        reference="CHG-1",
    )


def test_an_empty_request_leaves_everything_alone() -> None:
    """Above all the interfaces: none is something else than not sent."""
    assert wish() == MachineWish(key="k")
    assert wish(interfaces=[]).interfaces == ()
    assert wish(**interface(addresses=[])).interfaces == (
        InterfaceWish(name="eth0", addresses=(), sent={"name": "eth0", "addresses": []}),
    )


@pytest.mark.parametrize("body", [WHOLE, {}, {"disk_mb": 5}, {"disk_gb": None}, {"vcpus": 4}, {"name": "a"}])
def test_a_command_is_made_again_from_what_was_sent(body: dict[str, Any]) -> None:
    """A restart goes on from the ledger, which holds `sent`."""
    first = wish(**body)
    assert wish_of("k", first.sent, 1000) == first


def test_a_command_that_is_made_again_does_not_adopt() -> None:
    """Neither the key nor the permission is among the fields of a machine."""
    first = wish(key="other", name="a", adopt=True)
    assert (first.adopt, first.sent) == (True, {"name": "a"})
    assert wish_of("k", first.sent, 1000) == replace(first, adopt=False)


def test_what_was_sent_and_is_refused_today_says_why() -> None:
    """The ledger may be older than the rules, or than a setting."""
    with pytest.raises(InvalidRequest, match=r"vcpus: send a number from 0\.01 to 9999\.99"):
        wish_of("k", {"vcpus": 0}, 1000)
    with pytest.raises(InvalidRequest, match=r"disk_gb: 0.29 GB of 1024 MB are no whole number of MB"):
        wish_of("k", {"disk_gb": 0.29}, 1024)


@pytest.mark.parametrize(
    ("gigabytes", "mb_per_gb", "megabytes"),
    [
        (60, 1000, 60_000),
        (60.0, 1000, 60_000),
        (0.29, 1000, 290),  # 0.29 * 1000 misses it in binary fractions
        (0.5, 1024, 512),
        (0, 1000, 0),
        (None, 1000, None),
        (2_147_483.647, 1000, 2**31 - 1),
    ],
)
def test_a_disk_in_gb_is_counted_in_mb(
    gigabytes: float | None, mb_per_gb: int, megabytes: int | None
) -> None:
    """Of 1000 MB each, unless a setting says otherwise."""
    request = MachineRequest.model_validate({"disk_gb": gigabytes})
    assert request.wish("k", mb_per_gb).disk_mb == megabytes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vcpus", 0.01),
        ("vcpus", 4),
        ("vcpus", 4.0),
        ("vcpus", 9999.99),
        ("vcpus", 0.57),  # 57 * 0.01 is another number
        ("memory_mb", 0),
        ("memory_mb", 2**31 - 1),
        ("disk_mb", 0),
        ("name", "x" * 64),
        ("comments", "x" * 10_000),
        ("interfaces", [{"name": f"eth{number}"} for number in range(32)]),
        ("interfaces", interface(addresses=[{"prefix": 7}] * 32)["interfaces"]),
        ("interfaces", interface(mtu=1)["interfaces"]),
        ("interfaces", interface(mtu=65536)["interfaces"]),
        ("interfaces", [{"name": "x" * 64}, {"name": "Eth0"}, {"name": "eth0"}]),
    ],
)
def test_a_field_is_kept_as_it_was_written(field: str, value: object) -> None:
    """The answer echoes it: 4 is not 4.0 there."""
    assert repr(wish(**{field: value}).sent) == repr({field: value})


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({"vcpus": 0}, "vcpus", "out_of_range"),
        ({"vcpus": 10_000}, "vcpus", "out_of_range"),
        ({"vcpus": 0.125}, "vcpus", "too_precise"),
        ({"vcpus": True}, "vcpus", "wrong_type"),
        ({"vcpus": "4"}, "vcpus", "wrong_type"),
        ({"memory_mb": 2**31}, "memory_mb", "less_than_equal"),
        ({"memory_mb": -1}, "memory_mb", "greater_than_equal"),
        ({"memory_mb": 1.0}, "memory_mb", "int_type"),
        ({"disk_mb": "5"}, "disk_mb", "int_type"),
        ({"disk_gb": -1}, "disk_gb", "out_of_range"),
        ({"disk_gb": "5"}, "disk_gb", "wrong_type"),
        ({"disk_gb": 0.0005}, "disk_gb", "no_whole_mb"),
        ({"disk_gb": 2_147_484}, "disk_gb", "out_of_range"),
        ({"disk_gb": 5, "disk_mb": 5000}, "disk_mb", "both_sent"),
        ({"disk_gb": None, "disk_mb": 5000}, "disk_mb", "both_sent"),
        ({"name": ""}, "name", "string_too_short"),
        ({"name": "x" * 65}, "name", "string_too_long"),
        ({"comments": "x" * 10_001}, "comments", "string_too_long"),
        ({"key": "a~1"}, "key", "key"),
        ({"key": "k" * 281}, "key", "key"),
        ({"adopt": "true"}, "adopt", "bool_type"),
        ({"cluster": ""}, "cluster", "length"),
        ({"hostname": "a"}, "hostname", "extra_forbidden"),
        ({"interfaces": None}, "interfaces", "list_type"),
        ({"interfaces": [{}]}, "interfaces/0/name", "missing"),
        ({"interfaces": [{"name": f"eth{number}"} for number in range(33)]}, "interfaces", "too_long"),
        (interface(name=""), "interfaces/0/name", "length"),
        (interface(name="x" * 65), "interfaces/0/name", "length"),
        (interface(name="eth0 "), "interfaces/0/name", "spaces"),
        (interface(name=5), "interfaces/0/name", "wrong_type"),
        (interface(mtu=0), "interfaces/0/mtu", "greater_than_equal"),
        (interface(mtu=65537), "interfaces/0/mtu", "less_than_equal"),
        (interface(mac_address="52:54:00"), "interfaces/0/mac_address", "mac_address"),
        (interface(enabled=1), "interfaces/0/enabled", "bool_type"),
        (interface(vlan=5), "interfaces/0/vlan", "extra_forbidden"),
        (interface(addresses=None), "interfaces/0/addresses", "list_type"),
        (interface(addresses=[{"prefix": 7}] * 33), "interfaces/0/addresses", "too_long"),
        (address(prefix="10.0.0.1/8"), "interfaces/0/addresses/0/prefix", "host_bits_set"),
        (address(primary="yes"), "interfaces/0/addresses/0/primary", "bool_type"),
        (address(hold_seconds=5), "interfaces/0/addresses/0/hold_seconds", "extra_forbidden"),
        (address(name_pattern="a-{n}"), "interfaces/0/addresses/0/name_pattern", "extra_forbidden"),
        (address(key="a"), "interfaces/0/addresses/0/key", "extra_forbidden"),
    ],
)
def test_a_field_of_the_wrong_form_is_refused(body: dict[str, Any], place: str, code: str) -> None:
    """Once, at its place, and with a stable word."""
    assert refusals(**body) == [(place, code)]


def test_a_site_is_refused_with_the_reason() -> None:
    """Not as a field that nobody knows: people send it to NetBox."""
    assert refusals(site="matrix") == [("site", "site_instead_of_cluster")]
    assert refusals(site=None, cluster="matrix") == [("site", "site_instead_of_cluster")]
    with pytest.raises(ValidationError, match="NetBox keeps their names unique only there; send `cluster`"):
        MachineRequest.model_validate({"site": "matrix"})


def test_what_stands_in_a_request_twice_is_refused() -> None:
    """Every name and every MAC address of an interface, however it is written."""
    macs = ("52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef", "5254.00ab.cdef")
    named = [{"name": f"eth{number}", "mac_address": mac} for number, mac in enumerate(macs)]
    assert refusals(interfaces=[*named, {"name": "eth0"}, {"name": "eth9", "mac_address": None}]) == [
        ("interfaces/1/mac_address", "repeated"),
        ("interfaces/2/mac_address", "repeated"),
        ("interfaces/3/name", "repeated"),
    ]


def test_there_is_an_end_to_the_addresses_of_a_machine() -> None:
    """64 on all interfaces together: one request is to end in time."""
    sixteen = [{"name": f"eth{number}", "addresses": [{"prefix": 7}] * 16} for number in range(5)]
    assert refusals(interfaces=sixteen[:4]) == []
    assert refusals(interfaces=sixteen) == [("interfaces", "too_many")]
