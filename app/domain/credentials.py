"""What callers show to say who they are, as Berth keeps it: no secret, only what it can be known by."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.inventory import Host, Json, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a credential may do at most, beside what its client may do. What is empty narrows nothing.

    Attributes:
        actions: the actions that it may do, by name.
        prefixes: the CIDRs that it may allocate in; each means every prefix inside it, too.
        names: RE2 patterns, of which a whole name has to match one.
        quota: how many addresses it may hold at once; None: any number.
        networks: the CIDRs that it may be used from.
    """

    actions: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    quota: int | None = None
    networks: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether it may do less than its client, from wherever it is used."""
        return bool(self.actions or self.prefixes or self.names) or self.quota is not None

    def admits(self, client_address: str) -> bool:
        """Whether the credential counts where it comes from."""
        if not self.networks:
            return True
        host = host_of(client_address)
        return host is not None and any(host in ipaddress.ip_network(each) for each in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key. `digest` is its HMAC-SHA256 in hex; times are seconds since the epoch, UTC.

    `label` says what it is for; `created_by` is the owner who had it made.
    """

    id: str
    client: str
    digest: str = field(repr=False)
    label: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    created_by: str = ""
    created_at: float = 0.0
    expires_at: float | None = None
    last_used_at: float | None = None
    revoked_at: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it counts at a moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A token for one machine, good for one allocation.

    Attributes:
        owner: who issued it, and whom the allocation will belong to.
        key: the key of the allocation that it is for.
        words: what it is for, as it was written: `prefix`, `dns_name` and maybe `vrf`.
        expires_at: until when it counts.
        used_at: when it was used; `used_from` is the address of the machine that did.
        operation: what it was used for.
    """

    id: str
    owner: str
    digest: str = field(repr=False)
    key: str
    words: Mapping[str, Json]
    created_at: float = 0.0
    expires_at: float = 0.0
    used_at: float | None = None
    used_from: str = ""
    operation: str = ""


def host_networks(text: str) -> Network:
    """The network that a CIDR names; a host is one by itself.

    Raises:
        ValueError: it names none, or has bits set beyond its mask.
    """
    return ipaddress.ip_network(text)


def host_of(address: str) -> Host | None:
    """The host that a peer's address stands for; an IPv4 one that IPv6 wraps is the IPv4 one."""
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return None
    wrapped = host.ipv4_mapped if host.version == 6 else None  # noqa: PLR2004 - IPv6
    return wrapped or host
