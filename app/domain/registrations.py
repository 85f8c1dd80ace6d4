"""What a caller asks for when it registers a virtual machine, checked for form, before any look-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.commands import UNSET, Maybe, Place, Traits, Unset
from app.domain.inventory import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressWish:
    """An address on an interface. `sent` holds its fields as they were written.

    `primary` asks for it to be the machine's primary address of its family; unset, the first one is.
    """

    place: Place = field(default_factory=Place)
    traits: Traits = field(default_factory=Traits)
    primary: bool = False
    sent: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceWish:
    """An interface. What is unset is left alone, None clears; `addresses` are all that it shall have."""

    name: str
    mac_address: Maybe[str] = UNSET
    mtu: Maybe[int] = UNSET
    enabled: Maybe[bool] = UNSET
    description: Maybe[str] = UNSET
    tags: Maybe[tuple[str, ...]] = UNSET
    addresses: tuple[AddressWish, ...] | Literal[Unset.UNSET] = UNSET
    sent: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineWish:
    """A whole request for a virtual machine. `sent` holds the body's fields as they were written.

    What is unset is left alone, None clears; `interfaces` are all that the registration shall have. Objects
    are named by id, name or slug. `adopt` allows to take over a machine that NetBox has under that name.
    """

    key: str
    name: Maybe[str] = UNSET
    cluster: Maybe[str | int] = UNSET
    device: Maybe[str | int] = UNSET
    tenant: Maybe[str | int] = UNSET
    role: Maybe[str | int] = UNSET
    platform: Maybe[str | int] = UNSET
    status: Maybe[str] = UNSET
    vcpus: Maybe[float] = UNSET
    memory_mb: Maybe[int] = UNSET
    disk_mb: Maybe[int] = UNSET
    description: Maybe[str] = UNSET
    comments: Maybe[str] = UNSET
    tags: Maybe[tuple[str, ...]] = UNSET
    custom_fields: Maybe[Mapping[str, Json]] = UNSET
    interfaces: tuple[InterfaceWish, ...] | Literal[Unset.UNSET] = UNSET
    adopt: bool = False
    sent: Mapping[str, Json] = field(default_factory=dict)
    requested_by: str | None = None
    reference: str | None = None
