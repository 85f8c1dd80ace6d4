"""The life of an address under Terraform. After each step NetBox holds exactly what the state says."""

from __future__ import annotations

import ipaddress
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.program import wait_until
from tests.end_to_end.spaces import PLAIN_V6, Spaces, hosts, key
from tests.faults.proxy import Fault
from tests.terraform.conftest import TOKEN

if TYPE_CHECKING:
    from tests.contract.client import NetBox
    from tests.end_to_end.program import Desk, Program
    from tests.faults.proxy import FaultProxy
    from tests.terraform.program import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(240)]

ONE = """
variable "berth_url" {}
variable "key" {}
variable "prefix" {}
variable "description" { default = "first" }
variable "dns_name" { default = null }

module "address" {
  source      = "./berth-address"
  berth_url   = var.berth_url
  berth_token = null
  key         = var.key
  prefix      = var.prefix
  dns_name    = var.dns_name
  description = var.description
}

resource "terraform_data" "built_on_it" {
  triggers_replace = [module.address.ip, module.address.gateway]
}

output "out" { value = module.address }
output "built" { value = terraform_data.built_on_it.id }
"""
MANY = """
variable "berth_url" {}
variable "keys" { type = set(string) }
variable "prefix" {}

module "address" {
  source      = "./berth-address"
  for_each    = var.keys
  berth_url   = var.berth_url
  berth_token = null
  key         = each.key
  prefix      = var.prefix
}

output "out" { value = { for key, each in module.address : key => each.address } }
"""
EVERYTHING = """
variable "berth_url" {}
variable "berth_token" { sensitive = true }
variable "key" {}
variable "prefix" {}
variable "address" {}
variable "tag" {}
variable "virtual_machine" {}

module "address" {
  source       = "./berth-address"
  berth_url    = "${var.berth_url}/"
  berth_token  = var.berth_token
  key          = var.key
  prefix       = var.prefix
  address      = var.address
  family       = 6
  dns_name     = "Host-${var.key}.plain.test"
  description  = ""
  status       = "reserved"
  tags         = [var.tag]
  mac_address  = "52:54:00:12:34:57"
  assign_to    = { virtual_machine = var.virtual_machine, interface = "eth0" }
  hold_seconds = 600
}

output "out" { value = module.address }
"""
GONE = "Unable to find remote state"
AGAIN = "-replace=module.address.terraform_data.made"


def held(spaces: Spaces, prefix: str) -> dict[str, str]:
    """What NetBox holds in a prefix: addresses by key, none of them twice, none without one."""
    rows = spaces.inside(prefix)
    found = {row["custom_fields"]["berth_key"]: row["address"] for row in rows}
    assert len(found) == len(set(found.values())) == len(rows), rows
    return found


@pytest.fixture
def one(terraform: Terraform, spaces: Spaces) -> dict[str, Any]:
    """A configuration with one address, initialised, and its variables."""
    terraform.write(ONE)
    return {"key": key(), "prefix": spaces.prefix()}


def test_an_address_lives_as_long_as_its_resources(
    terraform: Terraform, spaces: Spaces, one: dict[str, Any]
) -> None:
    """A plan makes nothing, an apply makes one, another finds no change, destroy releases it; and again."""
    terraform.ok("validate")
    prefix = one["prefix"]
    assert terraform.has_changes(**one)
    assert held(spaces, prefix) == {}
    terraform.apply(**one)
    out = terraform.output()
    assert held(spaces, prefix) == {one["key"]: out["address"]}
    assert (out["ip"], out["prefix_length"], out["family"]) == (hosts(prefix)[0], 28, 4)
    assert out["proxmox"] == f"ip={out['address']}"
    assert not terraform.has_changes(**one)
    assert "0 added, 0 changed, 0 destroyed" in terraform.apply(**one)
    assert held(spaces, prefix) == {one["key"]: out["address"]}
    for _ in range(2):
        terraform.destroy(**one)
        assert held(spaces, prefix) == {}


def test_what_may_change_changes_in_place(terraform: Terraform, spaces: Spaces, one: dict[str, Any]) -> None:
    """The object in NetBox stays, and so does what is built on the address: it is not even in the plan."""
    terraform.apply(**one)
    before, built = terraform.output(), terraform.output("built")
    changed = {**one, "description": 'second "quoted" $HOME ü', "dns_name": spaces.name()}
    terraform.apply(**changed)
    row = spaces.read(before["netbox_id"])
    assert (row["description"], row["dns_name"]) == (changed["description"], changed["dns_name"])
    assert (terraform.output(), terraform.output("built")) == (before, built)
    assert not terraform.has_changes(**changed)
    assert held(spaces, one["prefix"]) == {one["key"]: before["address"]}


