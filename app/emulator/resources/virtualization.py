"""Virtualization: cluster types, clusters, virtual machines and their interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.errors import ApiError, InvalidError
from app.emulator.fields import Boolean, Choice, Computed, Document, Integer, Text, VirtualCores, constants
from app.emulator.references import ForeignKey, GenericKey
from app.emulator.resource import Resource, Unique
from app.emulator.resources.common import NAMED, count, named, tail, unique_names
from app.emulator.resources.machines import (
    check_primary,
    check_primary_mac,
    mac_fields,
    mac_filters,
    primary_addresses,
    write_mac,
)
from app.emulator.resources.networks import SITE_FILTERS

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Row

CLUSTER_STATUS = {
    "planned": "Planned",
    "staging": "Staging",
    "active": "Active",
    "decommissioning": "Decommissioning",
    "offline": "Offline",
}
MACHINE_STATUS = {
    "offline": "Offline",
    "active": "Active",
    "planned": "Planned",
    "staged": "Staged",
    "failed": "Failed",
    "decommissioning": "Decommissioning",
    "paused": "Paused",
}


def _allocated(name: str) -> Computed:
    """Return the sum of something over the machines of a cluster."""
    sql = f"SELECT sum({name}) FROM virtualization_virtualmachine WHERE cluster = ?"
    return Computed(
        f"allocated_{name}",
        since="4.7",
        reader=lambda row, session: session.database.value(sql, [row["id"]]),
    )


CLUSTER_TYPE = Resource(
    path="virtualization/cluster-types",
    model="virtualization.clustertype",
    name="ClusterType",
    verbose="cluster type",
    fields=(
        *named(),
        *tail("virtualization.clustertype"),
        count("cluster_count", "virtualization_cluster", "type"),
    ),
    brief=NAMED,
    counts=("cluster_count",),
    unique=unique_names("cluster type"),
)

CLUSTER = Resource(
    path="virtualization/clusters",
    model="virtualization.cluster",
    name="Cluster",
    verbose="cluster",
    fields=(
        Text("name", required=True, blank=False, limit=100),
        ForeignKey("type", required=True, null=False, target="virtualization.clustertype"),
        *constants(group=None),
        Choice("status", default="active", choices=CLUSTER_STATUS),
        ForeignKey("tenant", target="tenancy.tenant"),
        GenericKey("scope", models=("dcim.site",), cascade=False),
        *tail("virtualization.cluster"),
        count("device_count", "dcim_device", "cluster"),
        count("virtualmachine_count", "virtualization_virtualmachine", "cluster"),
        *(_allocated(name) for name in ("vcpus", "memory", "disk")),
    ),
    brief=("id", "url", "display", "name", "description"),
    counts=("virtualmachine_count",),
    filters=SITE_FILTERS,
)


def clean_machine(session: Session, row: Row, old: Row | None) -> None:
    """Check where a VM runs and its primary addresses; take the site from the cluster."""
    modern = session.release.modern
    if row["site"] is None and row["cluster"] is None and row["device"] is None:
        place = "site, cluster, or device." if modern else "site and/or cluster."
        raise InvalidError(
            {"__all__" if modern else "cluster": [f"A virtual machine must be assigned to a {place}"]}
        )
    cluster = session.row("virtualization.cluster", row["cluster"]) if row["cluster"] else None
    site = cluster["scope_id"] if cluster and cluster["scope_type"] == "dcim.site" else None
    if cluster and site and row["site"] and site != row["site"]:
        name = session.brief("dcim.site", row["site"])["name"]
        text = f"The selected cluster ({cluster['name']}) is not assigned to this site ({name})."
        raise InvalidError({"cluster": [text]})
    row["site"] = row["site"] or site
    if old is None and not modern and (row["primary_ip4"] or row["primary_ip6"]):
        raise ApiError(500, session.crash("TypeError", "argument of type 'NoneType' is not iterable"))
    check_primary(session, row, "virtualization.vminterface", "virtual_machine", "VM")


_UNIQUE_NAME = "Virtual machine name must be unique per cluster"

MACHINE = Resource(
    path="virtualization/virtual-machines",
    model="virtualization.virtualmachine",
    name="VirtualMachine",
    verbose="virtual machine",
    fields=(
        Text("name", required=True, blank=False, limit=64),
        *constants(since="4.7", virtual_machine_type=None),
        ForeignKey("role", target="dcim.devicerole", on_delete="set_null"),
        Choice("status", default="active", choices=MACHINE_STATUS),
        Choice(
            "start_on_boot",
            default="off",
            since="4.7",
            choices={"on": "On", "off": "Off", "laststate": "Last State"},
        ),
        ForeignKey("site", target="dcim.site"),
        ForeignKey("cluster", target="virtualization.cluster", by="name"),
        ForeignKey("device", target="dcim.device", by="name"),
        ForeignKey("platform", target="dcim.platform", on_delete="set_null"),
        *primary_addresses(),
        VirtualCores("vcpus"),
        Integer("memory", null=True, low=0, high=2_147_483_647),
        Integer("disk", null=True, low=0, high=2_147_483_647),
        Text("serial", limit=50),
        ForeignKey("tenant", target="tenancy.tenant"),
        Document("local_context_data"),
        *constants(config_template=None, config_context={}, virtual_disk_count=0),
        *tail("virtualization.virtualmachine"),
        count("interface_count", "virtualization_vminterface", "virtual_machine"),
    ),
    brief=("id", "url", "display", "name", "description"),
    search=("name", "description", "comments", "serial"),
    exact_names=False,
    unique=(
        Unique(
            ("lower(name)", "cluster", "tenant"),
            f"{_UNIQUE_NAME} and tenant.",
            f"{_UNIQUE_NAME}.",
            where="cluster IS NOT NULL AND tenant IS NOT NULL",
        ),
        Unique(
            ("lower(name)", "cluster"),
            f"{_UNIQUE_NAME} and tenant.",
            f"{_UNIQUE_NAME}.",
            where="cluster IS NOT NULL AND tenant IS NULL",
        ),
    ),
    clean=clean_machine,
)

INTERFACE = Resource(
    path="virtualization/interfaces",
    model="virtualization.vminterface",
    name="VMInterface",
    verbose="interface",
    fields=(
        ForeignKey(
            "virtual_machine",
            required=True,
            null=False,
            target="virtualization.virtualmachine",
            by="name",
            on_delete="cascade",
        ),
        Text("name", required=True, blank=False, limit=64),
        Boolean("enabled", default=True),
        ForeignKey("parent", target="virtualization.vminterface", by="name"),
        ForeignKey("bridge", target="virtualization.vminterface", by="name", on_delete="set_null"),
        Integer("mtu", null=True, low=1, high=65536),
        *mac_fields("virtualization.vminterface"),
        *constants(
            mode=None,
            untagged_vlan=None,
            tagged_vlans=[],
            qinq_svlan=None,
            vlan_translation_policy=None,
            l2vpn_termination=None,
            count_fhrp_groups=0,
        ),
        ForeignKey("vrf", target="ipam.vrf", by="rd", on_delete="set_null"),
        *tail("virtualization.vminterface", comments=False),
    ),
    brief=("id", "url", "display", "virtual_machine", "name", "description"),
    unique=(
        Unique(("virtual_machine", "name"), "Interface with this Virtual machine and Name already exists."),
    ),
    filters=mac_filters("virtualization.vminterface"),
    clean=check_primary_mac("virtualization.vminterface"),
    after=write_mac("virtualization.vminterface"),
)

RESOURCES = (CLUSTER_TYPE, CLUSTER, MACHINE, INTERFACE)
