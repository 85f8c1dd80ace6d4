"""A machine as it would be, for a dry run."""

from dataclasses import replace
from typing import Any

from app.domain.commands import Unset
from app.domain.machines import InterfaceChanges, Machine, MachineChanges, VmInterface
from app.operations.machine_blueprint import Blueprint, InterfacePlan
from app.operations.machine_references import MachineNames

_REFERENCES = ("device", "tenant", "role", "platform")
_ELSEWHERE = ("message", "claim", "tag_ids", "primary_ip4", "primary_ip6", *(f"{r}_id" for r in _REFERENCES))


def imagined_machine(plan: Blueprint, named: MachineNames) -> Machine:
    """The machine as NetBox would hold it."""
    tags = tuple(named.tags.values())
    if plan.existing is None:
        draft = plan.draft
        return Machine(
            id=0,
            name=draft.name,
            status=str(plan.final.status),
            cluster=named.cluster,
            device=named.device,
            tenant=named.tenant,
            role=named.role,
            platform=named.platform,
            vcpus=draft.vcpus,
            memory_mb=draft.memory_mb,
            disk_mb=draft.disk_mb,
            description=draft.description.strip(),
            comments=draft.comments.strip(),
            tags=tuple(tag for tag in tags if tag.id in draft.tag_ids),
            custom_fields=draft.custom_fields,
            key=draft.key,
            owner=draft.owner,
        )
    return _changed(plan.existing, plan.changes, named)


def _changed(machine: Machine, changes: MachineChanges | None, named: MachineNames) -> Machine:
    if changes is None:
        return machine
    values = _plain(changes)
    values |= {
        word: getattr(named, word)
        for word in _REFERENCES
        if not isinstance(getattr(changes, f"{word}_id"), Unset)
    }
    if not isinstance(changes.tag_ids, Unset):
        values["tags"] = tuple(tag for tag in named.tags.values() if tag.id in (changes.tag_ids or ()))
    if not isinstance(changes.custom_fields, Unset):
        values["custom_fields"] = {**machine.custom_fields, **(changes.custom_fields or {})}
    return replace(machine, **values)


def imagined_interface(plan: InterfacePlan, named: MachineNames) -> VmInterface:
    """The interface as NetBox would hold it."""
    draft = plan.draft
    tags = {tag.id: tag for tag in named.tags.values()}
    if plan.existing is None:
        return VmInterface(
            id=0,
            machine_id=0,
            name=draft.name,
            enabled=draft.enabled,
            mtu=draft.mtu,
            description=draft.description.strip(),
            tags=tuple(tags[number] for number in draft.tag_ids),
            mac_address=draft.mac_address,
            key=draft.key,
        )
    if plan.changes is None:
        return plan.existing
    values = _plain(plan.changes)
    if not isinstance(plan.changes.tag_ids, Unset):
        values["tags"] = tuple(tags[number] for number in plan.changes.tag_ids or ())
    return replace(plan.existing, **values)


def _plain(changes: MachineChanges | InterfaceChanges) -> dict[str, Any]:
    """The changes of fields that both have by the same name."""
    names = [name for name in changes.__dataclass_fields__ if name not in (*_ELSEWHERE, "custom_fields")]
    return {name: value for name in names if not isinstance(value := getattr(changes, name), Unset)}