def test_another_prefix_replaces(terraform: Terraform, spaces: Spaces, one: dict[str, Any]) -> None:
    """The old address is released, the new one made, and what is built on it replaced."""
    terraform.apply(**one)
    built, other = terraform.output("built"), spaces.prefix()
    terraform.apply(**{**one, "prefix": other})
    assert held(spaces, one["prefix"]) == {}
    assert held(spaces, other) == {one["key"]: terraform.output()["address"]}
    assert terraform.output("built") != built


def test_what_was_deleted_in_netbox_is_seen_by_the_next_plan(
    terraform: Terraform, spaces: Spaces, one: dict[str, Any]
) -> None:
    """The plan fails, whether or not it would change something; with -replace the address is made again."""
    terraform.apply(**one)
    spaces.remove(terraform.output()["netbox_id"])
    for variables in (one, {**one, "description": "second"}):
        status, said = terraform.run("plan", "-input=false", **variables)
        assert (status, GONE in said) == (1, True), said
    terraform.apply(AGAIN, **one)
    assert held(spaces, one["prefix"]) == {one["key"]: terraform.output()["address"]}
    assert not terraform.has_changes(**one)


def test_what_was_deleted_in_netbox_can_be_destroyed(
    terraform: Terraform, spaces: Spaces, one: dict[str, Any]
) -> None:
    """Without the read that finds nothing."""
    terraform.apply(**one)
    spaces.remove(terraform.output()["netbox_id"])
    terraform.ok("destroy", "-auto-approve", "-refresh=false", **one)
    assert held(spaces, one["prefix"]) == {}
    assert terraform.ok("state", "list") == ""


def test_a_refusal_says_what_to_do_and_leaves_nothing_behind(
    terraform: Terraform, spaces: Spaces, one: dict[str, Any]
) -> None:
    """The apply shows Berth's own words; a corrected one goes through, and destroy leaves nothing."""
    status, said = terraform.run("apply", "-auto-approve", **{**one, "dns_name": "bad_name.plain.test"})
    assert status == 1
    assert '"code":"name_refused"' in said
    assert TOKEN not in said
    assert held(spaces, one["prefix"]) == {}
    terraform.apply(**one)
    assert held(spaces, one["prefix"]) == {one["key"]: terraform.output()["address"]}
    status, _ = terraform.run("apply", "-auto-approve", **{**one, "dns_name": "bad_name.plain.test"})
    assert status == 1
    terraform.destroy(**one)
    assert held(spaces, one["prefix"]) == {}


def test_every_variable_arrives_as_what_it_is(
    terraform: Terraform, netbox: NetBox, spaces: Spaces, desk: Desk
) -> None:
    """Numbers, lists and objects as such, an address in IPv6, and the token from a variable."""
    prefix, tag, machine = spaces.prefix(PLAIN_V6, 120), netbox.tag(), netbox.machine()
    netbox.interface(machine)
    address = str(ipaddress.ip_network(prefix)[9])
    given = {
        "berth_token": TOKEN,
        "key": key(),
        "prefix": prefix,
        "address": address,
        "tag": tag["slug"],
        "virtual_machine": machine["name"],
    }
    terraform.write(EVERYTHING)
    terraform.apply(**given)
    out, shown = terraform.output(), desk.get(given["key"]).json()
    assert (out["ip"], out["family"], out["netmask"]) == (address, 6, shown["netmask"])
    assert out["proxmox"] == f"ip6={address}/120"
    assert (shown["dns_name"], shown["status"]) == (f"Host-{given['key']}.plain.test", "reserved")
    assert (shown["state"], shown["hold_seconds"], shown["tags"]) == ("held", 600, [tag["slug"]])
    assert shown["assign_to"] == {"virtual_machine": machine["name"], "interface": "eth0"}
    assert not terraform.has_changes(**given)
    terraform.destroy(**given)
    assert held(spaces, prefix) == {}


def test_no_token_is_in_the_state(terraform: Terraform, one: dict[str, Any]) -> None:
    """It is taken from the environment."""
    terraform.apply(**one)
    assert TOKEN not in (terraform.folder / "terraform.tfstate").read_text()


