"""The composition root: the only file that knows every room."""

import asyncio
import gc
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Final, TextIO

import uvicorn
from fastapi import FastAPI
from structlog.typing import FilteringBoundLogger
from uuid6 import uuid7

from app.admission import Admission, admit, keep_noting, note_uses
from app.allocation.batcher import Limits
from app.api.app import NO_TELEMETRY, Surroundings, build_app
from app.api.desk import Desk, MachineDesk
from app.api.machine_schemas import wish_of
from app.assembly import Operations, Parts, assemble
from app.credentials.secret import Secret
from app.domain.policy import Policy
from app.edge.caller import Authenticator
from app.edge.failures import FailedLogins
from app.edge.works import Works
from app.listening import Certificate, certificate_of
from app.naming.names import Names
from app.netbox import NetBox, NetBoxSettings, connect
from app.netbox.deadline import within
from app.operations.events import RecordDenial
from app.operations.look import CheckName, ShowAudit
from app.operations.replicas import Replicas
from app.operations.sites import sees
from app.operations.turns import Nobody, Others
from app.pages import Condition, door_of
from app.policyfile import CurrentPolicy
from app.proving import Proving, keep_proving
from app.running import (
    Common,
    Meters,
    Usage,
    Writable,
    exposed,
    hold_hangups,
    keep_looking,
    keep_reconciling,
    reloading,
    stop,
)
from app.settings import Settings, is_loopback, listed
from app.sourcing import Freshness, OwnerClients, keep_fresh, netbox_token, own_token
from app.store import Database, open_database
from app.telemetry.audit import AuditLines, line_of, text_of
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import tracer_of
from app.web.door import Door
from app.web.routes import web_routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    """A whole desk, put together and not yet serving. `reload` reads the policy again at SIGHUP."""

    settings: Settings
    policy: Callable[[], Policy]
    database: Database
    netbox: NetBox
    operations: Operations
    admission: Admission
    works: Works
    metrics: Metrics
    log: FilteringBoundLogger
    audit_lines: AuditLines
    others: Others
    freshness: Freshness
    own_token: Secret | None
    certificate: Certificate | None = None
    reload: Callable[[], Sequence[str]] = tuple
    telemetry: Mapping[str, Any] = field(default_factory=lambda: dict(NO_TELEMETRY))

    @property
    def desk(self) -> Desk:
        """What the routes may ask."""
        verbs = self.operations
        return Desk(
            allocate=self.admission.allocate,
            upsert=verbs.upsert,
            read=verbs.read,
            list_allocations=verbs.list_allocations,
            confirm=verbs.confirm,
            release=verbs.release,
            check_name=CheckName(Names(self.policy), verbs.finder, verbs.numbers, verbs.resolver),
            audit=ShowAudit(verbs.ledger),
            machines=self._machine_desk,
            preview=verbs.look_into,
            closed_because=verbs.look_into.closed_because,
            shelf=self.netbox.shelf,
            credentials=self.admission.desk,
            sees=sees,
        )

    @property
    def _machine_desk(self) -> MachineDesk:
        verbs = self.operations.machines
        return MachineDesk(
            register=verbs.register,
            converge_machine=verbs.converge,
            read_machine=verbs.read,
            list_machines=verbs.list_machines,
            retire=verbs.retire,
            open_operations=verbs.open_operations,
            retry_operation=verbs.mend.retry,
            abandon_operation=verbs.mend.abandon,
        )

    def app(self) -> FastAPI:
        """The ASGI application."""
        around = Surroundings(
            cors_origins=sorted(listed(self.settings.cors_origins)),
            metrics=self.metrics,
            log=self.log,
            readiness=Writable(self.database),
            record=RecordDenial(self.operations.ledger),
            mb_per_gb=self.settings.disk_gb_in_mb,
            failures=FailedLogins(self.settings.failed_logins, self._suspect),
            with_metrics=self.settings.metrics_port is None,
            allow_http=self.settings.allow_http,
            telemetry=self.telemetry,
            lifespan=self._lifespan,
        )
        pages = web_routes(self._door(self.admission.callers, around))
        return build_app(self.desk, self.works, self.admission.callers, around, [pages])

    def _door(self, tokens: Authenticator, around: Surroundings) -> Door:
        verbs, ready = self.operations, Writable(self.database)
        vitals = Condition(self.settings, self.netbox, verbs.batcher, self.metrics, ready)
        return door_of(
            settings=self.settings,
            operations=verbs,
            netbox=self.netbox,
            names=Names(self.policy),
            works=self.works,
            authenticator=tokens,
            rates=around.rates,
            failures=around.failures,
            vitals=vitals,
        )

    @property
    def _proving(self) -> Proving:
        return Proving(self.settings.database, self.metrics, self.log)

    def _suspect(self, address: str) -> None:
        self.log.warning("too many wrong tokens", client_address=address)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        settings = self.settings
        usage = Usage(self.operations.ledger, self.netbox, self.metrics)
        reconciling = Common(self.others, "reconcile", settings.reconcile_seconds)
        looking = Common(self.others, "usage", settings.usage_seconds)
        beside = [
            asyncio.create_task(
                keep_reconciling(
                    self.operations, self.metrics, self.log, reconciling, settings.request_seconds
                )
            ),
            asyncio.create_task(keep_noting(self.admission.uses, self.operations.ledger, self.log)),
            asyncio.create_task(keep_looking(usage, self.log, looking)),
            asyncio.create_task(keep_proving(self._proving, self.log, settings.audit_seconds)),
            asyncio.create_task(keep_fresh(self.freshness, self.log, settings.secrets_seconds)),
        ]
        async with reloading(self.reload, self.policy, self.log, self._renew):
            self.log.info("ready", netbox=self.settings.netbox_url, policy=self.policy().sha256 or "none")
            yield
        left = await self.works.drain(self.settings.drain_seconds)
        for task in beside:
            await stop(task)
        await note_uses(self.admission.uses, self.operations.ledger, self.log)
        for job in (reconciling, looking):
            await job.give_up()
        self.log.info("stopped", unfinished=left)
        self.close()

    async def _renew(self) -> None:
        """Read the secrets and the certificate again."""
        if self.certificate and (problem := self.certificate.load()):
            self.log.error("the certificate is wrong, the old one stays", problem=problem)
        await self.freshness()

    def close(self) -> None:
        """Let go of NetBox and of the database, and write the audit lines that wait."""
        self.netbox.close()
        self.database.close()
        self.audit_lines.close()


