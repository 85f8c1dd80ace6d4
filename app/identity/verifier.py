"""Is this token what it says? Signature, issuer, audience and times; never what the token itself proposes.

The algorithm is one of those that the policy pins for the issuer, and the key is one that the issuer
publishes: `none`, a symmetric algorithm with a public key for its secret (RFC 8725, section 2.1), a key in
the token's own header (`jwk`, `jku`, `x5u`) all come to nothing.
"""

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError

from app.domain.identity import Claims, Issuer
from app.domain.inventory import Json
from app.identity.provider import Providers

LEEWAY_SECONDS: Final = 30
"""By how much the clocks of Berth and of an issuer may differ."""
LONGEST: Final = 8192
_PARTS: Final = 3
_LONGEST_KEY_ID: Final = 256


class TokenRefused(Exception):
    """The token is not to be believed; the text says why, for Berth's own log only."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies signed tokens. `clock` gives seconds since the epoch."""

    providers: Providers = field(default_factory=Providers)
    clock: Callable[[], float] = time.time

    async def verify(
        self, token: str, issuer: Issuer, *, audience: str | None = None, nonce: str | None = None
    ) -> Claims:
        """What a token of an issuer says.

        Args:
            token: the token, in its compact form (RFC 7515, section 7.1).
            issuer: whose it has to be.
            audience: whom it has to be for, where that is not one of the issuer's audiences.
            nonce: what was sent along when a person was sent to sign in (OpenID Connect Core, 3.1.3.7).

        Raises:
            TokenRefused: it is not to be believed.
            IssuerUnavailable: nobody can say, for the issuer's keys cannot be had.
        """
        header = _header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in issuer.algorithms:
            raise TokenRefused("it is signed with an algorithm that the policy does not name")
        if key_id is not None and (not isinstance(key_id, str) or len(key_id) > _LONGEST_KEY_ID):
            raise TokenRefused("its key id is no text, or too long")
        key = await self.providers.key(issuer, key_id)
        if key is None:
            raise TokenRefused("it is signed with a key that the issuer does not publish")
        try:
            found = jwt.decode(token, key, algorithms=list(issuer.algorithms))
            self._rules(issuer, audience, nonce).validate(found.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(str(error) or type(error).__name__) from error
        return found.claims

    def _rules(self, issuer: Issuer, audience: str | None, nonce: str | None) -> jwt.JWTClaimsRegistry:
        audiences = list(issuer.audiences) if audience is None else [audience]
        rules = jwt.JWTClaimsRegistry(
            now=lambda: int(self.clock()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer.url},
            aud={"essential": True, "values": audiences},
            exp={"essential": True},
            sub={"essential": True},
        )
        if nonce is not None:
            rules.options["nonce"] = {"essential": True, "value": nonce}
        return rules


def issuer_of(token: str) -> str | None:
    """Whom a token says that it is from, not yet verified; None if it is no signed token at all."""
    try:
        found = _json(_split(token)[1]).get("iss")
    except TokenRefused:
        return None
    return found if isinstance(found, str) else None


def _header(token: str) -> Mapping[str, Json]:
    return _json(_split(token)[0])


def _split(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) != _PARTS or len(token) > LONGEST:
        raise TokenRefused("it is no signed token")
    return parts


def _json(part: str) -> Mapping[str, Json]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TokenRefused("it is no signed token")
    return value
