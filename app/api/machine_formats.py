"""A virtual machine as it is answered: flat, with its interfaces and their addresses below."""

from dataclasses import fields

from app.api.formats import members, plain
from app.domain.inventory import Json
from app.operations.machine_answers import AddressShown, InterfaceShown, OpenOperation, Registration


def machine_members(machine: Registration) -> dict[str, Json]:
    """The fields of a machine in their fixed order; members of custom fields in alphabetical order."""
    return {field.name: _member(getattr(machine, field.name)) for field in fields(machine)}


def operation_members(operation: OpenOperation) -> dict[str, Json]:
    """The fields of an operation in their fixed order."""
    return {field.name: plain(getattr(operation, field.name)) for field in fields(operation)}


def _member(value: object) -> Json:
    if isinstance(value, tuple):
        return [_member(each) for each in value]
    if isinstance(value, InterfaceShown):
        return {field.name: _member(getattr(value, field.name)) for field in fields(value)}
    return _address(value) if isinstance(value, AddressShown) else plain(value)


def _address(shown: AddressShown) -> dict[str, Json]:
    """The members of its allocation, with `primary` after the key."""
    allocation = members(shown.allocation)
    return {"key": allocation["key"], "primary": shown.primary, **allocation}
