"""API keys and enrolments on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.api.documents import Answer
from app.api.fields import DnsName, NameOrId, PrefixOrId, Text, text_schema
from app.api.keys import BodyKey
from app.api.schemas import Request, id_or_text
from app.domain.commands import UNSET
from app.domain.credentials import ApiKey, Bounds, host_networks
from app.domain.inventory import Json
from app.domain.rights import Action
from app.naming.patterns import BadPattern, compiled
from app.operations.enrol import EnrolmentWish, Issued
from app.operations.keys import KeyWish, MadeKey

DAY: Final = 24 * 3600
LONGEST_KEY: Final = 10 * 366 * DAY
LONGEST_ENROLMENT: Final = 7 * DAY
MOST: Final = 100
_CLIENT = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _cidr(value: str) -> str:
    try:
        return str(host_networks(value))
    except ValueError as error:
        raise PydanticCustomError(
            "cidr", "{reason}; write it as 10.20.0.0/24", {"reason": str(error)}
        ) from None


def _pattern(value: str) -> str:
    try:
        compiled(value)
    except BadPattern as error:
        raise PydanticCustomError("pattern", "{reason}", {"reason": str(error)}) from None
    return value


NamePattern = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=500), AfterValidator(_pattern)
]
ClientName = Annotated[
    str, StringConstraints(strict=True, pattern=_CLIENT), Field(description="The client, by name.")
]
Cidr = Annotated[
    str, StringConstraints(strict=True, max_length=50), AfterValidator(_cidr), text_schema(1, 50)
]


class KeyRequest(Request):
    """An API key for a client."""

    client: ClientName
    label: Text = Field(default="", description="What it is for.")
    expires_in_seconds: Annotated[int, Field(strict=True, ge=60, le=LONGEST_KEY)] | None = Field(
        default=None, description="When it stops counting; null: never."
    )
    source_networks: Annotated[list[Cidr], Field(max_length=MOST)] = Field(
        default=[], description="CIDRs that it may be used from; empty: anywhere."
    )
    actions: Annotated[list[Action], Field(max_length=MOST)] = Field(
        default=[], description="What it may do at most; empty: all that its client may."
    )
    prefixes: Annotated[list[Cidr], Field(max_length=MOST)] = Field(
        default=[], description="CIDRs that it may allocate in, each with the prefixes inside it; empty: any."
    )
    names: Annotated[list[NamePattern], Field(max_length=MOST)] = Field(
        default=[],
        description="RE2 patterns; the whole name, in small letters, has to match one; empty: any name.",
    )
    quota: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = Field(
        default=None, description="How many addresses it may hold at once; null: any number."
    )

    def wish(self) -> KeyWish:
        """The command."""
        return KeyWish(
            client=self.client,
            label=self.label,
            bounds=Bounds(
                actions=tuple(dict.fromkeys(each.value for each in self.actions)),
                prefixes=tuple(self.prefixes),
                names=tuple(self.names),
                quota=self.quota,
                networks=tuple(self.source_networks),
            ),
            expires_in=self.expires_in_seconds,
        )


class EnrolmentRequest(Request):
    """A token for one machine, for one address."""

    prefix: PrefixOrId = Field(description="Where the address comes from.")
    vrf: NameOrId | None = Field(
        default=None, description="The VRF's id, name or route distinguisher; null is the global table."
    )
    dns_name: DnsName = Field(min_length=1, description="The name that the machine will have.")
    key: BodyKey | None = Field(
        default=None, description="The key of the allocation; else the name makes it."
    )
    expires_in_seconds: Annotated[int, Field(strict=True, ge=60, le=LONGEST_ENROLMENT)] = Field(
        default=3600, description="How long the token counts."
    )

    def wish(self) -> EnrolmentWish:
        """The command."""
        prefix = id_or_text(self.prefix)
        assert prefix is not None  # noqa: S101 - it has to be sent
        return EnrolmentWish(
            key=self.key or "",
            prefix=prefix,
            dns_name=self.dns_name,
            expires_in=self.expires_in_seconds,
            vrf=id_or_text(self.vrf) if "vrf" in self.model_fields_set else UNSET,
        )


Moment = Annotated[str, Field(description="UTC, RFC 3339.")]
MaybeMoment = Annotated[str | None, Field(description="UTC, RFC 3339.")]


class KeyBody(Answer):
    """An API key, without what it is known by."""

    id: str
    client: str
    label: str
    source_networks: list[str]
    actions: list[str]
    prefixes: list[str]
    names: list[str]
    quota: int | None
    created_by: Annotated[str, Field(description="The owner who had it made.")]
    created_at: Moment
    expires_at: MaybeMoment
    last_used_at: Annotated[str | None, Field(description="UTC, RFC 3339; up to a minute late.")]
    revoked_at: MaybeMoment


class MadeKeyBody(KeyBody):
    """A new API key, and its text, which is shown this once."""

    token: str


class KeyPage(Answer):
    """A part of the list of API keys."""

    items: list[KeyBody]
    next: str | None


class EnrolmentBody(Answer):
    """A new enrolment, and its token, which is shown this once."""

    id: str
    key: Annotated[str, Field(description="The key of the allocation that the machine will make.")]
    prefix: str | int
    vrf: str | int | None
    dns_name: str
    owner: str
    expires_at: Moment
    token: str


def key_members(key: ApiKey) -> dict[str, Json]:
    """An API key as it is shown."""
    return {
        "id": key.id,
        "client": key.client,
        "label": key.label,
        "source_networks": list(key.bounds.networks),
        "actions": list(key.bounds.actions),
        "prefixes": list(key.bounds.prefixes),
        "names": list(key.bounds.names),
        "quota": key.bounds.quota,
        "created_by": key.created_by,
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at),
        "last_used_at": _moment(key.last_used_at),
        "revoked_at": _moment(key.revoked_at),
    }


def made_members(made: MadeKey) -> dict[str, Json]:
    """A new API key as it is shown, once."""
    return {**key_members(made.key), "token": made.text}


def enrolment_members(issued: Issued) -> dict[str, Json]:
    """A new enrolment as it is shown, once."""
    enrolment = issued.enrolment
    return {
        "id": enrolment.id,
        "key": enrolment.key,
        "prefix": enrolment.words["prefix"],
        "vrf": enrolment.words.get("vrf"),
        "dns_name": enrolment.words["dns_name"],
        "owner": enrolment.owner,
        "expires_at": _moment(enrolment.expires_at),
        "token": issued.text,
    }


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
