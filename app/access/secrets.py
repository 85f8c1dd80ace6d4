"""The form of Berth's own secrets, `berth_<id>_<secret><checksum>`, and what is kept of them.

The id finds what is kept; the secret has 190 random bits; the checksum tells a mistyped or made-up secret
without looking anything up, and a scanner that it has found a real one. What is kept is an HMAC-SHA256 under
a pepper that is not in the database, so that a copy of the database alone allows nobody to try secrets out.
One round is enough: what is random cannot be guessed, however fast.
"""

import hmac
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY: Final = "berth"
ENROLMENT: Final = "berthenrol"
_ID: Final = 12
_SECRET: Final = 32
_CHECKSUM: Final = 6
_PARTS: Final = 3
NOBODY: Final = "0" * 64
"""A digest that no secret has: what is compared with where there is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A new secret. It is shown once, and kept nowhere."""

    id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pepper:
    """What goes into every digest and is kept apart from them."""

    value: bytes = field(repr=False)

    def digest(self, text: str) -> str:
        """What is kept of a secret: its HMAC-SHA256, in hex."""
        return hmac.digest(self.value, text.encode(errors="surrogatepass"), "sha256").hex()

    def fits(self, text: str, digest: str) -> bool:
        """Whether a secret has this digest; compared in constant time."""
        return hmac.compare_digest(self.digest(text), digest)


def mint(kind: str) -> Minted:
    """A new secret of a kind."""
    id_, secret = _random(_ID), _random(_SECRET)
    body = f"{kind}_{id_}_{secret}"
    return Minted(id_, body + _checksum(body))


def id_of(text: str, kind: str) -> str | None:
    """The id in a secret of this kind; None if it is none, or its checksum is wrong."""
    parts = text.split("_")
    if len(parts) != _PARTS or parts[0] != kind or not text.isascii():
        return None
    whole = len(parts[1]) == _ID and len(parts[2]) == _SECRET + _CHECKSUM
    return parts[1] if whole and _checksum(text[:-_CHECKSUM]) == text[-_CHECKSUM:] else None


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