def compose(
    settings: Settings,
    policy: Callable[[], Policy],
    log: FilteringBoundLogger,
    audit_stream: TextIO | None = None,
) -> Berth:
    """Put a desk together. Audit records are also written to `audit_stream`, by default standard output.

    Raises:
        SecretMissing: there is no token for NetBox.
        LedgerUnavailable: the database cannot be opened.
    """
    metrics = Metrics()
    metrics.build(version("berth-ipam"))
    meters = Meters(metrics)
    token, own = netbox_token(settings), own_token(settings)
    form = text_of if settings.log_format == "text" else line_of
    lines = AuditLines(log, audit_stream, metrics.audit_dropped, form=form)
    database = open_database(settings.database, str(uuid7()), meters.commit, lines)
    netbox = connect(netbox_settings(settings), token, meters.call, attempted=meters.attempt)
    others = _others(settings, database)
    operations = assemble(replace(_parts(settings, policy, database, netbox, meters), others=others))
    meters.watch(netbox.line, operations.batcher)
    return Berth(
        settings=settings,
        policy=policy,
        database=database,
        netbox=netbox,
        operations=operations,
        admission=admit(
            settings, policy, OwnerClients(settings.owner, own), operations.ledger, operations.allocate, log
        ),
        works=Works(
            seconds=settings.request_seconds,
            on_change=metrics.works_in_flight,
            around=lambda: within(settings.request_seconds),
            log=log,
        ),
        metrics=metrics,
        log=log,
        audit_lines=lines,
        freshness=Freshness([token, *([own] if own else [])], database, metrics, log),
        own_token=own,
        others=others,
    )


def _parts(
    settings: Settings, policy: Callable[[], Policy], database: Database, netbox: NetBox, meters: Meters
) -> Parts:
    return Parts(
        allocator=netbox.allocator,
        addresses=netbox.addresses,
        inventory=netbox.inventory,
        machines=netbox.machines,
        wish_of=lambda key, sent: wish_of(key, sent, settings.disk_gb_in_mb),
        fields=netbox.fields,
        store=database,
        policy=policy,
        now=database.clock,
        monotonic=time.monotonic,
        limits=Limits(
            settings.batch_cap, settings.batch_flights, settings.batch_queue, settings.request_seconds
        ),
        observe=meters.batch,
        patience=settings.doubt_seconds,
        hold_seconds=_hold_seconds(settings),
    )


def _hold_seconds(settings: Settings) -> float:
    """For how long a process holds a key: a while longer than a request may be at it."""
    return settings.request_seconds + _BEYOND_REQUEST


