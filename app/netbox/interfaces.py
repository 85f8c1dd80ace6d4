"""Interfaces of devices and virtual machines, by name: what an address can be assigned to."""

import difflib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from app.domain.inventory import Assignment, Parent, ParentKind
from app.domain.upstream import Rejected
from app.netbox import translate
from app.netbox.resilience import Line
from app.netbox.rows import PAGE, Listing
from app.netbox.wire import Value

_PATHS: Final[Mapping[ParentKind, tuple[str, str]]] = {
    "device": ("dcim/interfaces/", "dcim/devices/"),
    "virtual_machine": ("virtualization/interfaces/", "virtualization/virtual-machines/"),
}


class Interfaces:
    """Looks them up. Nothing is remembered: an interface is often made right before its address."""

    def __init__(self, line: Line) -> None:
        self._interfaces = {
            kind: Listing(line, path, partial(translate.assignment, kind=kind))
            for kind, (path, _) in _PATHS.items()
        }
        self._parents = {kind: Listing(line, path, translate.parent) for kind, (_, path) in _PATHS.items()}

    async def find(self, kind: ParentKind, reference: str | int, name: str) -> list[Assignment]:
        """Every interface of this name on the devices or VMs of this name or id, written as in NetBox."""
        params, field = _of(kind, reference)
        try:
            return await self._interfaces[kind].matching(
                {**params, "name": name},
                lambda row: row.interface == name and reference in (row.parent, row.parent_id),
            )
        except Rejected as error:  # what NetBox says of a device or VM that it does not have
            if any(field in fault.messages for fault in error.items.values()):
                return []
            raise

    async def parents(self, kind: ParentKind, reference: str | int) -> list[Parent]:
        """The devices or VMs that this name or id stands for."""
        field = "id" if isinstance(reference, int) else "name"
        return await self._parents[kind].matching(
            {field: reference}, lambda row: reference in (row.id, row.name), limit=50
        )

    async def near_parents(self, kind: ParentKind, name: str) -> list[str]:
        """Up to three names of devices or VMs that resemble this one, among the first 1000."""
        rows, _ = await self._parents[kind].page({}, PAGE)
        return closest(name, (row.name for row in rows))

    async def near(self, kind: ParentKind, parent_id: int, name: str) -> list[str]:
        """Up to three of the interfaces of a device or VM whose names resemble this one."""
        rows, _ = await self._interfaces[kind].page({f"{kind}_id": parent_id}, PAGE)
        return closest(name, (row.interface for row in rows if row.parent_id == parent_id))


def closest(name: str, words: Iterable[str]) -> list[str]:
    """Up to three of the words that resemble a name, whatever the letter case."""
    known = {word.lower(): word for word in words if word}
    return [known[word] for word in difflib.get_close_matches(name.lower(), known, n=3)]


def _of(kind: ParentKind, reference: str | int) -> tuple[dict[str, Value], str]:
    """The filter for a device or VM, and its name: an id and a name have filters of their own."""
    field = f"{kind}_id" if isinstance(reference, int) else kind
    return {field: reference}, field
