"""The body of a request for a virtual machine, and the command it becomes.

What needs more than one field, or a setting, is checked when the command is made: names and MAC addresses
that stand in a request twice, and a size of the disk that makes no whole number of MB.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, StrictBool, ValidationError
from pydantic.json_schema import SkipJsonSchema

from app.api.fields import CustomFields, MacAddress, NameOrId, Tags, Text, Word
from app.api.keys import MachineBodyKey
from app.api.machine_fields import (
    MAX_NETBOX_INTEGER,
    Comments,
    Gigabytes,
    InterfaceName,
    MachineName,
    Megabytes,
    Mtu,
    NoSite,
    Vcpus,
)
from app.api.schemas import MAX_ITEMS, PERSON, TAGS, TICKET, AddressRequest, Request, sent_of
from app.domain.commands import UNSET, Maybe
from app.domain.errors import Violation
from app.domain.inventory import Json
from app.domain.registrations import AddressWish, InterfaceWish, MachineWish
from app.edge.validation import invalid_request, refused

MB_PER_GB: Final = 1000
"""As NetBox counts disks."""
MAX_INTERFACES: Final = 32
MAX_ADDRESSES: Final = 32
MAX_ADDRESSES_IN_ALL: Final = 64

_NOT_SENT: Final = frozenset({"key", "adopt"})
_REFERENCES: Final = ("cluster", "device", "tenant", "role", "platform")
_MACHINE: Final = (
    *("name", *_REFERENCES, "status", "vcpus", "memory_mb", "description", "comments", "tags"),
    "custom_fields",
)
_INTERFACE: Final = ("mac_address", "mtu", "enabled", "description", "tags")


class MachineAddressRequest(AddressRequest):
    """An address on an interface: from a prefix, from a range, or this one."""

    primary: StrictBool = Field(
        default=False,
        description="Make it the machine's primary address of its family; else the first one is.",
    )

    def wish(self) -> AddressWish:
        """The command."""
        return AddressWish(
            place=self.place(),
            traits=self.traits(),
            primary=self.primary,
            sent=self.model_dump(exclude_unset=True),
        )


class InterfaceRequest(Request):
    """An interface, and all addresses that it shall have. A field not sent is left alone, null clears it."""

    name: InterfaceName
    mac_address: MacAddress | None = None
    mtu: Mtu | None = None
    enabled: StrictBool | None = None
    description: Text | None = None
    tags: Tags | None = Field(default=None, description=TAGS)
    addresses: Annotated[list[MachineAddressRequest], Field(max_length=MAX_ADDRESSES)] = Field(
        default=[], description="All that it shall have; one that is left out of a PUT is released."
    )

    def wish(self) -> InterfaceWish:
        """The command."""
        wanted = tuple(address.wish() for address in self.addresses)
        return InterfaceWish(
            name=self.name,
            addresses=wanted if "addresses" in self.model_fields_set else UNSET,
            sent=self.model_dump(exclude_unset=True),
            **sent_of(self, _INTERFACE),
        )


class MachineRequest(Request):
    """A virtual machine, with its interfaces and their addresses.

    A field not sent is left alone, null clears it. Objects of NetBox are named by id, name or slug.
    """

    key: MachineBodyKey | None = Field(default=None, description="The caller's stable name for the machine.")
    name: MachineName | None = Field(
        default=None, description="Its name, which the naming convention is held against."
    )
    cluster: NameOrId | None = Field(
        default=None, description="Where it runs: NetBox keeps names of machines unique in a cluster only."
    )
    site: SkipJsonSchema[NoSite] = Field(default=None, exclude=True)
    device: NameOrId | None = Field(default=None, description="The host in the cluster that it runs on.")
    tenant: NameOrId | None = None
    role: NameOrId | None = None
    platform: NameOrId | None = None
    status: Word | None = Field(default=None, description="NetBox's status, such as active or planned.")
    vcpus: Vcpus | None = None
    memory_mb: Megabytes | None = None
    disk_gb: Gigabytes | None = Field(
        default=None, description="The disk in GB, of 1000 MB unless `BERTH_DISK_GB_IN_MB` says otherwise."
    )
    disk_mb: Megabytes | None = Field(default=None, description="The disk in MB, instead of `disk_gb`.")
    description: Text | None = None
    comments: Comments | None = None
    tags: Tags | None = Field(default=None, description=TAGS)
    custom_fields: CustomFields | None = None
    interfaces: Annotated[list[InterfaceRequest], Field(max_length=MAX_INTERFACES)] = Field(
        default=[],
        description="All that Berth shall keep for it; one that is left out of a PUT is removed. "
        f"At most {MAX_ADDRESSES_IN_ALL} addresses in all.",
    )
    adopt: StrictBool = Field(
        default=False, description="Take over the machine of this name that NetBox has already."
    )
    requested_by: Text | None = Field(default=None, description=PERSON)
    reference: Text | None = Field(default=None, description=TICKET)

    def wish(self, key: str, mb_per_gb: int = MB_PER_GB) -> MachineWish:
        """The command. `sent` holds the fields as they were written, but for `key` and `adopt`.

        Raises:
            InvalidRequest: something stands in it twice, or the disk is no whole number of MB.
        """
        wrong = [*_twice(self.interfaces), *_too_many(self.interfaces), *self._wrong_disk(mb_per_gb)]
        if wrong:
            raise refused(wrong)
        wanted = tuple(interface.wish() for interface in self.interfaces)
        return MachineWish(
            key=key,
            disk_mb=self._disk(mb_per_gb),
            interfaces=wanted if "interfaces" in self.model_fields_set else UNSET,
            adopt=self.adopt,
            sent=self.model_dump(exclude_unset=True, exclude=set(_NOT_SENT)),
            requested_by=self.requested_by,
            reference=self.reference,
            **sent_of(self, _MACHINE, _REFERENCES),
        )

    def _disk(self, mb_per_gb: int) -> Maybe[int]:
        if self.disk_gb is not None:
            return int(_megabytes(self.disk_gb, mb_per_gb))
        return self.disk_mb if self.model_fields_set & {"disk_gb", "disk_mb"} else UNSET

    def _wrong_disk(self, mb_per_gb: int) -> Iterator[Violation]:
        if {"disk_gb", "disk_mb"} <= self.model_fields_set:
            yield Violation("/disk_mb", "both_sent", "send either `disk_gb` or `disk_mb`, not both")
        if self.disk_gb is None:
            return
        size = _megabytes(self.disk_gb, mb_per_gb)
        if size != int(size):
            detail = f"{self.disk_gb} GB of {mb_per_gb} MB are no whole number of MB; send `disk_mb` instead"
            yield Violation("/disk_gb", "no_whole_mb", detail)
        elif size > MAX_NETBOX_INTEGER:
            detail = f"more than {MAX_NETBOX_INTEGER} MB, which is as much as NetBox can hold"
            yield Violation("/disk_gb", "out_of_range", detail)


class MachineBatchRequest(Request):
    """Up to a hundred requests for virtual machines, each with its own key and its own result."""

    items: list[object] = Field(min_length=1, max_length=MAX_ITEMS)


def wish_of(key: str, sent: Mapping[str, Json], mb_per_gb: int = MB_PER_GB) -> MachineWish:
    """The command again, from the `sent` of one that was written down; it does not adopt.

    Raises:
        InvalidRequest: it does not fit what is asked of a request today.
    """
    try:
        request = MachineRequest.model_validate(dict(sent))
    except ValidationError as error:
        raise invalid_request(error.errors()) from None
    return request.wish(key, mb_per_gb)


def _megabytes(gigabytes: float, mb_per_gb: int) -> Decimal:
    """In decimals: 0.29 GB are 290 MB, which binary fractions would miss."""
    return Decimal(str(gigabytes)) * mb_per_gb


def _twice(interfaces: Iterable[InterfaceRequest]) -> Iterator[Violation]:
    names: set[str] = set()
    macs: set[str] = set()
    for number, interface in enumerate(interfaces):
        if interface.name in names:
            detail = f"an earlier interface has the name {interface.name!r}"
            yield Violation(f"/interfaces/{number}/name", "repeated", detail)
        mac = re.sub(r"[^0-9a-f]", "", (interface.mac_address or "").lower())
        if mac and mac in macs:
            detail = f"an earlier interface has the MAC address {interface.mac_address}"
            yield Violation(f"/interfaces/{number}/mac_address", "repeated", detail)
        names.add(interface.name)
        macs.add(mac)


def _too_many(interfaces: Iterable[InterfaceRequest]) -> Iterator[Violation]:
    count = sum(len(interface.addresses) for interface in interfaces)
    if count > MAX_ADDRESSES_IN_ALL:
        detail = f"{count} addresses; at most {MAX_ADDRESSES_IN_ALL} in all"
        yield Violation("/interfaces", "too_many", detail)
