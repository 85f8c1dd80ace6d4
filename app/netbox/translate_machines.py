"""Virtual machines, interfaces and MAC addresses: NetBox's JSON into `app.domain.machines`, and back.

As strict as `app.netbox.translate`, and with it the only place that knows NetBox's field names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.domain.commands import UNSET, Maybe
from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD, Json, Reference
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    Machine,
    MachineChanges,
    MachineDraft,
    VmInterface,
)
from app.netbox.translate import Row, claim_of, other_fields, reference, tags_of

VM_INTERFACE: Final = "virtualization.vminterface"


@dataclass(frozen=True, slots=True)
class Mac:
    """A MAC address: an object of its own since NetBox 4.2."""

    id: int
    address: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Nic:
    """An interface with all the MAC addresses that are assigned to it."""

    interface: VmInterface
    macs: tuple[Mac, ...]

    @property
    def id(self) -> int:
        """The interface's id."""
        return self.interface.id


def machine(data: Json, links: str, etag: str | None = None) -> Machine:
    """A virtual machine. `custom_fields` leaves out Berth's own two, which are `key` and `owner`."""
    row = Row(data, "a virtual machine")
    number = row.number("id")
    custom = row.row("custom_fields")
    return Machine(
        id=number,
        name=row.text("name"),
        status=row.row("status").text("value"),
        cluster=row.maybe("cluster", reference),
        site=row.maybe("site", reference),
        device=row.maybe("device", _device),
        tenant=row.maybe("tenant", reference),
        role=row.maybe("role", reference),
        platform=row.maybe("platform", reference),
        vcpus=row.decimal("vcpus") if row.has("vcpus") else None,
        memory_mb=row.number("memory") if row.has("memory") else None,
        disk_mb=row.number("disk") if row.has("disk") else None,
        description=row.text("description"),
        comments=row.text("comments"),
        tags=tags_of(row),
        custom_fields=other_fields(row.object("custom_fields")),
        key=claim_of(custom, CLAIM_FIELD),
        owner=claim_of(custom, OWNER_FIELD),
        primary_ip4=row.maybe("primary_ip4", _id),
        primary_ip6=row.maybe("primary_ip6", _id),
        url=f"{links}/virtualization/virtual-machines/{number}/",
        etag=etag,
        created=row.parsed("created", datetime.fromisoformat) if row.has("created") else None,
    )


def vm_interface(data: Json, links: str, etag: str | None = None) -> VmInterface:
    """An interface of a virtual machine."""
    row = Row(data, "an interface of a virtual machine")
    number = row.number("id")
    custom = row.row("custom_fields")
    return VmInterface(
        id=number,
        machine_id=row.row("virtual_machine").number("id"),
        name=row.text("name"),
        enabled=row.flag("enabled"),
        mtu=row.number("mtu") if row.has("mtu") else None,
        description=row.text("description"),
        tags=tags_of(row),
        mac_address=row.maybe("primary_mac_address", lambda mac: mac.text("mac_address")),
        key=claim_of(custom, CLAIM_FIELD),
        owner=claim_of(custom, OWNER_FIELD),
        url=f"{links}/virtualization/interfaces/{number}/",
        etag=etag,
    )


def nic(data: Json, links: str, etag: str | None = None) -> Nic:
    """An interface, and its MAC addresses: the primary one and all others."""
    listed = Row(data, "an interface of a virtual machine").list("mac_addresses")
    return Nic(vm_interface(data, links, etag), tuple(mac(each) for each in listed))


def mac(data: Json) -> Mac:
    """A MAC address, in full or in brief."""
    row = Row(data, "a MAC address")
    return Mac(row.number("id"), row.text("mac_address"))


def _device(row: Row) -> Reference:
    """A device, which need not have a name."""
    return Reference(row.number("id"), row.text("name") if row.has("name") else "")


def _id(row: Row) -> int:
    return row.number("id")


def machine_payload(draft: MachineDraft, *, message: bool) -> dict[str, Json]:
    """A machine to be created, as NetBox takes it. `message`: whether it keeps change log messages."""
    optional: dict[str, Json] = {
        "device": draft.device_id,
        "tenant": draft.tenant_id,
        "role": draft.role_id,
        "platform": draft.platform_id,
        "vcpus": draft.vcpus,
        "memory": draft.memory_mb,
        "disk": draft.disk_mb,
    }
    return {
        "name": draft.name,
        "cluster": draft.cluster_id,
        "status": draft.status,
        "description": draft.description,
        "comments": draft.comments,
        "tags": list(draft.tag_ids),
        "custom_fields": {**other_fields(draft.custom_fields), **_claim((draft.key, draft.owner))},
        **{name: value for name, value in optional.items() if value is not None},
        **changelog(draft.message, message=message),
    }


