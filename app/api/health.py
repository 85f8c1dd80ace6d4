"""The routes for whoever watches the process. None of them looks at NetBox, or asks who is asking."""

from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.desk import Readiness
from app.api.documents import Health, Ready
from app.api.exchange import answer_json
from app.edge.works import Works
from app.telemetry.events import note


class Exposition(Protocol):
    """Shows the metrics."""

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type."""
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Says how the process is."""

    readiness: Readiness
    works: Works
    metrics: Exposition

    async def healthz(self) -> Response:
        """Whether the process answers at all."""
        return answer_json({"status": "ok"})

    async def readyz(self) -> Response:
        """Whether the process takes work: its ledger can be written, and it is not stopping."""
        reasons = [*(["draining"] if self.works.draining else []), *await self.readiness()]
        note(outcome="not_ready" if reasons else "ok")
        response = answer_json({"ready": not reasons, "reasons": reasons})
        response.status_code = 503 if reasons else 200
        return response

    async def expose(self, request: Request) -> Response:
        """The metrics, for Prometheus."""
        body, content_type = self.metrics.render(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})


def health_routes(watch: Watch, *, with_metrics: bool = True) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(tags=["health"])
    well = {
        "model": Health,
        "description": "It does.",
        "content": {"application/json": {"example": "healthy"}},
    }
    ready = {
        "model": Ready,
        "description": "It does.",
        "content": {"application/json": {"example": "ready"}},
    }
    not_ready = {
        "model": Ready,
        "description": "It does not, for the reasons given.",
        "content": {"application/json": {"example": "not ready"}},
    }
    metrics = {
        "description": "The metrics.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "berth_works_in_flight 0.0\n"}},
    }
    for path, endpoint, name, responses in (
        ("/healthz", watch.healthz, "health", {200: well}),
        ("/readyz", watch.readyz, "readiness", {200: ready, 503: not_ready}),
        ("/metrics", watch.expose, "metrics", {200: metrics}),
    ):
        if path != "/metrics" or with_metrics:
            router.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                operation_id=name,
                responses=responses,  # type: ignore[arg-type]
                response_class=Response,
            )
    return router
