"""An in-memory stand-in for the operations on API keys and enrolments."""

from dataclasses import dataclass, field, replace

from app.api.desk import CredentialDesk
from app.domain.commands import Caller, Place, Traits, Wish
from app.domain.credentials import ApiKey, Enrolment
from app.domain.errors import KeyConflict, NotFound
from app.operations.answers import Page
from app.operations.enrol import EnrolmentWish, Issued
from app.operations.keys import KeyWish, MadeKey
from tests.api.twin import Twin

NOW = 1_795_123_800.0


@dataclass
class KeyTwin:
    """Keeps keys in a dict."""

    twin: Twin
    keys: dict[str, ApiKey] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget everything."""
        self.keys.clear()

    def desk(self) -> CredentialDesk:
        """The desk whose operations these are."""
        return CredentialDesk(
            create_key=self.create, list_keys=self.page, revoke_key=self.revoke, enrol=self.enrol
        )

    async def create(self, caller: Caller, wish: KeyWish) -> MadeKey:
        """Make one."""
        self.twin.fail()
        key = ApiKey(
            id=f"key{len(self.keys)}",
            client=wish.client,
            digest="0" * 64,
            label=wish.label,
            bounds=wish.bounds,
            created_by=caller.owner,
            created_at=NOW,
            expires_at=None if wish.expires_in is None else NOW + wish.expires_in,
        )
        self.keys[key.id] = key
        return MadeKey(key, f"berth_{key.id}_secret")

    async def page(self, client: str, cursor: str | None, limit: int) -> Page[ApiKey]:
        """List some."""
        self.twin.fail()
        found = [key for key in self.keys.values() if client in ("", key.client) and key.id > (cursor or "")]
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def revoke(self, caller: Caller, key_id: str) -> None:
        """Revoke one."""
        self.twin.fail()
        if key_id not in self.keys:
            raise NotFound
        self.keys[key_id] = replace(self.keys[key_id], revoked_at=NOW, created_by=caller.owner)

    async def enrol(self, caller: Caller, wish: EnrolmentWish) -> Issued:
        """Issue one, where an allocation could be made."""
        words = {"prefix": wish.prefix, "dns_name": wish.dns_name}
        asked = Wish(
            key=wish.key, place=Place(prefix=wish.prefix), traits=Traits(dns_name=wish.dns_name), sent=words
        )
        result = await self.twin.allocate(caller, asked, dry_run=True)
        if result.replayed:
            raise KeyConflict
        enrolment = Enrolment(
            id="enrolment0",
            owner=caller.owner,
            digest="0" * 64,
            key=result.allocation.key,
            words=words,
            expires_at=NOW + wish.expires_in,
        )
        return Issued(enrolment, "berthenrol_enrolment0_secret")
