"""The routes of the naming convention and of the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal_id
from app.api.desk import Desk
from app.api.documents import AuditPage, NameVerdict
from app.api.examples import NAME_REQUEST
from app.api.exchange import V1, Asker, answer_json, answer_page
from app.api.refusals import BODY, LEDGER, UPSTREAM, refusals
from app.api.schemas import NameQuestion
from app.domain.errors import PrefixAmbiguous, PrefixNotFound, UnknownReference, Violation
from app.edge.works import Works
from app.telemetry.events import note

Exact = Annotated[str | None, Query(min_length=1, max_length=300)]


@dataclass(frozen=True, slots=True)
class Records:
    """Answers questions about names and about what happened."""

    desk: Desk
    works: Works

    async def check_name(
        self, body: Annotated[NameQuestion, Body(openapi_examples=NAME_REQUEST)], caller: Asker
    ) -> Response:
        """Check a name against the convention: every rule that it breaks, at once.

        Writes nothing and reserves nothing, a suggestion neither.
        """
        work = self.desk.check_name(
            caller,
            body.dns_name,
            prefix=body.prefix,
            vrf=body.vrf,
            tenant=body.tenant_or_id,
            role=body.role or "",
            suggest=body.suggest,
        )
        report = await self.works.run(work)
        note(outcome="refused" if report.violations else "valid")
        return answer_json(
            {
                "valid": not report.violations,
                "violations": _items(report.violations),
                "warnings": _items(report.warnings),
                "suggestion": report.suggestion,
            }
        )

    async def audit(  # noqa: PLR0913 - the filters of the route
        self,
        *,
        caller: Asker,
        event: Exact = None,
        action: Exact = None,
        key: Exact = None,
        owner: Exact = None,
        operation: Exact = None,
        request_id: Exact = None,
        netbox_request_id: Exact = None,
        name: Exact = None,
        address: Exact = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """Read the audit log, the oldest event first. Filters are exact, and all must hold."""
        wanted = {
            "event": event,
            "action": action,
            "key": key,
            "owner": owner,
            "operation": operation,
            "request_id": request_id,
            "netbox_request_id": netbox_request_id,
            "name": name,
            "address": address,
        }
        conditions = {field: value for field, value in wanted.items() if value is not None}
        position = None if cursor is None else str(unseal_id(cursor))
        page = await self.works.run(self.desk.audit(caller, conditions, position, limit))
        return answer_page((dict(item) for item in page.items), page.next)


def _items(violations: Sequence[Violation]) -> list[dict[str, str]]:
    return [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in violations]


def record_routes(records: Records) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=V1)
    named = (PrefixNotFound, PrefixAmbiguous, UnknownReference)
    for path, method, endpoint, name, tag, model, example, refused in (
        (
            "/names/check",
            "POST",
            records.check_name,
            "checkName",
            "names",
            NameVerdict,
            "name verdict",
            refusals(BODY, LEDGER, UPSTREAM, named),
        ),
        (
            "/audit",
            "GET",
            records.audit,
            "listAuditEvents",
            "audit",
            AuditPage,
            "events",
            refusals(LEDGER),
        ),
    ):
        shown = {
            "model": model,
            "description": "The answer.",
            "content": {"application/json": {"example": example}},
        }
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=name,
            tags=[tag],
            responses={200: shown, **refused},
            response_class=Response,
        )
    return router