def test_thirty_at_once_and_ten_of_them_go(terraform: Terraform, spaces: Spaces) -> None:
    """Each has an address of its own; what leaves the set is released."""
    terraform.write(MANY)
    prefix, keys = spaces.prefix(length=26), [key() for _ in range(30)]
    terraform.apply("-parallelism=30", keys=keys, prefix=prefix)
    first = terraform.output()
    assert held(spaces, prefix) == first
    assert set(first) == set(keys)
    assert not terraform.has_changes(keys=keys, prefix=prefix)
    terraform.apply("-parallelism=30", keys=keys[:20], prefix=prefix)
    assert held(spaces, prefix) == terraform.output() == {each: first[each] for each in keys[:20]}
    terraform.destroy(keys=keys[:20], prefix=prefix)
    assert held(spaces, prefix) == {}


def test_berth_may_be_killed_in_the_middle_of_an_apply(
    terraform: Terraform, spaces: Spaces, service: Program
) -> None:
    """And started again: the apply goes through, without an address too many or twice."""
    terraform.write(MANY)
    prefix, keys = spaces.prefix(length=26), [key() for _ in range(30)]
    applying = terraform.start("apply", "-auto-approve", "-parallelism=10", keys=keys, prefix=prefix)
    wait_until(lambda: bool(held(spaces, prefix)), "some are made")
    assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    assert applying.goes_on()
    made = len(held(spaces, prefix))
    assert 0 < made < 30
    time.sleep(1)
    service.start()
    assert applying.end()[0] == 0, terraform.said()
    assert held(spaces, prefix) == terraform.output()
    assert set(terraform.output()) == set(keys)
    assert not terraform.has_changes(keys=keys, prefix=prefix)
    terraform.destroy(keys=keys, prefix=prefix)
    assert held(spaces, prefix) == {}


def test_a_503_is_waited_out(
    terraform: Terraform, spaces: Spaces, wire: FaultProxy, desk: Desk, one: dict[str, Any]
) -> None:
    """NetBox is away when the apply begins: it waits, and so does the read of a plan."""
    _cut(wire)
    assert desk.post({"key": key(), "prefix": one["prefix"]}).status_code == 503
    struck = wire.struck.total()
    applying = terraform.start("apply", "-auto-approve", **one)
    wait_until(lambda: wire.struck.total() > struck, "Berth asks NetBox")
    wire.clear()
    assert applying.end()[0] == 0, terraform.said()
    assert terraform.output()["address"] == held(spaces, one["prefix"])[one["key"]]
    _cut(wire)
    assert desk.get(one["key"]).status_code == 503
    planning = terraform.start("plan", "-detailed-exitcode", **one)
    time.sleep(1)
    assert planning.goes_on()
    wire.clear()
    assert planning.end()[0] == 0, terraform.said()


def _cut(wire: FaultProxy) -> None:
    """Every call to NetBox breaks off, until it is cleared."""
    wire.strike(Fault("before", times=1_000_000))


def test_a_module_that_is_taken_out_of_the_configuration_releases_nothing(
    terraform: Terraform, spaces: Spaces, one: dict[str, Any]
) -> None:
    """Its destroy provisioner is gone with it. Destroyed as a target before, it would have been released."""
    terraform.apply(**one)
    address = terraform.output()["address"]
    terraform.write('variable "berth_url" {}\n')
    assert "0 added, 0 changed, 4 destroyed" in terraform.apply()
    assert held(spaces, one["prefix"]) == {one["key"]: address}
    terraform.write(ONE)  # and back: the key gets its address again
    terraform.apply(**one)
    assert terraform.output()["address"] == address
    terraform.destroy("-target=module.address", **one)
    assert held(spaces, one["prefix"]) == {}


def test_what_was_left_behind_is_found_by_its_owner(
    terraform: Terraform, spaces: Spaces, desk: Desk, one: dict[str, Any]
) -> None:
    """And released by hand."""
    terraform.apply(**one)
    (terraform.folder / "terraform.tfstate").unlink()
    listed = desk.list("allocations", owner="builders", prefix=one["prefix"]).json()["items"]
    assert [each["key"] for each in listed] == [one["key"]]
    assert desk.delete(one["key"]).status_code == 204
    assert held(spaces, one["prefix"]) == {}
