"""The bodies of requests, and the commands they become."""

import ipaddress
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.fields import (
    MAX_HOLD,
    AddressText,
    CustomFields,
    DnsName,
    Family,
    Label,
    MacAddress,
    NameOrId,
    NamePattern,
    PrefixOrId,
    RangeOrId,
    Tags,
    Text,
    Word,
    is_digits,
)
from app.api.keys import BodyKey
from app.domain.commands import UNSET, Place, Traits, Wish, target_of
from app.domain.inventory import Json
from app.edge.forms import FormShape

FORM_SHAPE: Final = FormShape(
    lists=frozenset({"tags"}),
    integers=frozenset({"family", "hold_seconds"}),
    objects=frozenset({"custom_fields", "assign_to"}),
    flags=frozenset({"adopt"}),
)
MAX_ITEMS: Final = 100
TAGS: Final = "Names or slugs of tags."
PERSON: Final = "The person behind the request, for the audit log."
TICKET: Final = "A ticket or order, for the audit log."

_TRAITS: Final = (
    "dns_name",
    "name_pattern",
    "description",
    "status",
    "role",
    "tenant",
    "tags",
    "custom_fields",
    "mac_address",
    "assign_to",
    "hold_seconds",
)


class Request(BaseModel):
    """A body that is refused when it holds a field that is not known: a dropped field is a diff for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AssignTo(Request):
    """An interface that is in NetBox, of a device or of a virtual machine: send one of the two."""

    device: NameOrId | None = None
    virtual_machine: NameOrId | None = None
    interface: Label

    @model_validator(mode="after")
    def _one_parent(self) -> Self:
        if (self.device is None) == (self.virtual_machine is None):
            raise PydanticCustomError("contradiction", "send either `device` or `virtual_machine`")
        return self


class AddressRequest(Request):
    """Which address is wanted, and what NetBox shall say of it: what allocations and machines have in common.

    A field not sent is left alone, null clears it.
    """

    prefix: PrefixOrId | None = None
    ip_range: RangeOrId | None = None
    vrf: NameOrId | None = Field(
        default=None, description="The VRF's id, name or route distinguisher; null is the global table."
    )
    address: AddressText | None = None
    family: Family | None = None
    dns_name: DnsName | None = Field(
        default=None, description="The name that the naming convention is held against."
    )
    description: Text | None = None
    status: Word | None = Field(default=None, description="NetBox's status, such as active or reserved.")
    role: Word | None = Field(default=None, description="NetBox's role, such as loopback or secondary.")
    tenant: NameOrId | None = Field(default=None, description="A tenant's name, slug or id.")
    tags: Tags | None = Field(default=None, description=TAGS)
    custom_fields: CustomFields | None = None

    def place(self) -> Place:
        """Where the address shall come from."""
        return Place(
            prefix=id_or_text(self.prefix),
            ip_range=id_or_text(self.ip_range),
            vrf=id_or_text(self.vrf) if "vrf" in self.model_fields_set else UNSET,
            address=None if self.address is None else ipaddress.ip_interface(self.address),
            address_has_mask="/" in (self.address or ""),
            family=self.family,
        )

    def traits(self) -> Traits:
        """What may change while the address stays; what was not sent is unset."""
        sent = sent_of(self, _TRAITS, references=("tenant",))
        if isinstance(target := sent.get("assign_to"), AssignTo):
            sent["assign_to"] = target_of(target.model_dump())
        return Traits(**sent)


class AllocationRequest(AddressRequest):
    """What is wanted: from where, under which name. A field not sent is left alone, null clears it."""

    key: BodyKey | None = Field(default=None, description="The caller's stable name for the allocation.")
    name_pattern: NamePattern | None = Field(
        default=None,
        description="Instead of `dns_name`: the name with the lowest free number. It needs a key of its own.",
    )
    mac_address: MacAddress | None = None
    assign_to: AssignTo | None = Field(
        default=None, description="Bind the address to this interface; null takes it off whatever it is on."
    )
    hold_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_HOLD)] | None = Field(
        default=None,
        description="Free the address after this time unless it is confirmed; null holds it for good.",
    )
    adopt: bool = Field(
        default=False,
        strict=True,
        description="An operator's: take over the `address` that is in NetBox already and has no key.",
    )
    requested_by: Text | None = Field(default=None, description=PERSON)
    reference: Text | None = Field(default=None, description=TICKET)

    def wish(self, key: str) -> Wish:
        """The command. `sent` holds the fields as they were written, but for the key and `adopt`."""
        sent: dict[str, Json] = self.model_dump(exclude_unset=True, exclude={"key", "adopt"})
        return Wish(
            key=key,
            place=self.place(),
            traits=self.traits(),
            adopt=self.adopt,
            sent=sent,
            requested_by=self.requested_by,
            reference=self.reference,
        )


def sent_of(request: Request, names: Iterable[str], references: Collection[str] = ()) -> dict[str, Any]:
    """The fields that were sent, as commands hold them: a list is a tuple, a reference in digits an id."""
    sent = {name: getattr(request, name) for name in names if name in request.model_fields_set}
    return {
        name: id_or_text(value) if name in references else tuple(value) if isinstance(value, list) else value
        for name, value in sent.items()
    }


def id_or_text(value: str | int | None) -> str | int | None:
    """The number, where an id was written as text."""
    return int(value) if isinstance(value, str) and is_digits(value) else value


class Confirmation(Request):
    """Nothing: the path says everything."""


class BatchRequest(Request):
    """Up to a hundred requests for allocations, each with its own key and its own result."""

    items: list[object] = Field(min_length=1, max_length=MAX_ITEMS)


class NameQuestion(Request):
    """A name, and where it shall be used."""

    dns_name: DnsName
    prefix: PrefixOrId | None = None
    vrf: NameOrId | None = None
    tenant: NameOrId | None = Field(default=None, description="A tenant's name, slug or id.")
    role: Word | None = Field(default=None, description="NetBox's role, such as loopback or secondary.")
    suggest: bool = Field(
        default=False,
        strict=True,
        description="Offer the name with the next free number instead of the number that it has.",
    )

    @property
    def tenant_or_id(self) -> str | int | None:
        """The tenant, as a number where it is an id."""
        return id_or_text(self.tenant)
