"""The routes of API keys and of enrolments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import Response

from app.api.credential_examples import ENROLMENT_REQUESTS, KEY_REQUESTS
from app.api.credential_schemas import (
    EnrolmentBody,
    EnrolmentRequest,
    KeyPage,
    KeyRequest,
    MadeKeyBody,
    enrolment_members,
    key_members,
    made_members,
)
from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal
from app.api.desk import CredentialDesk
from app.api.exchange import V1, Asker, answer_json, answer_page
from app.api.refusals import BODY, CHANGE, LEDGER, UPSTREAM, WISH, refusals
from app.domain.errors import KeysUnprepared, NotFound
from app.edge.works import Works
from app.telemetry.events import note

KEYS: Final = f"{V1}/keys"
ENROLMENTS: Final = f"{V1}/enrolments"
KeyId = Annotated[
    str, Path(alias="id", description="The `id` in the list.", max_length=64, pattern="^[A-Za-z0-9-]+$")
]
OfClient = Annotated[
    str, Query(description="Only this client's.", max_length=64, pattern=r"^[A-Za-z0-9._-]*$")
]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Makes and revokes what callers show."""

    desk: CredentialDesk
    works: Works

    async def create(
        self, body: Annotated[KeyRequest, Body(openapi_examples=KEY_REQUESTS)], caller: Asker
    ) -> Response:
        """Make an API key for a client. The answer is the only time that its text is shown.

        A client may have several, so that one can be replaced while the other still counts. A request that is
        sent twice makes two; revoke the one that is not needed.
        """
        made = await self.works.run(self.desk.create_key(caller, body.wish()))
        note(outcome="created", key_id=made.key.id)
        return answer_json(made_members(made), status=201, headers={"Location": f"{KEYS}/{made.key.id}"})

    async def page(
        self, *, client: OfClient = "", cursor: Cursor = None, limit: Limit = DEFAULT_PAGE
    ) -> Response:
        """List API keys, also those that have expired or were revoked. Their text is not kept."""
        page = await self.works.run(self.desk.list_keys(client, unseal(cursor), limit))
        return answer_page(map(key_members, page.items), page.next)

    async def revoke(self, *, id_: KeyId, caller: Asker) -> Response:
        """Revoke an API key: from the next request on it does not count. One that is revoked stays so."""
        await self.works.run(self.desk.revoke_key(caller, id_))
        note(outcome="revoked", key_id=id_)
        return Response(status_code=204)

    async def enrol(
        self, body: Annotated[EnrolmentRequest, Body(openapi_examples=ENROLMENT_REQUESTS)], caller: Asker
    ) -> Response:
        """Issue a token for one machine: good for one address, under one name, once, for a short time.

        The machine sends it to `POST /api/v1/allocations`, with an empty body. What it takes belongs to
        whoever issued the token. The answer is the only time that the token is shown.
        """
        issued = await self.works.run(self.desk.enrol(caller, body.wish()))
        note(key=issued.enrolment.key, outcome="issued")
        return answer_json(enrolment_members(issued), status=201)


class _Row(NamedTuple):
    path: str
    method: str
    endpoint: Callable[..., Any]
    name: str
    tag: str
    answers: Mapping[int | str, dict[str, Any]]


def credential_routes(routes: Credentials) -> APIRouter:
    """The table of the routes."""
    router = APIRouter()
    made = refusals(BODY, LEDGER, (KeysUnprepared,))
    issued = refusals(BODY, CHANGE, WISH, LEDGER, UPSTREAM, (KeysUnprepared,))
    for row in (
        _Row(
            KEYS, "POST", routes.create, "createKey", "keys", {**_shown(201, MadeKeyBody, "made key"), **made}
        ),
        _Row(
            KEYS, "GET", routes.page, "listKeys", "keys", {**_shown(200, KeyPage, "keys"), **refusals(LEDGER)}
        ),
        _Row(
            f"{KEYS}/{{id}}",
            "DELETE",
            routes.revoke,
            "revokeKey",
            "keys",
            {204: {"description": "It is revoked."}, **refusals(LEDGER, (NotFound,))},
        ),
        _Row(
            ENROLMENTS,
            "POST",
            routes.enrol,
            "createEnrolment",
            "enrolments",
            {**_shown(201, EnrolmentBody, "enrolment"), **issued},
        ),
    ):
        router.add_api_route(
            row.path,
            row.endpoint,
            methods=[row.method],
            operation_id=row.name,
            tags=[row.tag],
            status_code=min(int(status) for status in row.answers),
            responses=dict(row.answers),
            response_class=Response,
        )
    return router


def _shown(status: int, model: type, example: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"example": example}}
    return {status: {"model": model, "description": "The answer.", "content": content}}
