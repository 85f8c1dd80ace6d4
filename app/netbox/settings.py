"""What the NetBox room needs to be told: one frozen value, filled from the environment elsewhere."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class NetBoxSettings:
    """How to reach NetBox, and how much to ask of it at once. All times are in seconds.

    Attributes:
        url: NetBox's address as people type it, without `/api`; a path before it is kept.
        public_url: what links shown to people start with; empty: `url`.
        connect_timeout: until a connection stands.
        call_timeout: until the whole answer is there, from when the call is sent.
        lock_slots: calls at once of those that take NetBox's advisory lock (100200): available-ips and
            the creation, change and deletion of addresses.
        write_slots: other writes at once.
        read_slots: reads at once.
        queue: how many calls may wait for each kind of slot.
        attempts: how often a call that never reached NetBox is tried, the first time included.
        retry_share: retries never exceed this share of the calls.
        breaker_failures: so many failures in a row open the circuit breaker.
        breaker_seconds: how long it stays open before one call is let through.
        cache_seconds: how long prefixes, VRFs, tags and the like are remembered.
        verify: whether the certificate of NetBox is checked.
        ca_file: a file of PEM certificates to check it against instead of the public ones.
        proxy: an HTTP proxy to go through; the environment's are not looked at.
        max_answer: the longest answer that is read, in bytes.
    """

    url: str
    public_url: str = ""
    connect_timeout: float = 3.0
    call_timeout: float = 15.0
    lock_slots: int = 1
    write_slots: int = 2
    read_slots: int = 4
    queue: int = 200
    attempts: int = 3
    retry_share: float = 0.2
    breaker_failures: int = 5
    breaker_seconds: float = 10.0
    cache_seconds: float = 30.0
    verify: bool = True
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    max_answer: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if "@" in parts.netloc:
            raise ValueError("NETBOX_URL must not hold a user or a password")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"NETBOX_URL must look like https://netbox.example.com, not {self.url!r}")

    @property
    def base(self) -> str:
        """The URL without a slash or `/api` at its end."""
        return self.url.rstrip("/").removesuffix("/api").rstrip("/")

    @property
    def links(self) -> str:
        """What links shown to people start with, without a slash at the end."""
        return (self.public_url or self.base).rstrip("/")
