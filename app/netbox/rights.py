"""The rights that Berth's token needs in NetBox, each with what it is for."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Right:
    """A permission of NetBox: an action on a kind of object.

    `path` is where that kind is in the REST API; `required` is false for what only some requests need.
    """

    action: str
    model: str
    path: str
    purpose: str
    required: bool = True

    def __str__(self) -> str:
        return f"{self.action} {self.model}"


def _rights(model: str, path: str, purpose: str, *actions: str, required: bool = True) -> tuple[Right, ...]:
    return tuple(Right(action, model, path, purpose, required) for action in actions)


_MACHINE, _MACHINES = "virtualization.virtualmachine", "virtualization/virtual-machines/"
_NIC, _NICS = "virtualization.vminterface", "virtualization/interfaces/"
_MAC, _MACS = "dcim.macaddress", "dcim/mac-addresses/"

RIGHTS: Final = (
    *_rights("ipam.prefix", "ipam/prefixes/", "to find a prefix and allocate from it", "view"),
    *_rights("ipam.ipaddress", "ipam/ip-addresses/", "to look addresses up, and to allocate", "view", "add"),
    *_rights("ipam.ipaddress", "ipam/ip-addresses/", "for updates and adoption", "change", required=False),
    *_rights("ipam.ipaddress", "ipam/ip-addresses/", "for releases and holds", "delete", required=False),
    *_rights("extras.customfield", "extras/custom-fields/", "to check the claim fields", "view"),
    *_rights("ipam.iprange", "ipam/ip-ranges/", "to allocate from IP ranges", "view", required=False),
    *_rights("ipam.vrf", "ipam/vrfs/", "to find a VRF by its name", "view", required=False),
    *_rights("extras.tag", "extras/tags/", "to give tags (NetBox >= 4.7 demands it)", "view", required=False),
    *_rights("tenancy.tenant", "tenancy/tenants/", "to name tenants", "view", required=False),
    *_rights("dcim.site", "dcim/sites/", "to offer sites", "view", required=False),
    *_rights("ipam.role", "ipam/roles/", "to offer roles", "view", required=False),
    *_rights("dcim.platform", "dcim/platforms/", "to offer and name platforms", "view", required=False),
    *_rights(
        "dcim.interface", "dcim/interfaces/", "to assign to devices' interfaces", "view", required=False
    ),
    *_rights(
        "dcim.device",
        "dcim/devices/",
        "to spare a device's primary address, and to register VMs on a device",
        "view",
        required=False,
    ),
    *_rights("dcim.devicerole", "dcim/device-roles/", "to name the roles of VMs", "view", required=False),
    *_rights(
        "virtualization.cluster",
        "virtualization/clusters/",
        "to offer clusters, and to register VMs",
        "view",
        required=False,
    ),
    *_rights(
        _MACHINE, _MACHINES, "to spare a VM's primary address, and to register VMs", "view", required=False
    ),
    *_rights(_MACHINE, _MACHINES, "to register VMs", "add", "change", required=False),
    *_rights(_MACHINE, _MACHINES, "to retire VMs, and to undo what failed", "delete", required=False),
    *_rights(_NIC, _NICS, "to register VMs, and to assign to their interfaces", "view", required=False),
    *_rights(_NIC, _NICS, "to register VMs", "add", required=False),
    *_rights(
        _NIC,
        _NICS,
        "to change the interfaces of VMs (NetBox < 4.7: to register them)",
        "change",
        required=False,
    ),
    *_rights(_NIC, _NICS, "to retire VMs, and to undo what failed", "delete", required=False),
    *_rights(_MAC, _MACS, "to register VMs with MAC addresses", "add", required=False),
    *_rights(_MAC, _MACS, "to remove the MAC address that another one replaces", "delete", required=False),
)
"""The least rights, found by removing one at a time (4.3.7 and 4.7.3; those for VMs on 4.7.3)."""

EXCESS: Final = (
    *_rights("ipam.prefix", "ipam/prefixes/", "", "add", "change", "delete", required=False),
    *_rights("extras.customfield", "extras/custom-fields/", "", "add", "change", "delete", required=False),
    *_rights("users.objectpermission", "users/permissions/", "", "change", "delete", required=False),
)
"""Rights that a token for Berth should not have: with them, a stolen token does more than Berth could.

Everybody may change their own tokens (NetBox's DEFAULT_PERMISSIONS), so that is not among them.
"""
