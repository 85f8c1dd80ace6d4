"""The bodies of requests, and the commands they become."""

import ipaddress
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

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
    Text,
    Word,
    is_digits,
)
from app.api.keys import BodyKey
from app.domain.commands import UNSET, Place, Traits, Wish
from app.domain.inventory import Json
from app.edge.forms import FormShape

FORM_SHAPE: Final = FormShape(
    lists=frozenset({"tags"}),
    integers=frozenset({"family", "hold_seconds"}),
    objects=frozenset({"custom_fields"}),
)
MAX_ITEMS: Final = 100

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
    "hold_seconds",
)


class Request(BaseModel):
    """A body that is refused when it holds a field that is not known: a dropped field is a diff for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AllocationRequest(Request):
    """What is wanted: from where, under which name. A field not sent is left alone, null clears it."""

    key: BodyKey | None = Field(default=None, description="The caller's stable name for the allocation.")
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
    name_pattern: NamePattern | None = Field(
        default=None,
        description="Instead of `dns_name`: the name with the lowest free number. It needs a key of its own.",
    )
    description: Text | None = None
    status: Word | None = Field(default=None, description="NetBox's status, such as active or reserved.")
    role: Word | None = Field(default=None, description="NetBox's role, such as loopback or secondary.")
    tenant: NameOrId | None = Field(default=None, description="A tenant's name, slug or id.")
    tags: Annotated[list[Label], Field(max_length=MAX_ITEMS)] | None = Field(
        default=None, description="Names or slugs of tags."
    )
    custom_fields: CustomFields | None = None
    mac_address: MacAddress | None = None
    hold_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_HOLD)] | None = Field(
        default=None,
        description="Free the address after this time unless it is confirmed; null holds it for good.",
    )
    requested_by: Text | None = Field(
        default=None, description="The person behind the request, for the audit log."
    )
    reference: Text | None = Field(default=None, description="A ticket or order, for the audit log.")

    def wish(self, key: str) -> Wish:
        """The command. `sent` holds the fields as they were written, but for the key."""
        sent: dict[str, Json] = self.model_dump(exclude_unset=True, exclude={"key"})
        return Wish(
            key=key,
            place=self._place(),
            traits=self._traits(),
            sent=sent,
            requested_by=self.requested_by,
            reference=self.reference,
        )

    def _place(self) -> Place:
        return Place(
            prefix=_id_or_text(self.prefix),
            ip_range=_id_or_text(self.ip_range),
            vrf=_id_or_text(self.vrf) if "vrf" in self.model_fields_set else UNSET,
            address=None if self.address is None else ipaddress.ip_interface(self.address),
            address_has_mask="/" in (self.address or ""),
            family=self.family,
        )

    def _traits(self) -> Traits:
        sent = self.model_fields_set
        values = {name: getattr(self, name) if name in sent else UNSET for name in _TRAITS}
        if isinstance(values["tags"], list):
            values["tags"] = tuple(values["tags"])
        if isinstance(values["tenant"], str):
            values["tenant"] = _id_or_text(values["tenant"])
        return Traits(**values)


def _id_or_text(value: str | int | None) -> str | int | None:
    return int(value) if isinstance(value, str) and is_digits(value) else value


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
        return _id_or_text(self.tenant)
