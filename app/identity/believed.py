"""The tokens of the issuers that the policy in force trusts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.domain.identity import Claims, Issuer
from app.identity.verifier import TokenRefused, Verifier, issuer_of


class Note(Protocol):
    """Hears why a token was refused."""

    def __call__(self, issuer: str, reason: str) -> None:
        """A token that says it is from this issuer was refused."""
        ...


@dataclass(frozen=True, slots=True)
class Believed:
    """Verifies tokens of the issuers that there are now."""

    verifier: Verifier
    issuers: Callable[[], tuple[Issuer, ...]]
    refused: Note

    async def __call__(self, token: str) -> tuple[Issuer, Claims] | None:
        """Who issued a token and what it says; None if it is none to be believed.

        Raises:
            IssuerUnavailable: the issuer's keys cannot be had.
        """
        url = issuer_of(token)
        issuer = next((each for each in self.issuers() if each.url == url), None)
        if issuer is None:
            return None
        try:
            return issuer, await self.verifier.verify(token, issuer)
        except TokenRefused as refused:
            self.refused(issuer.url, str(refused))
            return None
