"""The policy file field by field. Unknown fields are refused; a field that is null counts as left out."""

import ipaddress
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from app.domain.identity import is_safe
from app.domain.policy import GatewayRule
from app.domain.rights import Action, Rate
from app.naming.patterns import compiled, fits
from app.naming.rules import HOST_RULES

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_GATEWAY_WORDS = ("first", "none")
_GATEWAY_MARKS = ("custom_field", "role", "tag")
_GATEWAY_HELP = "write an address, `first`, `none`, or one of {custom_field: name}, {role: name}, {tag: slug}"


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"{error}{_without_host(value)}") from None


def _without_host(text: str) -> str:
    try:
        return f"; did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return ""


def _host(value: object) -> object:
    return str(ipaddress.ip_address(value)) if isinstance(value, str) else value


def _domain(value: object) -> object:
    if not isinstance(value, str):
        return value
    domain = value.strip(".").lower()
    for _, rule in HOST_RULES:
        if detail := rule(domain):
            raise ValueError(detail)
    return domain


def _pattern(value: object) -> object:
    if isinstance(value, str):
        compiled(value)
    return value


def _word(value: object) -> object:
    if isinstance(value, str) and not fits(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError("write letters, digits, dots, hyphens and underscores, at most 64")
    return value


def _digest(value: object) -> object:
    if isinstance(value, str) and not fits(r"[0-9A-Fa-f]{64}", value):
        raise ValueError("write 64 hex digits, as `printf %s TOKEN | sha256sum` prints them")
    return _lower(value)


def _gateway(value: object) -> object:
    if isinstance(value, dict) and len(value) == 1:
        [(kind, name)] = value.items()
        if kind in _GATEWAY_MARKS and isinstance(name, str) and name:
            return GatewayRule(kind, name)
    if isinstance(value, str):
        if value in _GATEWAY_WORDS:
            return GatewayRule("first" if value == "first" else "none")
        try:
            return GatewayRule("literal", str(ipaddress.ip_address(value)))
        except ValueError:
            pass
    raise ValueError(_GATEWAY_HELP)


def _safe_address(value: object) -> object:
    if isinstance(value, str) and not is_safe(value):
        raise ValueError("write an address with https:// (http:// is for this machine only)")
    return value


def _action(value: object) -> object:
    if isinstance(value, str) and value in set(Action):
        return Action(value)
    raise ValueError(f"write one of {', '.join(Action)}")


def _rate(value: object) -> object:
    if isinstance(value, str):
        count, _, unit = value.partition("/")
        if count.isascii() and count.isdecimal() and int(count) and unit in _SECONDS:
            return Rate(int(count), _SECONDS[unit])
    raise ValueError("write a number of requests and a time, such as 10/second, 600/minute or 5000/hour")


Some = Field(min_length=1)
"""An empty list narrows nothing, which is seldom what it is meant to say."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Word: TypeAlias = Annotated[str, BeforeValidator(_word)]
Cidr: TypeAlias = Annotated[
    InstanceOf[ipaddress.IPv4Network] | InstanceOf[ipaddress.IPv6Network], BeforeValidator(_network)
]
"""A prefix such as `192.168.3.0/24`, without host bits."""
Host: TypeAlias = Annotated[str, BeforeValidator(_host)]
Domain: TypeAlias = Annotated[str, BeforeValidator(_domain)]
Pattern: TypeAlias = Annotated[str, Field(max_length=2000), BeforeValidator(_pattern)]
Gateway: TypeAlias = Annotated[InstanceOf[GatewayRule], BeforeValidator(_gateway)]
Digest: TypeAlias = Annotated[str, BeforeValidator(_digest)]
Speed: TypeAlias = Annotated[InstanceOf[Rate], BeforeValidator(_rate)]
Right: TypeAlias = Annotated[InstanceOf[Action], BeforeValidator(_action)]
Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
Permission: TypeAlias = Literal["children", "container", "deprecated", "utilized"]


class Strict(BaseModel):
    """What all of them share: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class RuleModel(Strict):
    """Allows some actions, in some places; all parts that are given have to fit."""

    actions: Annotated[list[Right], Some] = Field(description="What it allows.")
    prefixes: Annotated[list[Cidr], Some] | None = Field(
        None, description="CIDRs; each means every prefix inside it, too."
    )
    vrfs: Annotated[list[Text | None], Some] | None = Field(
        None, description="VRFs by name; `null` is the global table."
    )
    tenants: Annotated[list[Text], Some] | None = Field(None, description="Tenants by slug.")
    names: Annotated[list[Pattern], Some] | None = Field(
        None, description="RE2 patterns; the whole name, in small letters, has to match one of them."
    )
    owners: Annotated[list[Word], Some] | None = Field(
        None, description="Whose objects: `own` (the default), `all`, or clients by name."
    )
    quota: Annotated[int, Field(ge=0, le=10_000_000)] | None = Field(
        None, description="How many addresses a client may hold at once in these prefixes."
    )
    rate: Speed | None = Field(
        None, description="How fast its requests may come, such as `10/second` or `600/minute`."
    )


class ClientModel(Strict):
    """Somebody who may call. What it may do has to be said."""

    roles: Annotated[list[Word], Some] | None = Field(
        None, description="Roles: `allocator`, `operator`, `auditor`, `administrator`, or some of `roles`."
    )
    rules: Annotated[list[RuleModel], Some] | None = Field(None, description="Rules of this client's own.")

    token_sha256: list[Digest] | None = Field(
        None, description="SHA-256 digests (hex) of this client's tokens."
    )
    token_env: Word | None = Field(None, description="An environment variable that holds a token.")
    token_file: Text | None = Field(None, description="A file that holds a token; read with the policy.")
    default_tags: list[Text] | None = Field(None, description="Tags that everything this client makes gets.")


class ScopeModel(Strict):
    """Which names a convention is for; all parts that are given have to fit."""

    domains: Annotated[list[Domain], Some] | None = Field(
        None, description="Domains; each means everything below it, too."
    )
    prefixes: Annotated[list[Cidr], Some] | None = Field(
        None, description="CIDRs; each means every prefix inside it, too."
    )
    vrfs: Annotated[list[Text | None], Some] | None = Field(
        None, description="VRFs by name; `null` is the global table."
    )
    tenants: Annotated[list[Text], Some] | None = Field(None, description="Tenants by slug.")
    roles: Annotated[list[Text], Some] | None = Field(
        None, description="Roles of addresses, such as `loopback`."
    )


class MessagesModel(Strict):
    """What people are told, by rule."""

    pattern: Text | None = Field(None, description="Told when the pattern does not match.")
    domain: Text | None = Field(None, description="Told when the name lies outside of `allowed_domains`.")
    reserved: Text | None = Field(None, description="Told when the name is reserved.")
    too_long: Text | None = Field(None, description="Told when the name is longer than `max_length`.")


class MachineConventionModel(Strict):
    """A convention for the names of virtual machines."""

    name: Text = Field(description="What the convention is called in messages.")
    scope: ScopeModel | None = Field(None, description="Which names it is for; without it, all.")
    pattern: Pattern | None = Field(
        None, description="An RE2 pattern that the whole name has to match; capitals count as small letters."
    )
    allowed_domains: Annotated[list[Domain], Some] | None = Field(
        None, description="The only domains that names may lie in."
    )
    reserved: list[Annotated[str, BeforeValidator(_lower)]] | None = Field(
        None, description="Names that nobody may take: a first label, or with a dot a whole name."
    )
    max_length: Annotated[int, Field(ge=1, le=253)] | None = Field(None, description="The longest name.")
    enforce: Literal["refuse", "warn"] | None = Field(
        None, description="`refuse` (the default), or `warn`: the breach is told, the name is taken."
    )
    messages: MessagesModel | None = Field(None, description="What people are told, by rule.")
    examples: list[Text] | None = Field(
        None, description="Names that keep this convention; the file is refused if they do not."
    )


class DnsConventionModel(MachineConventionModel):
    """A convention for DNS names."""

    unique: Literal["vrf", "off"] | None = Field(
        None,
        description="`vrf` (the default): a name is used once in a VRF and family; `off`: it may repeat.",
    )


class NamesModel(Strict):
    """The naming conventions."""

    dns: list[DnsConventionModel] | None = Field(None, description="Conventions for DNS names.")
    machines: list[MachineConventionModel] | None = Field(
        None, description="Conventions for the names of virtual machines."
    )
    machine_form: Literal["label", "host"] | None = Field(
        None, description="What the name of a machine is: a `label` (the default), or a whole `host` name."
    )


class RulesModel(Strict):
    """What holds for prefixes."""

    gateway: Gateway | None = Field(
        None,
        description="An address, `first` (the first usable one), `none`, or what marks it in NetBox: "
        "`{custom_field: name}` of the prefix, `{role: name}` or `{tag: slug}` of an address.",
    )
    record_gateway: bool | None = Field(
        None,
        description="Whether Berth may write a gateway into NetBox that is missing there; else it refuses.",
    )
    dns_servers: list[Host] | None = Field(None, description="Name servers that answers show.")
    allow: list[Permission] | None = Field(
        None,
        description="Of `children`, `container`, `deprecated` and `utilized`, what addresses may come from: "
        "by default, prefixes that have child prefixes, or that NetBox marks so, are closed.",
    )
    default_tags: list[Text] | None = Field(None, description="Tags that every address gets.")
    shared_roles: bool | None = Field(
        None,
        description="Whether roles are allowed that let an address have several owners (vip, anycast, …).",
    )


class PrefixModel(RulesModel):
    """What holds for the prefixes inside a CIDR."""

    prefix: Cidr = Field(description="The CIDR; what is said holds for every prefix inside it.")
    vrf: Text | None = Field(
        None, description="A VRF by name, or `null` for the global table; left out, whatever VRF."
    )


class TagsModel(Strict):
    """Tags that are given unasked."""

    domains: dict[Domain, list[Text]] | None = Field(None, description="Tags by domain of the DNS name.")


class MappingModel(Strict):
    """Which tokens of an issuer are whose."""

    client: Word = Field(description="The client that the token is, one of `clients`.")
    claims: Annotated[dict[Text, Text | Annotated[list[Text], Some]], Some] = Field(
        description="Claims that the token has to have, each with a value or several; `*` is any text."
    )
    roles: Annotated[list[Word], Some] | None = Field(
        None, description="Roles that hold instead of what the client may do."
    )


class IssuerModel(Strict):
    """Somebody whose signed tokens count: a CI system, an identity provider."""

    issuer: Annotated[Text, BeforeValidator(_safe_address)] = Field(
        description="Its address, as the `iss` of its tokens has it, to the letter."
    )
    audience: Text | Annotated[list[Text], Some] = Field(
        description="The `aud` that its tokens must have, or several of which one is enough."
    )
    algorithms: Annotated[list[Algorithm], Some] | None = Field(
        None,
        description="The signatures that count, `[RS256]` by default; never `none`, never a shared secret.",
    )
    jwks_uri: Annotated[Text, BeforeValidator(_safe_address)] | None = Field(
        None, description="Where its keys are, if it has no `/.well-known/openid-configuration`."
    )
    clients: Annotated[list[MappingModel], Some] = Field(
        description="Which tokens are whose; the first that fits counts, and what fits none is refused."
    )


class PolicyModel(Strict):
    """The whole file."""

    version: Literal[1] | None = Field(None, description="The version of this format: 1.")
    clients: dict[Word, ClientModel] | None = Field(None, description="Who may call, by name of the owner.")
    roles: dict[Word, Annotated[list[RuleModel], Some]] | None = Field(
        None, description="Roles of one's own, by name: the rules of each."
    )
    issuers: list[IssuerModel] | None = Field(None, description="Whose signed tokens count.")
    names: NamesModel | None = Field(None, description="The naming conventions.")
    defaults: RulesModel | None = Field(None, description="What holds for every prefix.")
    prefixes: list[PrefixModel] | None = Field(
        None, description="What holds for some; of several, the most specific CIDR wins, field by field."
    )
    tags: TagsModel | None = Field(None, description="Tags that are given unasked.")
