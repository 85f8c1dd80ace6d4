"""Who is let in: what knows callers, and what makes and revokes the things that they show."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import make_url
from structlog.typing import FilteringBoundLogger

from app.access.callers import Callers
from app.access.enrolments import EnrolmentDesk
from app.access.keys import KeyRing, LastUses
from app.access.secrets import Pepper
from app.access.tokens import StaticTokens
from app.api.desk import CredentialDesk
from app.credentials.pepper import pepper_of
from app.domain.credentials import ApiKey, Enrolment
from app.domain.errors import LedgerUnavailable
from app.domain.policy import Client, Policy
from app.identity import Providers, Verifier
from app.identity.believed import Believed, Note
from app.ledger.ledger import Ledger
from app.operations.enrol import AllocateEnrolled, Enrol, Writer
from app.operations.keys import CreateKey, ListKeys, RevokeKey
from app.operations.narrowing import narrowing_of
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Everything about who calls.

    `callers` knows whoever may call the API; `people` knows the same but for enrolment tokens, which are for
    machines. `verifier` is what signs people in with a token of their identity provider.
    """

    callers: Callers
    people: Callers
    verifier: Verifier
    desk: CredentialDesk
    allocate: AllocateEnrolled
    uses: LastUses


def admit(  # noqa: PLR0913, PLR0917 - whoever calls is known by all of these
    settings: Settings,
    policy: Callable[[], Policy],
    fixed: Iterable[Client],
    ledger: Ledger,
    allocate: Writer,
    log: FilteringBoundLogger,
) -> Admission:
    """Put it together. `fixed` are the clients that the settings name, as their tokens are now.

    Raises:
        SecretMissing: a secret is not where the settings say that it is.
    """
    pepper, uses = _pepper(settings), LastUses()
    verifier = Verifier(Providers(told=lambda trouble: log.warning("issuer in trouble", detail=trouble)))
    people = Callers(
        tokens=StaticTokens(fixed, policy),
        keys=None if pepper is None else KeyRing(_Kept(ledger).key, pepper, time.time, uses),
        narrow=narrowing_of,
        verify=Believed(verifier, lambda: policy().issuers, _refused(log)),
    )
    return Admission(
        callers=people.with_enrolments(
            None if pepper is None else EnrolmentDesk(_Kept(ledger).enrolment, pepper, time.time)
        ),
        people=people,
        verifier=verifier,
        desk=CredentialDesk(
            create_key=CreateKey(ledger, pepper, lambda: _clients(settings, policy())),
            list_keys=ListKeys(ledger),
            revoke_key=RevokeKey(ledger),
            enrol=Enrol(ledger, pepper, allocate),
        ),
        allocate=AllocateEnrolled(ledger, allocate),
        uses=uses,
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the ledger keeps."""

    ledger: Ledger

    async def key(self, key_id: str) -> ApiKey | None:
        """An API key."""
        return await self.ledger.read(lambda tx: tx.api_key(key_id))

    async def enrolment(self, enrolment_id: str) -> Enrolment | None:
        """An enrolment."""
        return await self.ledger.read(lambda tx: tx.enrolment(enrolment_id))


def _pepper(settings: Settings) -> Pepper | None:
    alone = make_url(settings.database).get_backend_name() == "sqlite"
    value = settings.pepper.get_secret_value() if settings.pepper else None
    found = pepper_of(value, settings.pepper_file, settings.state_dir if alone else None)
    return None if found is None else Pepper(found)


def _clients(settings: Settings, policy: Policy) -> list[str] | None:
    """The clients that there are; None where no policy says."""
    return [settings.owner, *(each.name for each in policy.clients)] if policy.sha256 else None


def _refused(log: FilteringBoundLogger) -> Note:
    def told(issuer: str, reason: str) -> None:
        log.info("JWT refused", issuer=issuer, reason=reason)

    return told


async def keep_noting(uses: LastUses, ledger: Ledger, log: FilteringBoundLogger, seconds: float = 60) -> None:
    """Write down every so many seconds when API keys were used last, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await note_uses(uses, ledger, log)


async def note_uses(uses: LastUses, ledger: Ledger, log: FilteringBoundLogger) -> None:
    """Write down when API keys were used last. If it cannot be written, it is lost, and nobody waits."""
    if noted := uses.take():
        try:
            await ledger.store.write(lambda tx: tx.note_uses(noted))
        except LedgerUnavailable:
            log.warning("last uses of API keys not written", number=len(noted))
