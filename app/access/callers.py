"""Whoever may call: by a fixed token, an API key, somebody else's signed token, or an enrolment token."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from app.access.enrolments import EnrolmentDesk
from app.access.keys import KeyRing
from app.access.secrets import ENROLMENT, KEY
from app.access.tokens import StaticTokens, caller_of
from app.domain.commands import Caller
from app.domain.credentials import Bounds
from app.domain.identity import Claims, Issuer
from app.domain.policy import Client
from app.domain.rights import Action, Rule

LONGEST_CREDENTIAL = 200
Narrow: TypeAlias = Callable[[Bounds], Rule | None]
"""What a key that is bound so may do at most; None: all that its client may."""
ONE_ADDRESS: Final = Rule(actions=frozenset({Action.ALLOCATE}), quota=1, origin="enrolment")
"""What whoever shows an enrolment token may do at most; for which prefix and name, the operation asks."""


class Verify(Protocol):
    """Verifies signed tokens."""

    async def __call__(self, token: str) -> tuple[Issuer, Claims] | None:
        """Who issued a token and what it says; None if it is none to be believed.

        Raises:
            IssuerUnavailable: nobody can say.
        """
        ...


async def believe_nobody(token: str) -> tuple[Issuer, Claims] | None:  # noqa: ARG001 - a Verify
    """What verifies where no issuer is trusted."""
    return None


def narrow_nothing(bounds: Bounds) -> None:
    """Where keys are not narrowed."""


@dataclass(frozen=True, slots=True)
class Callers:
    """Knows callers by whatever they show. Enrolment tokens count only where there is an `enrolments`."""

    tokens: StaticTokens
    keys: KeyRing | None = None
    verify: Verify = believe_nobody
    narrow: Narrow = narrow_nothing
    enrolments: EnrolmentDesk | None = None

    def with_enrolments(self, enrolments: EnrolmentDesk | None) -> "Callers":
        """The same, and whoever shows an enrolment token."""
        return replace(self, enrolments=enrolments)

    async def authenticate(self, token: str, client_address: str) -> Caller | None:
        """The caller that this token belongs to; None if it is nobody's.

        Raises:
            LedgerUnavailable, IssuerUnavailable: nobody can say.
        """
        fixed = await self.tokens.authenticate(token, client_address)
        if fixed is not None:
            return fixed
        kind = token.partition("_")[0]
        if kind == KEY and self.keys is not None:
            return await self._by_key(self.keys, token, client_address)
        if kind == ENROLMENT and self.enrolments is not None:
            return await self._by_enrolment(self.enrolments, token)
        return await self._by_signature(token)

    async def _by_key(self, keys: KeyRing, token: str, client_address: str) -> Caller | None:
        key = await keys(token, client_address)
        client = None if key is None else self.tokens.caller(key.client)
        if key is None or client is None:
            return None
        narrowing = self.narrow(key.bounds)
        forces = client.operator and (narrowing is None or Action.OPERATE in narrowing.actions)
        return replace(client, method="key", credential=key.id, narrowing=narrowing, operator=forces)

    async def _by_enrolment(self, enrolments: EnrolmentDesk, token: str) -> Caller | None:
        enrolment = await enrolments(token)
        client = None if enrolment is None else self.tokens.caller(enrolment.owner)
        if enrolment is None or client is None:
            return None
        return replace(
            client, method="enrolment", credential=enrolment.id, narrowing=ONE_ADDRESS, operator=False
        )

    async def _by_signature(self, token: str) -> Caller | None:
        found = await self.verify(token)
        mapping = None if found is None else found[0].mapping(found[1])
        client = None if mapping is None else self.tokens.caller(mapping.client)
        if found is None or mapping is None or client is None:
            return None
        if mapping.rules is not None:
            client = caller_of(Client(name=client.owner, rules=mapping.rules))
        subject = str(found[1].get("sub", ""))[:LONGEST_CREDENTIAL]
        printable = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in subject)
        return replace(client, method="oidc", credential=printable)
