"""What a source of a secret is. Sources raise `SecretMissing` when they have nothing to give."""

from typing import Protocol


class SecretMissing(Exception):
    """A secret is not where it was said to be; the text says where that is, never what it was."""


class Source(Protocol):
    """A place that holds one secret, which somebody may change while Berth runs."""

    def read(self) -> str:
        """The secret as it is there now, without white space around it. May block, for a limited time.

        Raises:
            SecretMissing: it is not there, or is empty.
        """
        ...
