"""`berth doctor --report`: faults are planted in a NetBox, and each is found; nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.emulator import SEED_TOKEN, create_app, running
from tests.cli.said import berth
from tests.netbox_room.conftest import Admin

POLICY = """
version: 1
names:
  dns:
    - {name: lab, scope: {domains: [lab.example]}, pattern: 'lab-[0-9]+[.]lab[.]example'}
prefixes:
  - {prefix: 10.3.0.0/24, gateway: 10.3.0.254}
  - {prefix: 10.4.0.0/24, gateway: {custom_field: gateway}}
  - {prefix: 10.5.0.0/24, gateway: {role: anycast}}
"""


@pytest.fixture(scope="module")
def admin() -> Iterator[Admin]:
    """An empty NetBox without Berth's fields, in which faults are planted."""
    with running(create_app()) as url, Admin(url, SEED_TOKEN) as admin:
        plant(admin)
        yield admin


def plant(admin: Admin) -> None:
    """One of each kind that is to be found, beside what looks like it and is none."""
    free = admin.make("ipam/vrfs", name="free", enforce_unique=False)["id"]
    address = "ipam/ip-addresses"
    for mask in (24, 32):
        admin.make(address, address=f"10.0.0.9/{mask}", vrf=free)
        admin.make(address, address=f"10.0.0.8/{mask}", vrf=free, role="anycast")
    admin.make(address, address="10.0.0.9/24")  # in another VRF
    for network in ("10.0.0.0/24", "10.1.0.0/24", "10.1.0.0/25"):
        admin.make("ipam/prefixes", prefix=network)
    admin.make("ipam/prefixes", prefix="10.0.0.0/8", status="container")
    admin.make(address, address="10.1.0.1/24", dns_name="lab-1.lab.example")
    admin.make(address, address="10.1.0.2/24", dns_name="docker_1.example.com")
    admin.make(address, address="10.1.0.3/24", dns_name="web.lab.example")
    admin.make("ipam/prefixes", prefix="10.9.0.0/31")  # point to point
    for network in ("10.3.0.0/24", "10.4.0.0/24", "10.5.0.0/24"):
        admin.make("ipam/prefixes", prefix=network)
    admin.make("ipam/prefixes", prefix="10.2.0.0/29")
    for host in range(1, 6):
        admin.make(address, address=f"10.2.0.{host}/29")


def sections(text: str) -> dict[str, list[str]]:
    """The lines of each kind."""
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        title.partition(":")[0]: [line[2:] for line in body.splitlines() if line.startswith("- ")]
        for title, body in zip(found[::2], found[1::2], strict=True)
    }


def report(admin: Admin, *more: str, **environ: str) -> str:
    """Run the command, with no more settings than it needs."""
    variables = {"NETBOX_URL": admin.url, "NETBOX_API_TOKEN": SEED_TOKEN, **environ}
    said = berth("doctor", "--report", *more, **variables)
    assert said.code == 0, said.err
    return said.out


def test_each_planted_fault_is_found_and_nothing_else(admin: Admin) -> None:
    """Without a policy: RFC 1123 names, and the first address is taken for the gateway."""
    found = sections(report(admin))
    assert found == {
        "Addresses that are there more than once": ["10.0.0.9 in VRF free: 2 times"],
        "Prefixes that are there more than once": [],
        "Gateways that are not recorded": [
            "10.0.0.0/24: 10.0.0.1",
            "10.3.0.0/24: 10.3.0.1",
            "10.4.0.0/24: 10.4.0.1",
            "10.5.0.0/24: 10.5.0.1",
        ],
        "Prefixes that hand out their children's addresses": [
            "10.1.0.0/24 (active): 1 inside",
            "10.0.0.0/8 (container): 8 inside",
        ],
        "Names that break the convention": ["docker_1.example.com (10.1.0.2): name.underscore"],
        "How full": [
            "10.2.0.0/29: 83% (5 of 6)",
            "10.1.0.0/25: 2% (3 of 126)",
            "10.1.0.0/24: 1% (3 of 254)",
            "10.0.0.0/24: 0% (1 of 254)",
        ],
    }


def test_the_policy_says_where_gateways_are_and_how_names_look(admin: Admin, tmp_path: Path) -> None:
    """A gateway that a role or a field marks, and nothing does, is not known; so it is not missed."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    found = sections(report(admin, BERTH_POLICY_FILE=str(file)))
    assert found["Gateways that are not recorded"] == ["10.0.0.0/24: 10.0.0.1", "10.3.0.0/24: 10.3.0.254"]
    assert found["Names that break the convention"] == [
        "docker_1.example.com (10.1.0.2): name.underscore",
        "web.lab.example (10.1.0.3): name.pattern",
    ]


def test_a_long_report_is_cut_and_says_so(admin: Admin) -> None:
    """The numbers in the headings are whole."""
    text = report(admin, "--most", "1")
    assert "## Gateways that are not recorded: 4" in text
    assert sections(text)["Gateways that are not recorded"] == ["10.0.0.0/24: 10.0.0.1", "and 3 more"]


def test_it_can_be_shared_and_has_changed_nothing(admin: Admin) -> None:
    """Neither the server nor the token is named; and NetBox's change log is as long as before."""
    changes = f"{admin.url}/api/core/object-changes/"
    before = admin.get(changes).json()["count"]
    text = report(admin)
    assert admin.url not in text
    assert SEED_TOKEN not in text
    assert admin.get(changes).json()["count"] == before


def test_a_token_that_may_look_is_enough_and_one_that_may_not_is_told(admin: Admin) -> None:
    """In plain words, with exit code 2."""
    said = berth("doctor", "--report", NETBOX_URL=admin.url, NETBOX_API_TOKEN="0" * 40)
    assert said.code == 2
    assert "token" in said.err.lower()
