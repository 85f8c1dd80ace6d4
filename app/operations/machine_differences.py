"""What differs between the request for a machine and what NetBox holds of it."""

from collections.abc import Mapping
from typing import Any

from app.domain.commands import UNSET, Maybe, Unset, given
from app.domain.inventory import Json, Reference
from app.domain.machines import InterfaceChanges, Machine, MachineChanges, VmInterface
from app.domain.registrations import InterfaceWish, MachineWish
from app.operations.machine_references import MachineNames

_REFERENCES = ("device", "tenant", "role", "platform")
_PLAIN = ("name", "vcpus", "memory_mb", "disk_mb")
_TEXTS = ("description", "comments")


def machine_changes(
    wish: MachineWish, machine: Machine, named: MachineNames, message: str
) -> MachineChanges | None:
    """What has to change of the machine itself, None if nothing has to. Primary addresses come later."""
    wanted = {word: getattr(wish, word) for word in (*_PLAIN, *_TEXTS, "status")}
    wanted |= {word: text_of(wanted[word]) for word in _TEXTS if wanted[word] is not UNSET}
    wanted |= {"status": wanted["status"] or "active"}
    values: dict[str, Any] = {
        word: value for word, value in wanted.items() if value not in (UNSET, getattr(machine, word))
    }
    values |= _references(wish, machine, named)
    if (tags := _tags(wish.tags, named.tag_ids(wish.tags), machine.tags)) is not None:
        values["tag_ids"] = tags
    if fields := _fields(wish.custom_fields, machine.custom_fields):
        values["custom_fields"] = fields
    return MachineChanges(**values, message=message) if values else None


def _references(wish: MachineWish, machine: Machine, named: MachineNames) -> dict[str, int | None]:
    pairs = {word: (_id(getattr(named, word)), _id(getattr(machine, word))) for word in _REFERENCES}
    return {
        f"{word}_id": wanted
        for word, (wanted, held) in pairs.items()
        if getattr(wish, word) is not UNSET and wanted != held
    }


def interface_changes(
    wish: InterfaceWish, interface: VmInterface, tags: tuple[int, ...], message: str
) -> InterfaceChanges | None:
    """What has to change of an interface, None if nothing has to."""
    values: dict[str, Any] = {}
    if wish.enabled is not UNSET and given(wish.enabled, True) != interface.enabled:  # noqa: FBT003 - the value
        values["enabled"] = given(wish.enabled, True)  # noqa: FBT003 - the value
    if wish.mtu is not UNSET and wish.mtu != interface.mtu:
        values["mtu"] = wish.mtu
    if wish.description is not UNSET and text_of(wish.description) != interface.description:
        values["description"] = text_of(wish.description)
    if not isinstance(wish.mac_address, Unset) and not same_mac(wish.mac_address, interface.mac_address):
        values["mac_address"] = wish.mac_address
    if (wanted := _tags(wish.tags, tags, interface.tags)) is not None:
        values["tag_ids"] = wanted
    return InterfaceChanges(**values, message=message) if values else None


def same_mac(one: str | None, other: str | None) -> bool:
    """Whether two writings are of one MAC address."""
    return _mac(one) == _mac(other)


def text_of(word: Maybe[str]) -> str:
    """A text as NetBox stores it."""
    return given(word, "").strip()


def _mac(text: str | None) -> str:
    return "".join(char for char in text or "" if char.isalnum()).lower()


def _id(reference: Reference | None) -> int | None:
    return reference.id if reference else None


def _tags(
    words: Maybe[tuple[str, ...]], wanted: tuple[int, ...], held: tuple[Reference, ...]
) -> tuple[int, ...] | None:
    if words is UNSET or set(wanted) == {tag.id for tag in held}:
        return None
    return wanted


def _fields(wanted: Maybe[Mapping[str, Json]], held: Mapping[str, Json]) -> dict[str, Json]:
    """Fields that are not named are left alone; null instead of all of them clears them all."""
    if isinstance(wanted, Unset):
        return {}
    named: Mapping[str, Json] = dict.fromkeys(held) if wanted is None else wanted
    return {name: value for name, value in named.items() if held.get(name) != value}
