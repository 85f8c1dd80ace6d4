"""Enrolment: a token for one machine, which may take one address, under one name, out of one prefix, once.

Whoever issues it is the owner of what the machine takes. The token is checked in three places: that it is one
and counts, before the request is read; that the request asks for what the token is for, here; and that it is
not used up, in the transaction that begins the allocation (`app.ledger.enrolments`).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from app.access.secrets import ENROLMENT, Pepper, mint
from app.domain.commands import UNSET, Caller, Maybe, Place, Traits, Wish
from app.domain.credentials import Enrolment, host_of
from app.domain.errors import Forbidden, KeyConflict, KeysUnprepared, Violation
from app.domain.inventory import Json
from app.ledger.enrolments import METHOD, EnrolmentSpent, use_on_what_is_there
from app.ledger.ledger import Ledger
from app.operations.answers import Allocation, Result
from app.operations.events import event_of

_BOUND: Final = ("prefix", "vrf", "dns_name")
_FREE: Final = frozenset({*_BOUND, "description", "mac_address"})
"""Fields that a machine may send; those that are bound only as they were issued."""


class Writer(Protocol):
    """Gets or creates an allocation."""

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentWish:
    """A request for an enrolment token. An empty `key` is drawn from the name; `expires_in` is in seconds."""

    key: str
    prefix: str | int
    dns_name: str
    expires_in: float
    vrf: Maybe[str | int] = UNSET


@dataclass(frozen=True, slots=True)
class Issued:
    """A new enrolment, and its token, which is shown this once."""

    enrolment: Enrolment
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrol:
    """Issues enrolment tokens. `pepper` is None where none is set."""

    ledger: Ledger
    pepper: Pepper | None
    allocate: Writer

    async def __call__(self, caller: Caller, wish: EnrolmentWish) -> Issued:
        """Issue one, if its owner itself could have the address now: place, name and rights are checked.

        Raises:
            KeysUnprepared: there is no pepper.
            Forbidden: the caller's credential is narrowed, and the token would not be.
            KeyConflict: there is an allocation under the key.
            BerthError: see `app.domain.errors`; whatever an allocation could be refused for.
        """
        if self.pepper is None:
            raise KeysUnprepared
        if caller.narrowing is not None:
            raise Forbidden("What is narrowed itself, as this API key is, issues no enrolment tokens.")
        asked = await self.allocate(caller, _asked(wish), dry_run=True)
        if asked.replayed:
            held = asked.allocation
            detail = f"the key {held.key!r} holds {held.address} already: release it, or choose another key"
            raise KeyConflict(errors=[Violation("/key", "held", detail)])
        minted, now = mint(ENROLMENT), self.ledger.clock()
        enrolment = Enrolment(
            id=minted.id,
            owner=caller.owner,
            digest=self.pepper.digest(minted.text),
            key=asked.allocation.key,
            words=_words(wish),
            created_at=now,
            expires_at=now + wish.expires_in,
        )
        event = replace(event_of(caller, "enrol", enrolment.key, _asked(wish)), credential=enrolment.id)
        await self.ledger.do(event, "issued", lambda tx: tx.add_enrolment(enrolment))
        return Issued(enrolment, minted.text)


@dataclass(frozen=True, slots=True)
class AllocateEnrolled:
    """POST, also with an enrolment token: then what the token is for, and nothing else."""

    ledger: Ledger
    allocate: Writer

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """The allocation under the wish's key.

        Raises:
            EnrolmentSpent: the token is not for this, or used up, or was used from elsewhere.
            BerthError: see `app.domain.errors`.
        """
        if caller.method != METHOD:
            return await self.allocate(caller, wish, dry_run=dry_run)
        enrolment = await self._enrolment(caller)
        check_bound(enrolment, wish)
        result = await self.allocate(caller, _bound(enrolment, wish), dry_run=dry_run)
        if not dry_run:
            await self._check_machine(caller, result.allocation)
        return result

    async def _enrolment(self, caller: Caller) -> Enrolment:
        found = await self.ledger.read(lambda tx: tx.enrolment(caller.credential))
        if found is None:
            raise EnrolmentSpent
        return found

    async def _check_machine(self, caller: Caller, made: Allocation) -> None:
        """Only the machine that used the token gets the answer, be it from the address that it got.

        An allocation that the owner made meanwhile, without the token, is found; that uses it, too.
        """
        enrolment = await self._enrolment(caller)
        if enrolment.used_at is None:
            event = event_of(caller, "use_enrolment", enrolment.key)
            now, address = self.ledger.clock(), caller.client_address
            await self.ledger.do(
                event, "used", lambda tx: use_on_what_is_there(tx, enrolment.id, address, now)
            )
        elif host_of(caller.client_address) not in (host_of(enrolment.used_from), _ip(made)):
            raise EnrolmentSpent


def check_bound(enrolment: Enrolment, wish: Wish) -> None:
    """Refuse a request for anything but what the token is for. What is left out is what was issued.

    Raises:
        EnrolmentSpent: it asks for something else.
    """
    other = set(wish.sent) - _FREE
    changed = [name for name in _BOUND if name in wish.sent and not _same(wish.sent, enrolment.words, name)]
    if wish.key not in ("", enrolment.key) or other or changed or wish.adopt:
        told = ", ".join(f"`{name}`" for name in sorted({*other, *changed})) or "`key`"
        raise EnrolmentSpent(f"This enrolment token is for something else: leave out {told}.")


def _same(sent: Mapping[str, Json], issued: Mapping[str, Json], name: str) -> bool:
    return name in issued and str(sent[name]).lower() == str(issued[name]).lower()


def _ip(made: Allocation) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(made.ip)


def _bound(enrolment: Enrolment, wish: Wish) -> Wish:
    """The request in the words that were issued, whatever of them was sent."""
    words = enrolment.words
    name = str(words["dns_name"])
    return replace(
        wish,
        key=enrolment.key,
        place=_place(words),
        traits=replace(wish.traits, dns_name=name),
        sent={**words, **{field: value for field, value in wish.sent.items() if field not in _BOUND}},
    )


def _asked(wish: EnrolmentWish) -> Wish:
    words = _words(wish)
    return Wish(key=wish.key, place=_place(words), traits=Traits(dns_name=wish.dns_name), sent=words)


def _words(wish: EnrolmentWish) -> dict[str, Json]:
    words: dict[str, Json] = {"prefix": wish.prefix, "dns_name": wish.dns_name}
    return words if wish.vrf is UNSET else {**words, "vrf": wish.vrf}


def _place(words: Mapping[str, Json]) -> Place:
    prefix, vrf = words["prefix"], words.get("vrf", UNSET)
    assert isinstance(prefix, str | int)  # noqa: S101 - as it was issued
    assert vrf is UNSET or vrf is None or isinstance(vrf, str | int)  # noqa: S101 - as it was issued
    return Place(prefix=prefix, vrf=vrf)
