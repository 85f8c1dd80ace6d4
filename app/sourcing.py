"""The secrets that Berth runs on: from where the settings say, read again while it runs."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from structlog.typing import FilteringBoundLogger

from app.access.tokens import owner_client
from app.credentials.choice import secret_of
from app.credentials.file import read_secret
from app.credentials.infisical import InfisicalPlace
from app.credentials.secret import Secret
from app.domain.errors import LedgerUnavailable
from app.domain.policy import Client
from app.ledger.ports import Store
from app.settings import Settings, listed
from app.telemetry.metrics import Metrics

DAY: Final = 86_400.0
OLD_AFTER: Final = 90 * DAY
"""Seconds after which a token of NetBox's should be replaced."""
_FINGERPRINT: Final = b"berth: which token is this, not what is it"


def netbox_token(settings: Settings) -> Secret:
    """The token for NetBox.

    Raises:
        SecretMissing: it is not where the settings say.
    """
    return secret_of(
        "NETBOX_API_TOKEN",
        _text(settings.netbox_api_token),
        settings.netbox_api_token_file,
        _place(settings, "NETBOX_API_TOKEN"),
    )


def own_token(settings: Settings) -> Secret | None:
    """The token that may do everything; None where only the policy knows callers.

    Raises:
        SecretMissing: it is not where the settings say.
    """
    value, file, place = _text(settings.token), settings.token_file, _place(settings, "BERTH_TOKEN")
    if value is None and file is None and place is None:
        return None
    return secret_of("BERTH_TOKEN", value, file, place)


def _place(settings: Settings, name: str) -> InfisicalPlace | None:
    if not settings.infisical_universal_auth_client_id or name not in listed(settings.infisical_secrets):
        return None
    file = settings.infisical_universal_auth_client_secret_file
    return InfisicalPlace(
        url=settings.infisical_api_url,
        client_id=settings.infisical_universal_auth_client_id,
        client_secret=lambda: _client_secret(settings.infisical_universal_auth_client_secret, file),
        project=settings.infisical_project_id,
        environment=settings.infisical_environment,
        path=settings.infisical_path,
        seconds=settings.infisical_seconds,
    )


def _client_secret(secret: SecretStr | None, file: Path | None) -> str:
    return read_secret(file) if file is not None else _text(secret) or ""


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


@dataclass(frozen=True, slots=True)
class OwnerClients:
    """The client whose token the settings name, with that token as it is now; nobody where there is none."""

    owner: str
    token: Secret | None

    def __iter__(self) -> Iterator[Client]:
        """At most one."""
        if self.token is not None:
            yield owner_client(self.owner, self.token.current())


def fingerprint(token: str) -> str:
    """What tells one token from another and gives nothing of it away: 64 bits of a keyed hash."""
    return hmac.new(_FINGERPRINT, token.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:16]


@dataclass(slots=True)
class Freshness:
    """Reads the secrets again, and tells metrics and log how old they are."""

    secrets: Sequence[Secret]
    store: Store
    metrics: Metrics
    log: FilteringBoundLogger
    now: Callable[[], float] = time.time
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _warned: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Show, at every scrape, when each secret was last read."""
        for secret in self.secrets:
            self.metrics.watch_secret(secret.name, secret.seconds_since_read)

    async def __call__(self) -> None:
        """Read every secret again, and look how old it is."""
        await asyncio.gather(*(self._renew(secret) for secret in self.secrets))

    async def _renew(self, secret: Secret) -> None:
        if await secret.refresh():
            self.log.info("a secret was replaced", name=secret.name)
        if secret.problem:
            self.metrics.secret_unread(secret.name)
            self.log.error("a secret cannot be read, its last value stays in use", problem=secret.problem)
        await self.look(secret)

    async def look(self, secret: Secret) -> None:
        """Tell how old this secret is, by when its fingerprint was first seen."""
        mark = fingerprint(secret.current())
        if self._seen.get(secret.name, ("", 0.0))[0] != mark:
            now = self.now()
            try:
                first = await self.store.write(lambda tx: tx.first_seen(secret.name, mark, now))
            except LedgerUnavailable:
                return
            self._seen[secret.name] = (mark, first)
            self.metrics.secret_first_seen(secret.name, first)
        self._warn(secret.name, self.now() - self._seen[secret.name][1])

    def _warn(self, name: str, age: float) -> None:
        """Once a day, where it is old."""
        if age > OLD_AFTER and self.now() - self._warned.get(name, -DAY) >= DAY:
            self._warned[name] = self.now()
            self.log.warning("a secret is old: replace it", name=name, days=int(age / DAY))


async def keep_fresh(freshness: Freshness, log: FilteringBoundLogger, seconds: float) -> None:
    """Look now, and read the secrets again every so many seconds, until cancelled."""
    for secret in freshness.secrets:
        await freshness.look(secret)
    while True:
        await asyncio.sleep(seconds)
        try:
            await freshness()
        except Exception:  # one bad pass must not end all others
            log.exception("reading the secrets again failed")
