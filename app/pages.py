"""What the pages are told: the operations, the API's rules for requests, and how Berth is."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from app.access.rates import Rates
from app.allocation.batcher import Batcher
from app.api.inventory import size_of
from app.api.keys import machine_key
from app.api.machine_schemas import MachineRequest
from app.api.schemas import AllocationRequest
from app.assembly import Operations
from app.credentials.file import read_secret
from app.domain.commands import Wish
from app.domain.errors import BerthError
from app.domain.inventory import Json
from app.domain.registrations import MachineWish
from app.domain.upstream import UpstreamError
from app.edge.caller import Authenticator
from app.edge.failures import FailedLogins
from app.edge.validation import invalid_request
from app.edge.works import Works
from app.naming.names import Names
from app.netbox import NetBox
from app.netbox.breaker import State
from app.netbox.wire import Lane
from app.operations.events import RecordDenial
from app.operations.look import CheckName, ShowAudit
from app.operations.sites import sees
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.web.door import Door
from app.web.ports import Mood, Vital, WebDesk
from app.web.sessions import Sessions

_PATIENCE: Final = 3.0
"""Seconds that the status page waits for NetBox."""
_SLOW: Final = 1.0


def wish_of_fields(fields: Mapping[str, Json]) -> Wish:
    """The command that a request's fields stand for, by the API's own rules.

    Raises:
        InvalidRequest: with every field that is wrong.
    """
    try:
        request = AllocationRequest.model_validate(dict(fields))
    except ValidationError as error:
        raise invalid_request(error.errors()) from None
    return request.wish(request.key or "")


def machine_wish_of_fields(fields: Mapping[str, Json], mb_per_gb: int) -> MachineWish:
    """As `wish_of_fields`, for a machine.

    Raises:
        InvalidRequest: with every field that is wrong.
    """
    try:
        request = MachineRequest.model_validate(dict(fields))
    except ValidationError as error:
        raise invalid_request(error.errors()) from None
    return request.wish(machine_key(request.key, None, request.name), mb_per_gb)


def sessions_of(settings: Settings) -> Sessions:
    """The sessions that the settings ask for; without a secret they end when the process does."""
    secret = settings.session_secret.get_secret_value() if settings.session_secret else ""
    if settings.session_secret_file is not None:
        secret = read_secret(settings.session_secret_file)
    return Sessions(
        secret=secret or token_hex(),
        seconds=int(settings.session_seconds),
        secure=settings.public_url.startswith("https://") or settings.tls_cert_file is not None,
    )


def door_of(  # noqa: PLR0913 - the rooms that the pages lead into
    *,
    settings: Settings,
    operations: Operations,
    netbox: NetBox,
    names: Names,
    works: Works,
    authenticator: Authenticator,
    rates: Rates,
    failures: FailedLogins,
    vitals: "Condition",
) -> Door:
    """The pages' way into the desk."""
    machines = operations.machines
    desk = WebDesk(
        allocate=operations.allocate,
        read=operations.read,
        list_allocations=operations.list_allocations,
        release=operations.release,
        check_name=CheckName(names, operations.finder, operations.numbers, operations.resolver),
        audit=ShowAudit(operations.ledger),
        preview=operations.look_into,
        closed_because=operations.look_into.closed_because,
        sees=sees,
        size_of=size_of,
        shelf=netbox.shelf,
        register=machines.register,
        read_machine=machines.read,
        list_machines=machines.list_machines,
        retire=machines.retire,
        wish=wish_of_fields,
        machine_wish=lambda fields: machine_wish_of_fields(fields, settings.disk_gb_in_mb),
        vitals=vitals,
        record=RecordDenial(operations.ledger),
    )
    return Door(desk, works, authenticator, sessions_of(settings), rates, settings.allow_http, failures)


@dataclass(frozen=True, slots=True)
class Condition:
    """How Berth is, in the order in which an operator asks."""

    settings: Settings
    netbox: NetBox
    batcher: Batcher
    metrics: Metrics
    ready: Callable[[], Awaitable[Sequence[str]]]
    now: Callable[[], float] = time.time

    async def __call__(self) -> Sequence[Vital]:
        """Every line of the status page."""
        netbox = await self._netbox()
        return (*netbox, *self._line(), *self._batches(), await self._ledger(), self._chain(), self._token())

    async def _netbox(self) -> Sequence[Vital]:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.netbox.facts.reply()
                facts = await self.netbox.facts()
        except (BerthError, UpstreamError, TimeoutError) as error:
            hint = getattr(error, "detail", "") or str(error) or f"no answer in {_PATIENCE:g} s"
            return (Vital("NetBox", "not reachable", "bad", hint),)
        seconds = time.perf_counter() - began
        version = ".".join(map(str, facts.version)) + (" (embedded)" if facts.emulator else "")
        mood: Mood = "good" if seconds < _SLOW else "bad"
        return (
            Vital("NetBox", "reachable", "good", self.netbox.settings.links),
            Vital("NetBox version", version),
            Vital("NetBox latency", f"{1000 * seconds:.0f} ms", mood, "for GET /api/status/"),
        )

    def _line(self) -> Sequence[Vital]:
        breaker = self.netbox.line.breaker
        closed = breaker is State.CLOSED
        hint = "" if closed else "NetBox failed repeatedly and is left alone for a moment"
        waiting = self.netbox.line.waiting
        calls = ", ".join(f"{waiting[lane]} {lane.value}" for lane in Lane)
        return (
            Vital(
                "Circuit breaker", breaker.name.lower().replace("_", " "), "good" if closed else "bad", hint
            ),
            Vital("Queue of allocations", f"{self.batcher.waiting} of {self.settings.batch_queue}"),
            Vital("Queue of calls to NetBox", calls),
        )

    def _batches(self) -> Sequence[Vital]:
        total, count = self._sample("berth_batch_addresses_sum"), self._sample("berth_batch_addresses_count")
        mean = f"{total / count:.1f} addresses on average" if count else "none sent yet"
        return (
            Vital(
                "Batches", mean, hint=f"{count:.0f} since the start, at most {self.settings.batch_cap} each"
            ),
        )

    async def _ledger(self) -> Vital:
        problems = await self.ready()
        if problems:
            return Vital("Ledger", "cannot be written", "bad", "; ".join(problems))
        return Vital("Ledger", "writable", "good")

    def _chain(self) -> Vital:
        at = self._sample("berth_audit_verified_timestamp_seconds")
        if not at:
            return Vital("Audit chain", "not verified yet", hint="It is some minutes after the start.")
        when = f"verified {_age(self.now() - at)} ago"
        if self._sample("berth_audit_flawed"):
            return Vital("Audit chain", "not whole", "bad", f"{when}; run `berth audit verify`")
        return Vital("Audit chain", "whole", "good", when)

    def _token(self) -> Vital:
        secret = {"secret": "NETBOX_API_TOKEN"}
        seen = self._sample("berth_secret_first_seen_timestamp_seconds", secret)
        read = _age(self._sample("berth_secret_read_age_seconds", secret))
        age = _age(self.now() - seen) if seen else "not known yet"
        return Vital("Age of the NetBox token", age, hint=f"since Berth first saw it; read {read} ago")

    def _sample(self, name: str, labels: Mapping[str, str] = MappingProxyType({})) -> float:
        return self.metrics.registry.get_sample_value(name, dict(labels)) or 0.0


def _age(seconds: float) -> str:
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(0, seconds):.0f} seconds"