def interface_payload(draft: InterfaceDraft, *, message: bool) -> dict[str, Json]:
    """An interface to be created. NetBox before 4.7 takes no notice of `mac_address` (4.3.7, measured)."""
    optional: dict[str, Json] = {
        "mtu": draft.mtu,
        "mac_address": draft.mac_address,
    }
    return {
        "virtual_machine": draft.machine_id,
        "name": draft.name,
        "enabled": draft.enabled,
        "description": draft.description,
        "tags": list(draft.tag_ids),
        "custom_fields": _claim((draft.key, draft.owner)),
        **{name: value for name, value in optional.items() if value is not None},
        **changelog(draft.message, message=message),
    }


def mac_payload(address: str, interface_id: int, text: str, *, message: bool) -> dict[str, Json]:
    """A MAC address to be created on an interface."""
    return {
        "mac_address": address,
        "assigned_object_type": VM_INTERFACE,
        "assigned_object_id": interface_id,
        **changelog(text, message=message),
    }


def same_mac(one: str | None, other: str | None) -> bool:
    """Whether two MAC addresses are one, however they are written."""
    return _digits(one) == _digits(other)


def _digits(mac_address: str | None) -> str:
    return re.sub(r"[-:.]", "", mac_address or "").upper()


def machine_patch(changes: MachineChanges, *, message: bool) -> dict[str, Json]:
    """What to change on a machine. A name and a status cannot be cleared: null leaves them alone."""
    whole: dict[str, Maybe[Json]] = {
        "device": changes.device_id,
        "tenant": changes.tenant_id,
        "role": changes.role_id,
        "platform": changes.platform_id,
        "vcpus": changes.vcpus,
        "memory": changes.memory_mb,
        "disk": changes.disk_mb,
        "primary_ip4": changes.primary_ip4,
        "primary_ip6": changes.primary_ip6,
    }
    kept = {"name": changes.name, "status": changes.status}
    texts = {"description": changes.description, "comments": changes.comments}
    custom = {} if changes.custom_fields in (UNSET, None) else other_fields(changes.custom_fields)
    return {
        **{name: value for name, value in whole.items() if value is not UNSET},
        **{name: value for name, value in kept.items() if value is not UNSET and value is not None},
        **_texts(texts),
        **_tags(changes.tag_ids),
        **_custom({**custom, **_changed_claim(changes.claim)}),
        **changelog(changes.message, message=message),
    }


def interface_patch(changes: InterfaceChanges, *, message: bool) -> dict[str, Json]:
    """What to change on an interface.

    A MAC address that is set is sent as `mac_address`, of which NetBox before 4.7 takes no notice. One that
    is cleared is sent as `primary_mac_address`, which every version understands.
    """
    sent: dict[str, Json] = {
        **({} if changes.mtu is UNSET else {"mtu": changes.mtu}),
        **({} if changes.enabled in (UNSET, None) else {"enabled": changes.enabled}),
        **_texts({"description": changes.description}),
        **_tags(changes.tag_ids),
        **_custom(_changed_claim(changes.claim)),
        **changelog(changes.message, message=message),
    }
    if changes.mac_address is None:
        sent["primary_mac_address"] = None
    elif changes.mac_address is not UNSET:
        sent["mac_address"] = changes.mac_address
    return sent


def _claim(claim: tuple[str, str]) -> dict[str, Json]:
    """Berth's own two fields; an empty claim clears them."""
    key, owner = claim
    return {CLAIM_FIELD: key or None, OWNER_FIELD: owner or None}


def _changed_claim(claim: Maybe[tuple[str, str]]) -> dict[str, Json]:
    return {} if claim is UNSET else _claim(claim or ("", ""))


def _texts(texts: Mapping[str, Maybe[str]]) -> dict[str, Json]:
    """Texts, of which NetBox refuses null."""
    return {name: text or "" for name, text in texts.items() if text is not UNSET}


def _tags(tag_ids: Maybe[tuple[int, ...]]) -> dict[str, Json]:
    return {} if tag_ids is UNSET else {"tags": list(tag_ids or ())}


def _custom(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Custom fields: NetBox merges them into what is there."""
    return {"custom_fields": dict(fields)} if fields else {}


def changelog(text: str, *, message: bool) -> dict[str, Json]:
    """The message for NetBox's change log, where there is one and NetBox keeps it."""
    return {"changelog_message": text} if message and text else {}
