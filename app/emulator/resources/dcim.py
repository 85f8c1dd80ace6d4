"""DCIM: sites, device roles and types, platforms, devices, their interfaces, MAC addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.addressing import Mac
from app.emulator.fields import Boolean, Choice, Computed, Document, Integer, Text, VirtualCores, constants
from app.emulator.references import ForeignKey, GenericKey
from app.emulator.resource import Resource, Unique
from app.emulator.resources.common import NAMED, count, named, tail, unique_names
from app.emulator.resources.machines import (
    check_primary,
    check_primary_mac,
    is_primary,
    mac_fields,
    mac_filters,
    on_interface,
    primary_addresses,
    write_mac,
)

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Row

SITE_STATUS = {
    "planned": "Planned",
    "staging": "Staging",
    "active": "Active",
    "decommissioning": "Decommissioning",
    "retired": "Retired",
}
DEVICE_STATUS = {
    "offline": "Offline",
    "active": "Active",
    "planned": "Planned",
    "staged": "Staged",
    "failed": "Failed",
    "inventory": "Inventory",
    "decommissioning": "Decommissioning",
}
INTERFACE_TYPES = {
    "virtual": "Virtual",
    "bridge": "Bridge",
    "lag": "Link Aggregation Group (LAG)",
    "1000base-t": "1000BASE-T (1GE)",
    "10gbase-t": "10GBASE-T (10GE)",
    "10gbase-x-sfpp": "SFP+ (10GE)",
    "other": "Other",
}

_PARTS = (
    "console_port",
    "console_server_port",
    "power_port",
    "power_outlet",
    "front_port",
    "rear_port",
    "device_bay",
    "module_bay",
    "inventory_item",
)
_LATER_PARTS = ("cooling_intake", "cooling_outflow")
_UNSET = (
    "module",
    "parent",
    "bridge",
    "lag",
    "speed",
    "mode",
    "cable",
    "untagged_vlan",
    "wwn",
    "poe_mode",
    "poe_type",
    "cable_end",
    "wireless_link",
    "link_peers_type",
    "connected_endpoints",
    "connected_endpoints_type",
    "l2vpn_termination",
    "rf_role",
    "rf_channel",
    "rf_channel_frequency",
    "rf_channel_width",
    "tx_power",
    "channels",
    "channel_id",
    "qinq_svlan",
    "duplex",
    "vlan_translation_policy",
)
_NO_LISTS = ("tagged_vlans", "vdcs", "wireless_lans", "bridge_interfaces", "link_peers")


def _none(parts: tuple[str, ...], ending: str) -> tuple[Computed, ...]:
    """Return counts of what a device may consist of and is not emulated."""
    later = constants({f"{part}{ending}": 0 for part in _LATER_PARTS}, since="4.7")
    return (*constants({f"{part}{ending}": 0 for part in parts}), *later)


SITE = Resource(
    path="dcim/sites",
    model="dcim.site",
    name="Site",
    verbose="site",
    fields=(
        *named(),
        Choice("status", default="active", choices=SITE_STATUS),
        *constants(region=None, group=None, time_zone=None, latitude=None, longitude=None, asns=[]),
        ForeignKey("tenant", target="tenancy.tenant"),
        Text("facility", limit=50),
        Text("physical_address"),
        Text("shipping_address"),
        *tail("dcim.site"),
        *constants(circuit_count=0, rack_count=0, vlan_count=0),
        count("device_count", "dcim_device", "site"),
        count("prefix_count", "ipam_prefix", "scope_type = 'dcim.site' AND scope_id"),
        count("virtualmachine_count", "virtualization_virtualmachine", "site"),
    ),
    brief=NAMED,
    unique=unique_names("site"),
)

MANUFACTURER = Resource(
    path="dcim/manufacturers",
    model="dcim.manufacturer",
    name="Manufacturer",
    verbose="manufacturer",
    fields=(
        *named(),
        *tail("dcim.manufacturer"),
        count("devicetype_count", "dcim_devicetype", "manufacturer"),
        *constants(moduletype_count=0, inventoryitem_count=0),
        count("platform_count", "dcim_platform", "manufacturer"),
    ),
    brief=NAMED,
    unique=unique_names("manufacturer"),
)

DEVICE_TYPE = Resource(
    path="dcim/device-types",
    model="dcim.devicetype",
    name="DeviceType",
    verbose="device type",
    fields=(
        ForeignKey("manufacturer", required=True, null=False, target="dcim.manufacturer"),
        Text("model", required=True, blank=False, limit=100),
        *named()[1:],
        Text("part_number", limit=50),
        VirtualCores("u_height", default=1.0),
        *constants(default_platform=None, exclude_from_utilization=False, is_full_depth=True),
        *constants(subdevice_role=None, airflow=None, weight=None, weight_unit=None),
        *constants(front_image=None, rear_image=None),
        *constants(since="4.7", cooling_method=None, end_of_life=None),
        *_none(_PARTS, "_template_count"),
        *tail("dcim.devicetype"),
        count("device_count", "dcim_device", "device_type"),
    ),
    brief=("id", "url", "display", "manufacturer", "model", "slug", "description"),
    display=lambda row: str(row["model"]),
    order="model, id",
    search=("model", "slug", "description"),
    unique=(Unique(("manufacturer", "slug"), "The fields manufacturer, slug must make a unique set."),),
)

DEVICE_ROLE = Resource(
    path="dcim/device-roles",
    model="dcim.devicerole",
    name="DeviceRole",
    verbose="device role",
    fields=(
        *named(),
        Text("color", default="9e9e9e", limit=6, pattern="[0-9a-f]{6}", complaint="Enter a valid value."),
        Boolean("vm_role", default=True),
        *constants(parent=None, config_template=None, _depth=0),
        *tail("dcim.devicerole"),
        count("device_count", "dcim_device", "role"),
        count("virtualmachine_count", "virtualization_virtualmachine", "role"),
    ),
    brief=NAMED,
    counts=("device_count", "virtualmachine_count", "_depth"),
    unique=unique_names("device role"),
)

PLATFORM = Resource(
    path="dcim/platforms",
    model="dcim.platform",
    name="Platform",
    verbose="platform",
    fields=(
        *named(),
        *constants(parent=None, config_template=None, _depth=0),
        ForeignKey("manufacturer", target="dcim.manufacturer"),
        *tail("dcim.platform"),
        count("device_count", "dcim_device", "platform"),
        count("virtualmachine_count", "virtualization_virtualmachine", "platform"),
    ),
    brief=NAMED,
    counts=("device_count", "virtualmachine_count", "_depth"),
    unique=unique_names("platform"),
)


def clean_device(session: Session, row: Row, old: Row | None) -> None:
    """Check the primary addresses."""
    del old
    check_primary(session, row, "dcim.interface", "device", "device")


DEVICE = Resource(
    path="dcim/devices",
    model="dcim.device",
    name="Device",
    verbose="device",
    fields=(
        Text("name", null=True, default=None, limit=64),
        ForeignKey("device_type", required=True, null=False, target="dcim.devicetype"),
        ForeignKey("role", required=True, null=False, target="dcim.devicerole"),
        ForeignKey("tenant", target="tenancy.tenant"),
        ForeignKey("platform", target="dcim.platform", on_delete="set_null"),
        Text("serial", limit=50),
        ForeignKey("site", required=True, null=False, target="dcim.site"),
        *constants(location=None, rack=None, position=None, face=None, parent_device=None, airflow=None),
        Choice("status", default="active", choices=DEVICE_STATUS),
        *primary_addresses(),
        *constants(asset_tag=None, latitude=None, longitude=None),
        *constants(since="4.7", cooling_method=None),
        *_none(_PARTS, "_count"),
        *constants(oob_ip=None, virtual_chassis=None, vc_position=None, vc_priority=None),
        ForeignKey("cluster", target="virtualization.cluster", by="name", on_delete="set_null"),
        Document("local_context_data"),
        *constants(config_template=None, config_context={}),
        *tail("dcim.device"),
        count("interface_count", "dcim_interface", "device"),
    ),
    brief=("id", "url", "display", "name", "description"),
    search=("coalesce(name, '')", "serial", "comments"),
    exact_names=False,
    clean=clean_device,
)

INTERFACE = Resource(
    path="dcim/interfaces",
    model="dcim.interface",
    name="Interface",
    verbose="interface",
    fields=(
        ForeignKey("device", required=True, null=False, target="dcim.device", by="name", on_delete="cascade"),
        Text("name", required=True, blank=False, limit=64),
        Text("label", limit=64),
        Choice("type", required=True, choices=INTERFACE_TYPES),
        Boolean("enabled", default=True),
        Integer("mtu", null=True, low=1, high=65536),
        *mac_fields("dcim.interface"),
        *constants(dict.fromkeys(_UNSET)),
        *constants(dict.fromkeys(_NO_LISTS, ())),
        *constants(count_fhrp_groups=0, _occupied=False, mark_connected=False),
        *constants(connected_endpoints_reachable=False),
        Boolean("mgmt_only"),
        ForeignKey("vrf", target="ipam.vrf", by="rd", on_delete="set_null"),
        *tail("dcim.interface", comments=False),
    ),
    brief=("id", "url", "display", "device", "name", "description", "cable", "_occupied"),
    unique=(Unique(("device", "name"), "Interface with this Device and Name already exists."),),
    filters=mac_filters("dcim.interface"),
    clean=check_primary_mac("dcim.interface"),
    after=write_mac("dcim.interface"),
)

MAC_ADDRESS = Resource(
    path="dcim/mac-addresses",
    model="dcim.macaddress",
    name="MACAddress",
    verbose="MAC address",
    fields=(
        Mac("mac_address"),
        GenericKey("assigned_object", models=("dcim.interface", "virtualization.vminterface")),
        Computed("is_primary", since="4.7", reader=is_primary),
        *tail("dcim.macaddress"),
    ),
    brief=("id", "url", "display", "mac_address", "description"),
    display=lambda row: str(row["mac_address"]),
    order="mac_address, id",
    search=("mac_address", "description"),
    indexes=("mac_address",),
    filters={
        "interface_id": on_interface("dcim.interface"),
        "vminterface_id": on_interface("virtualization.vminterface"),
    },
)

RESOURCES = (SITE, MANUFACTURER, DEVICE_TYPE, DEVICE_ROLE, PLATFORM, DEVICE, INTERFACE, MAC_ADDRESS)
