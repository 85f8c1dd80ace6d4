"""From a token to a caller: fixed tokens, known by their SHA-256 digests alone.

The tokens are long and random, so one round of SHA-256 is enough to keep a digest from giving them away.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.domain.commands import Caller
from app.domain.policy import Client, Policy


def digest(token: str) -> str:
    """The SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def owner_client(name: str, token: str) -> Client:
    """The client that the settings name: it may do everything."""
    return Client(name=name, digests=(digest(token),))


@dataclass(frozen=True, slots=True)
class StaticTokens:
    """Knows callers by their tokens: those of the settings, and the clients of the policy in force."""

    fixed: Iterable[Client] = ()
    policy: Callable[[], Policy] = field(default=Policy.default)

    async def authenticate(self, token: str, client_address: str) -> Caller | None:  # noqa: ARG002 - from anywhere
        """The caller that this token belongs to; None if it is nobody's.

        Every digest is compared in constant time, whether one has matched or not, so the time tells nothing
        about which client it was or how much of a digest fits.
        """
        offered = digest(token)
        found: Client | None = None
        for client, known in _entries([*self.fixed, *self.policy().clients]):
            if hmac.compare_digest(known, offered) and found is None:
                found = client
        return None if found is None else caller_of(found)

    def caller(self, name: str) -> Caller | None:
        """The caller that a client is, however it has shown that; None if there is no such client any more.

        Without a policy file there is nobody to ask, and any name is a client's.
        """
        for client in (*self.fixed, *self.policy().clients):
            if client.name == name:
                return caller_of(client)
        return None if self.policy().sha256 else Caller(owner=name)


def caller_of(client: Client) -> Caller:
    """The caller that a client's token stands for."""
    return Caller(owner=client.name, operator=client.operator, rules=client.rules)


def _entries(clients: Iterable[Client]) -> Iterable[tuple[Client, str]]:
    return ((client, known) for client in clients for known in client.digests)
