"""What a source of a token is. Sources raise `SecretMissing` when they have nothing to give."""

from typing import Protocol


class SecretMissing(Exception):
    """A secret is not where it was said to be; the text says where that is, never what it was."""


class TokenSource(Protocol):
    """A token that somebody may change while Berth runs."""

    def current(self) -> str:
        """The token as it was last read."""
        ...

    async def refresh(self) -> bool:
        """Read the token again; whether it changed. A source that cannot be read keeps what it had."""
        ...
