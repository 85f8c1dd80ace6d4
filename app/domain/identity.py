"""Whose word Berth takes for who calls: issuers of signed tokens, and what their claims make of a caller."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from app.domain.inventory import Json
from app.domain.rights import Rule

Claims: TypeAlias = Mapping[str, Json]
"""What a token says, once its signature, issuer, audience and times are known to be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMapping:
    """Which tokens of an issuer are one client's.

    Every claim that is listed has to have one of its patterns, in which `*` stands for any characters but
    nothing else is special. Of a claim that is a list, one item is enough. `rules`, where there are any, hold
    instead of the client's own.
    """

    client: str
    claims: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...] | None = None

    def covers(self, claims: Claims) -> bool:
        """Whether a token with these claims is this client's. A mapping without any claim covers nothing."""
        fitting = (_has(claims.get(name), patterns) for name, patterns in self.claims.items())
        return bool(self.claims) and all(fitting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Somebody who signs tokens. `url` is its `iss`, to the letter.

    Attributes:
        url: its address, under which its configuration is published (OpenID Connect Discovery 1.0).
        audiences: the `aud` that a token has to have one of.
        algorithms: the only signatures that count, asymmetric ones (RFC 7518).
        jwks_uri: where its keys are, if it publishes no configuration.
        mappings: which tokens are whose; the first that fits counts.
    """

    url: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256",)
    jwks_uri: str = ""
    mappings: tuple[ClaimMapping, ...] = field(default=())

    def mapping(self, claims: Claims) -> ClaimMapping | None:
        """The first mapping that covers a token; None if it is nobody's."""
        return next((each for each in self.mappings if each.covers(claims)), None)


def is_safe(url: str) -> bool:
    """Whether an address has TLS, or never leaves this machine; it holds no login."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has(value: Json, patterns: Iterable[str]) -> bool:
    words = [_word(each) for each in (value if isinstance(value, list) else [value])]
    return any(word is not None and _fits(pattern, word) for word in words for pattern in patterns)


def _word(value: Json) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def _fits(pattern: str, text: str) -> bool:
    """Whether a text has a pattern with `*`. Each part is looked for once, so the time is linear in both."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first):
        return False
    place = len(first)
    for part in middle:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - place >= len(last) and text.endswith(last)
