"""The life of a virtual machine under Terraform, and a preview that takes nothing."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.client import INTERFACES, MACHINES, Row, unique
from tests.end_to_end.spaces import hosts, key
from tests.terraform.conftest import TOKEN
from tests.terraform.test_address import held

if TYPE_CHECKING:
    from tests.contract.client import NetBox
    from tests.end_to_end.spaces import Spaces
    from tests.terraform.program import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(240)]

MACHINE = """
variable "berth_url" {}
variable "berth_token" { sensitive = true }
variable "key" {}
variable "name" {}
variable "cluster" {}
variable "memory_mb" { default = 2048 }
variable "interfaces" { type = any }

module "machine" {
  source      = "./berth-vm"
  berth_url   = var.berth_url
  berth_token = var.berth_token
  key         = var.key
  name        = var.name
  cluster     = var.cluster
  memory_mb   = var.memory_mb
  interfaces  = var.interfaces
}

resource "terraform_data" "built_on_it" {
  triggers_replace = [module.machine.primary_ip4]
}

output "out" { value = module.machine }
output "built" { value = terraform_data.built_on_it.id }
"""
PREVIEW = """
variable "berth_url" {}
variable "prefix_id" { type = number }

module "free" {
  source      = "./berth-preview"
  berth_url   = var.berth_url
  berth_token = null
  prefix_id   = var.prefix_id
  limit       = 2
}

output "out" { value = module.free.available_ips }
"""


@pytest.fixture
def wanted(terraform: Terraform, netbox: NetBox, spaces: Spaces) -> dict[str, Any]:
    """A configuration with one machine, initialised, and its variables: one interface, one address."""
    terraform.write(MACHINE)
    return {
        "berth_token": TOKEN,
        "key": key(),
        "name": unique("vm"),
        "cluster": netbox.cluster()["name"],
        "interfaces": [interface("eth0", spaces.prefix(), "52:54:00:12:34:56")],
    }


def interface(name: str, prefix: str, mac_address: str | None = None) -> dict[str, Any]:
    """An interface with the next address of a prefix."""
    more = {"mac_address": mac_address} if mac_address else {}
    return {"name": name, "addresses": [{"prefix": prefix}], **more}


def machines(netbox: NetBox, name: str) -> list[Row]:
    """Every machine of that name in NetBox."""
    return netbox.found(MACHINES, name=name)


def test_a_machine_lives_as_long_as_its_resources(
    terraform: Terraform, netbox: NetBox, spaces: Spaces, wanted: dict[str, Any]
) -> None:
    """Registered with its address, unchanged by a second apply, retired with everything, twice."""
    prefix = wanted["interfaces"][0]["addresses"][0]["prefix"]
    assert terraform.has_changes(**wanted)
    assert machines(netbox, wanted["name"]) == []
    terraform.apply(**wanted)
    out = terraform.output()
    [row] = machines(netbox, wanted["name"])
    assert (str(row["id"]), row["memory"]) == (out["netbox_id"], 2048)
    assert row["primary_ip4"]["address"] == out["interfaces"]["eth0"]["addresses"][0]["address"]
    assert (out["primary_ip4"], out["primary_ip6"]) == (hosts(prefix)[0], None)
    assert not terraform.has_changes(**wanted)
    assert "0 added, 0 changed, 0 destroyed" in terraform.apply(**wanted)
    for _ in range(2):
        terraform.destroy(**wanted)
        assert machines(netbox, wanted["name"]) == []
        assert held(spaces, prefix) == {}


def test_a_machine_changes_in_place(terraform: Terraform, netbox: NetBox, wanted: dict[str, Any]) -> None:
    """Neither the machine nor what is built on its address is replaced when its memory changes."""
    terraform.apply(**wanted)
    before, built = terraform.output(), terraform.output("built")
    terraform.apply(**{**wanted, "memory_mb": 4096})
    [row] = machines(netbox, wanted["name"])
    assert row["memory"] == 4096
    assert (terraform.output(), terraform.output("built")) == (before, built)


def test_a_second_interface_leaves_the_first_address_alone(
    terraform: Terraform, netbox: NetBox, spaces: Spaces, wanted: dict[str, Any]
) -> None:
    """It is added to the same machine; taken out again, its address is released."""
    terraform.apply(**wanted)
    before, second = terraform.output(), spaces.prefix()
    more = {**wanted, "interfaces": [*wanted["interfaces"], interface("eth1", second)]}
    terraform.apply(**more)
    after = terraform.output()
    assert (after["netbox_id"], after["primary_ip4"]) == (before["netbox_id"], before["primary_ip4"])
    assert list(held(spaces, second).values()) == [after["interfaces"]["eth1"]["addresses"][0]["address"]]
    assert not terraform.has_changes(**more)
    terraform.apply(**wanted)
    assert held(spaces, second) == {}
    assert [row["name"] for row in netbox.found(INTERFACES, virtual_machine_id=after["netbox_id"])] == [
        "eth0"
    ]


def test_another_cluster_replaces_the_machine(
    terraform: Terraform, netbox: NetBox, wanted: dict[str, Any]
) -> None:
    """One cannot move, so it is retired and registered anew."""
    terraform.apply(**wanted)
    before = terraform.output()
    other = netbox.cluster()
    terraform.apply(**{**wanted, "cluster": other["name"]})
    [row] = machines(netbox, wanted["name"])
    assert row["cluster"]["id"] == other["id"]
    assert str(row["id"]) == terraform.output()["netbox_id"] != before["netbox_id"]


def test_a_preview_takes_nothing(terraform: Terraform, spaces: Spaces) -> None:
    """However often it is planned and applied, the same addresses are free."""
    terraform.write(PREVIEW)
    row = spaces.made()
    free = [f"{host}/28" for host in hosts(row["prefix"])[:2]]
    for _ in range(2):
        terraform.apply(prefix_id=row["id"])
        assert terraform.output() == free
        assert not terraform.has_changes(prefix_id=row["id"])
    assert spaces.inside(row["prefix"]) == []
    assert ipaddress.ip_interface(free[0]).network == ipaddress.ip_network(row["prefix"])
