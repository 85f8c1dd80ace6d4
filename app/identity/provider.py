"""What issuers publish, remembered: their configuration and their keys, fetched no oftener than need be.

An issuer's keys are fetched again after an hour, or when a token names a key that is not among them; but
never within half a minute of the last try, whatever comes in, or else anybody could have Berth call the
issuer with every made-up key id. An issuer that cannot be reached is believed by its last keys for a day.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from app.domain.errors import IssuerUnavailable
from app.domain.identity import Issuer, is_safe
from app.domain.inventory import Json
from app.identity.fetch import Fetch, HttpFetch, NotFetched

Key: TypeAlias = RSAKey | ECKey | OKPKey

FRESH_SECONDS: Final = 3600.0
STALE_SECONDS: Final = 24 * 3600.0
PAUSE_SECONDS: Final = 30.0
MOST_KEYS: Final = 64
_ASYMMETRIC: Final = frozenset({"RSA", "EC", "OKP"})
_CONFIGURATION: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """An issuer's configuration (OpenID Connect Discovery 1.0, section 3), as far as it is used."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    end_session_endpoint: str = ""


@dataclass(slots=True)
class _Shelf:
    """What is remembered of one issuer. `tried` and `fetched` are moments of the clock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    fetched: float | None = None
    tried: float | None = None
    trouble: str = ""


@dataclass(slots=True)
class Providers:
    """The issuers' configurations and keys. `clock` gives seconds that never go back.

    `told` hears in words why something could not be fetched.
    """

    fetch: Fetch = field(default_factory=HttpFetch)
    clock: Callable[[], float] = time.monotonic
    told: Callable[[str], None] = lambda _trouble: None
    _shelves: dict[tuple[str, str], _Shelf] = field(default_factory=dict)

    async def key(self, issuer: Issuer, key_id: str | None) -> Key | None:
        """The key with this id; without an id, the only one there is. None if there is none.

        Raises:
            IssuerUnavailable: the issuer's keys are not known, and cannot be had.
        """
        shelf = self._shelf(issuer)
        found = _chosen(shelf.keys, key_id)
        if found is not None and self._is_fresh(shelf):
            return found
        await self._refresh(issuer, shelf)
        return _chosen(shelf.keys, key_id)

    async def metadata(self, issuer: Issuer) -> Metadata:
        """The issuer's configuration, for whoever signs people in with it.

        Raises:
            IssuerUnavailable: it cannot be had.
        """
        shelf = self._shelf(issuer)
        if shelf.metadata is None or not self._is_fresh(shelf):
            await self._refresh(issuer, shelf)
        if shelf.metadata is None:
            raise self._unavailable(issuer, shelf)
        return shelf.metadata

    def _shelf(self, issuer: Issuer) -> _Shelf:
        return self._shelves.setdefault((issuer.url, issuer.jwks_uri), _Shelf())

    def _is_fresh(self, shelf: _Shelf) -> bool:
        return shelf.fetched is not None and self.clock() - shelf.fetched < FRESH_SECONDS

    async def _refresh(self, issuer: Issuer, shelf: _Shelf) -> None:
        """Fetch again unless that was tried just now; whoever waited meanwhile finds what was fetched."""
        async with shelf.lock:
            if shelf.tried is None or self.clock() - shelf.tried >= PAUSE_SECONDS:
                await self._fetch(issuer, shelf)
        if shelf.fetched is None or self.clock() - shelf.fetched >= STALE_SECONDS:
            raise self._unavailable(issuer, shelf)

    async def _fetch(self, issuer: Issuer, shelf: _Shelf) -> None:
        shelf.tried = self.clock()
        try:
            if issuer.jwks_uri:
                shelf.keys = _keys(await self.fetch(issuer.jwks_uri))
            else:
                metadata = _metadata(issuer, await self.fetch(issuer.url.rstrip("/") + _CONFIGURATION))
                shelf.keys = _keys(await self.fetch(metadata.jwks_uri))
                shelf.metadata = metadata
        except NotFetched as trouble:
            shelf.trouble = str(trouble)
            self.told(shelf.trouble)
        else:
            shelf.fetched, shelf.trouble = shelf.tried, ""

    def _unavailable(self, issuer: Issuer, shelf: _Shelf) -> IssuerUnavailable:
        since = self.clock() - (self.clock() if shelf.tried is None else shelf.tried)
        why = f" ({shelf.trouble})" if shelf.trouble else ""
        detail = f"The keys of {issuer.url} cannot be had{why}; send the same request again."
        return IssuerUnavailable(detail, retry_after=max(1.0, PAUSE_SECONDS - since))


def _metadata(issuer: Issuer, found: Mapping[str, Json]) -> Metadata:
    """The configuration, which has to be the one of this issuer, and to name addresses with TLS only."""
    if found.get("issuer") != issuer.url:
        raise NotFetched(f"{issuer.url} publishes the configuration of another issuer")
    words = {name: value for name in Metadata.__slots__ if isinstance(value := found.get(name), str)}
    for name, value in words.items():
        if name != "issuer" and not is_safe(value):
            raise NotFetched(f"{issuer.url} names no https address as its {name}")
    if "jwks_uri" not in words:
        raise NotFetched(f"{issuer.url} does not say where its keys are")
    return Metadata(**words)


def _keys(found: Mapping[str, Json]) -> Mapping[str, Key]:
    """The public keys for signatures, by their ids. What is understood of a set counts, up to a number."""
    listed = found.get("keys")
    keys: dict[str, Key] = {}
    for each in listed[:MOST_KEYS] if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("use") in (None, "sig") and (key := _key(each)) is not None:
            keys.setdefault(str(each.get("kid") or key.thumbprint()), key)
    if not keys:
        raise NotFetched("the issuer publishes no key for signatures")
    return keys


def _key(found: Mapping[str, Json]) -> Key | None:
    """An asymmetric key. A symmetric one that is published is no secret, and signs nothing."""
    if found.get("kty") not in _ASYMMETRIC:
        return None
    try:
        key = JWKRegistry.import_key(dict(found))  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    assert isinstance(key, RSAKey | ECKey | OKPKey)  # noqa: S101 - its type is one of the three
    return key


def _chosen(keys: Mapping[str, Key], key_id: str | None) -> Key | None:
    if key_id is not None:
        return keys.get(key_id)
    return next(iter(keys.values())) if len(keys) == 1 else None
