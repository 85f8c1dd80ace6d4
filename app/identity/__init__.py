"""Signed tokens of others (JWT, OpenID Connect): who issued them, with which keys, and what they say."""

from app.identity.provider import Metadata, Providers
from app.identity.verifier import TokenRefused, Verifier, issuer_of

__all__ = ["Metadata", "Providers", "TokenRefused", "Verifier", "issuer_of"]