def _others(settings: Settings, database: Database) -> Others:
    """The other processes at the database; at a file there are none."""
    if database.alone:
        return Nobody()
    return Replicas(database, settings.request_seconds, _hold_seconds(settings))


def netbox_settings(settings: Settings) -> NetBoxSettings:
    """What the NetBox room is told of the settings. A flight without a slot would wait for the others."""
    proxy, ca_file = settings.netbox_proxy, settings.netbox_ca_file
    return NetBoxSettings(
        url=settings.netbox_url,
        public_url=settings.netbox_public_url,
        connect_timeout=settings.netbox_connect_seconds,
        call_timeout=settings.netbox_call_seconds,
        lock_slots=max(settings.netbox_lock_slots, settings.batch_flights),
        write_slots=settings.netbox_write_slots,
        read_slots=settings.netbox_read_slots,
        queue=settings.netbox_queue,
        attempts=settings.netbox_attempts,
        retry_share=settings.netbox_retry_share,
        breaker_failures=settings.netbox_breaker_failures,
        breaker_seconds=settings.netbox_breaker_seconds,
        cache_seconds=settings.netbox_cache_seconds,
        verify=settings.netbox_verify,
        ca_file=str(ca_file) if ca_file else None,
        proxy=proxy.get_secret_value() if proxy else None,
    )


_BEYOND_REQUEST: Final = 10.0
_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000


def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Serve until told to stop; SIGTERM and SIGINT let accepted requests finish, SIGHUP reloads the policy.

    Raises:
        PolicyWrong, SecretMissing, LedgerUnavailable, SettingsWrong: Berth cannot start; the text says what
            to do.
    """
    hold_hangups()
    forbid_core_dumps()
    policy = CurrentPolicy(settings.policy_file, environ)
    log = configure_logs(
        form="console" if settings.log_format == "text" else "json", level=settings.log_level
    )
    # uvicorn raises the signal once more when it has stopped in good order, which is no failure
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _signal, _frame: sys.exit(0))
    warn_of_openness(settings, log)
    berth = replace(
        compose(settings, policy, log),
        reload=policy.reload,
        telemetry=telemetry_of(environ, log),
        certificate=certificate_of(settings),
    )
    server = uvicorn.Server(configuration(berth))
    keep_for_good()
    with exposed(berth.metrics, settings.host, settings.metrics_port):
        server.run()


def forbid_core_dumps() -> None:
    """Keep a crash from writing the memory, with the secrets in it, to the disk."""
    with suppress(OSError, ValueError):  # a sandbox may forbid it, and has a limit of its own then
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def warn_of_openness(settings: Settings, log: FilteringBoundLogger) -> None:
    """Say aloud, at every start, where secrets can be read on the way, or a call be answered by anybody."""
    if settings.policy_file is None:
        log.warning("no naming convention is set: names have to be RFC 1123 host names, and no more")
    if not settings.netbox_verify:
        log.warning(
            "THE CERTIFICATE OF NETBOX IS NOT CHECKED: whoever is on the way can read the token and lie",
            mend="set BERTH_NETBOX_CA_FILE, and take BERTH_NETBOX_VERIFY=false away",
        )
    if settings.netbox_url.startswith("http://") and settings.netbox_allow_http:
        log.warning("NetBox is called over plain HTTP: whoever is on the way can read the token and lie")
    if not is_loopback(settings.host) and settings.tls_cert_file is None:
        log.warning(
            "Berth speaks plain HTTP beyond loopback",
            tokens="are taken" if settings.allow_http else "from other machines are refused",
            mend="set BERTH_TLS_CERT_FILE and BERTH_TLS_KEY_FILE, or have a proxy before Berth do it",
        )


def keep_for_good() -> None:
    """Exempt what was made so far from the collection of garbage: it lives as long as the process.

    Else every full collection looks at 150 000 objects of modules and schemas, and stops every request
    for a tenth of a second. What a request makes is nearly all gone without a collection, so they are rarer
    than Python's 700 objects would have them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def telemetry_of(environ: Mapping[str, str], log: FilteringBoundLogger) -> dict[str, Any]:
    """FastAPI's own OpenTelemetry: traces where the environment says where to send them, else nothing."""
    tracer = tracer_of(environ, log)
    return {**NO_TELEMETRY, "tracing": tracer is not None, "tracer_provider": tracer}


def configuration(berth: Berth) -> uvicorn.Config:
    """How Berth is served. Forwarded headers are believed where a proxy sends them that the settings name."""
    settings, certificate = berth.settings, berth.certificate
    return uvicorn.Config(
        berth.app(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[*settings.trusted_proxies],
        server_header=False,
        ws="none",
        ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
