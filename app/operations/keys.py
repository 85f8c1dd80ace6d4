"""API keys: made, listed, revoked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from app.access.secrets import KEY, Pepper, mint
from app.domain.commands import Caller
from app.domain.credentials import ApiKey, Bounds
from app.domain.errors import InvalidRequest, KeysUnprepared, NotFound, Violation
from app.ledger.ledger import Ledger
from app.operations.answers import Page
from app.operations.events import event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """A request for an API key. `expires_in` is in seconds; None: it does not expire."""

    client: str
    label: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key, and its text, which is shown this once."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Makes a key for a client. `clients` are those there are; None: any name will do, as no policy says.

    `pepper` is None where none is set, and replicas would each make their own.
    """

    ledger: Ledger
    pepper: Pepper | None
    clients: Callable[[], Sequence[str] | None]

    async def __call__(self, caller: Caller, wish: KeyWish) -> MadeKey:
        """Make it.

        Raises:
            InvalidRequest: there is no such client.
            KeysUnprepared: there is no pepper.
        """
        if self.pepper is None:
            raise KeysUnprepared
        self._check_client(wish.client)
        minted, now = mint(KEY), self.ledger.clock()
        key = ApiKey(
            id=minted.id,
            client=wish.client,
            digest=self.pepper.digest(minted.text),
            label=wish.label,
            bounds=wish.bounds,
            created_by=caller.owner,
            created_at=now,
            expires_at=None if wish.expires_in is None else now + wish.expires_in,
        )
        event = event_of(caller, "create_key", subject(key.id))
        await self.ledger.do(replace(event, name=wish.client), "created", lambda tx: tx.add_api_key(key))
        return MadeKey(key, minted.text)

    def _check_client(self, client: str) -> None:
        known = self.clients()
        if known is None or client in known:
            return
        near = get_close_matches(client, known, n=3) or known[:10]
        detail = f"the policy has no client {client!r}; it has {', '.join(near) or 'none'}"
        raise InvalidRequest(errors=[Violation("/client", "unknown_client", detail)])


@dataclass(frozen=True, slots=True)
class ListKeys:
    """Lists keys, also those that do not count any more; never what they are known by."""

    ledger: Ledger

    async def __call__(self, client: str, cursor: str | None, limit: int) -> Page[ApiKey]:
        """Those of a client (empty: of all), in order of id, after the cursor."""
        found = await self.ledger.read(lambda tx: tx.api_keys(client, cursor or "", limit + 1))
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Has a key count no longer. It stays in the list."""

    ledger: Ledger

    async def __call__(self, caller: Caller, key_id: str) -> None:
        """Revoke it; one that is revoked stays so.

        Raises:
            NotFound: there is no such key.
        """
        key = await self.ledger.read(lambda tx: tx.api_key(key_id))
        if key is None:
            raise NotFound(f"There is no API key with the id {key_id!r}; `berth keys list` shows them.")
        if key.revoked_at is not None:
            return
        now = self.ledger.clock()
        event = replace(event_of(caller, "revoke_key", subject(key_id)), name=key.client)
        await self.ledger.do(event, "revoked", lambda tx: tx.revoke_api_key(key_id, now))


def subject(key_id: str) -> str:
    """What the audit log calls an API key; no caller can choose such a key for an allocation."""
    return f"~key~{key_id}"
