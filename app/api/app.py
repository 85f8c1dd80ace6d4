"""The HTTP application: the routes, and the edge around them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.access.rates import Rates
from app.api.allocations import Allocations, allocation_routes
from app.api.batch import BATCH_PATH, MAX_BATCH_BODY, Batches, batch_routes
from app.api.credentials import Credentials, credential_routes
from app.api.denials import Denials, Recorder, record_nowhere
from app.api.desk import Desk, Readiness
from app.api.docs import add_docs
from app.api.document import describe
from app.api.formats import JSON_TYPE, json_bytes
from app.api.gate import Gate
from app.api.health import Watch, health_routes
from app.api.inventory import Shelves, inventory_routes
from app.api.machine_batch import MACHINE_BATCH_PATH, MachineBatches, machine_batch_routes
from app.api.machine_schemas import MB_PER_GB
from app.api.machines import Machines, machine_routes
from app.api.operations import OpenOperations, operation_routes
from app.api.parameters import KnownParameters
from app.api.records import Records, record_routes
from app.api.schemas import FORM_SHAPE
from app.domain.errors import BerthError
from app.domain.upstream import UpstreamError
from app.edge.body import BODY_SECONDS, BodyReader
from app.edge.boundary import Boundary
from app.edge.caller import Authentication, Authenticator
from app.edge.failures import FailedLogins
from app.edge.headers import Forgiving, SecurityHeaders
from app.edge.requests import RequestLines
from app.edge.routes import RouteTable
from app.edge.works import Works
from app.telemetry.logs import make_logger
from app.telemetry.metrics import Metrics

NO_TELEMETRY: Final[dict[str, Any]] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own OpenTelemetry is on by default, and costs a third of the throughput without any exporter."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


async def always_ready() -> Sequence[str]:
    """The readiness of a process that nothing can stand in the way of."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the application is told besides its desk.

    `cors_origins` are the origins whose scripts may call the API, none unless listed; credentials that a
    browser keeps are never allowed. `record` writes refusals down that no operation sees. A GB of a machine's
    disk is `mb_per_gb` MB. `failures` counts wrong tokens. `allow_http` lets tokens come over plain HTTP from
    other machines. `telemetry` is FastAPI's own OpenTelemetry configuration.
    """

    metrics: Metrics = field(default_factory=Metrics)
    log: structlog.typing.FilteringBoundLogger = field(default_factory=make_logger)
    readiness: Readiness = always_ready
    record: Recorder = record_nowhere
    cors_origins: Sequence[str] = ()
    mb_per_gb: int = MB_PER_GB
    body_seconds: float = BODY_SECONDS
    failures: FailedLogins = field(default_factory=FailedLogins)
    with_metrics: bool = True
    rates: Rates = field(default_factory=Rates)
    allow_http: bool = False
    telemetry: Mapping[str, Any] = field(default_factory=lambda: dict(NO_TELEMETRY))
    lifespan: Lifespan | None = None


def build_app(
    desk: Desk,
    works: Works,
    authenticator: Authenticator,
    surroundings: Surroundings | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Put the application together. `routers` are those of the other doors."""
    around = surroundings or Surroundings()
    api = api_routes(desk, works, around)
    document = cache(lambda: describe(api.routes))
    denials = Denials(around.record, RouteTable(document))
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=dict(around.telemetry),  # type: ignore[arg-type]
        lifespan=around.lifespan,
        middleware=_edge(authenticator, around, denials),
        exception_handlers={
            HTTPException: denials.of_http,
            RequestValidationError: denials.of_validation,
            BerthError: denials.of_berth,
            UpstreamError: denials.of_berth,
        },
    )
    app.include_router(api, dependencies=[Depends(Gate(around.rates)), Depends(KnownParameters(document))])
    for router in routers:
        app.include_router(router)
    add_docs(app)
    serve = _serve(document)
    app.router.add_api_route("/openapi.json", serve, include_in_schema=False, response_class=Response)
    return app


def api_routes(desk: Desk, works: Works, around: Surroundings) -> APIRouter:
    """The API's routes. Their paths are whole, so that a request's route template is."""
    allocations = Allocations(desk, works, around.metrics)
    machines = Machines(desk.machines, works, around.metrics, around.mb_per_gb)
    api = APIRouter()
    for router in (
        batch_routes(Batches(allocations, around.record)),
        allocation_routes(allocations),
        machine_batch_routes(MachineBatches(machines, around.record)),
        machine_routes(machines),
        credential_routes(Credentials(desk.credentials, works)),
        operation_routes(OpenOperations(machines.desk, works)),
        inventory_routes(Shelves(desk, works)),
        record_routes(Records(desk, works)),
        health_routes(Watch(around.readiness, works, around.metrics), with_metrics=around.with_metrics),
    ):
        api.routes.extend(router.routes)  # included, each level of routers would be searched three times
    return api


def _edge(authenticator: Authenticator, around: Surroundings, denials: Denials) -> list[Middleware]:
    """From the outside in: what is outermost sees every answer, also those of the ones inside."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(around.cors_origins),
        allow_methods=["DELETE", "GET", "POST", "PUT"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        expose_headers=["Idempotent-Replayed", "Berth-Dry-Run", "Location", "Retry-After", "X-Request-ID"],
    )
    return [
        Middleware(Forgiving),
        Middleware(RequestLines, log=around.log, meter=around.metrics, routes=denials.routes),
        Middleware(SecurityHeaders),
        Middleware(Boundary, log=around.log, deny=denials.of_edge),
        *([cors] if around.cors_origins else []),
        Middleware(
            Authentication,
            authenticator=authenticator,
            failures=around.failures,
            allow_http=around.allow_http,
        ),
        Middleware(
            BodyReader,
            limits={BATCH_PATH: MAX_BATCH_BODY, MACHINE_BATCH_PATH: MAX_BATCH_BODY},
            seconds=around.body_seconds,
            shape=FORM_SHAPE,
        ),
    ]


def _serve(document: Callable[[], Mapping[str, Any]]) -> Callable[[], Awaitable[Response]]:
    async def openapi() -> Response:
        """The OpenAPI document."""
        return Response(json_bytes(document()), media_type=JSON_TYPE)

    return openapi
