"""The routes that show what a form offers to choose from: prefixes, and everything they are sorted by."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal_id
from app.api.desk import Desk
from app.api.documents import OfferPage, PrefixBody, PrefixPage, PreviewBody, VrfPage
from app.api.exchange import V1, Asker, WantedShape, answer_json, answer_page, answer_shaped
from app.api.formats import Shape
from app.api.refusals import UPSTREAM, refusals
from app.api.terraform import STATE_CONTENT
from app.domain.commands import Caller
from app.domain.errors import NotFound, PrefixClosed, UnknownReference
from app.domain.inventory import Json, Kind, Pool, Reference, Vrf
from app.edge.works import Works
from app.telemetry.events import note

MAX_PREVIEW: Final = 100
MAX_EXACT: Final = 2**53 - 1
OFFERED: Final = (
    Kind.VRF,
    Kind.SITE,
    Kind.TENANT,
    Kind.CLUSTER,
    Kind.PLATFORM,
    Kind.TAG,
    Kind.ROLE,
)

Slug = Annotated[str | None, Query(min_length=1, max_length=100)]
Search = Annotated[str, Query(max_length=100, description="Text to search for.")]
PrefixId = Annotated[str, Path(pattern="^[1-9][0-9]{0,14}$", description="The prefix's id in NetBox.")]


def size_of(pool: Pool) -> int:
    """How many addresses of a prefix hosts can have, as NetBox hands them out.

    NetBox leaves out the network and broadcast address of an IPv4 prefix, unless it is a pool, /31 or /32,
    and the first address (subnet-router anycast) of an IPv6 prefix, unless it is a pool, a /127 or a /128.
    """
    network = pool.network
    if pool.is_pool or network.max_prefixlen - network.prefixlen <= 1:
        return network.num_addresses
    return network.num_addresses - (2 if network.version == 4 else 1)  # noqa: PLR2004


def prefix_members(pool: Pool, used: int, closed_because: str | None = None) -> dict[str, Json]:
    """A prefix as it is shown."""
    size = size_of(pool)
    free = max(0, size - used)
    return {
        "id": str(pool.id),
        "prefix": str(pool.network),
        "family": pool.network.version,
        "vrf": pool.vrf.name if pool.vrf else None,
        "status": pool.status,
        "role": _slug(pool.role),
        "site": _slug(pool.site),
        "tenant": _slug(pool.tenant),
        "tags": [tag.name for tag in pool.tags],
        "description": pool.description,
        "children": pool.children,
        "open": closed_because is None,
        "closed_because": closed_because,
        "size": size if size <= MAX_EXACT else None,
        "used": used,
        "free": free if free <= MAX_EXACT else None,
        "utilization": min(100.0, round(100 * used / size, 2)),
        "netbox_url": pool.url,
    }


def _slug(reference: Reference | None) -> str | None:
    return (reference.slug or reference.name) if reference else None


def offer_members(reference: Reference) -> dict[str, Json]:
    """Something to choose, as it is shown."""
    shown: dict[str, Json] = {
        "id": str(reference.id),
        "name": reference.name,
        "slug": reference.slug or None,
    }
    return {**shown, "rd": reference.rd} if isinstance(reference, Vrf) else shown


@dataclass(frozen=True, slots=True)
class Shelves:
    """Reads what there is to choose from."""

    desk: Desk
    works: Works

    async def prefixes(  # noqa: PLR0913 - the filters of the route
        self,
        *,
        caller: Asker,
        site: Slug = None,
        role: Slug = None,
        tag: Slug = None,
        vrf: Annotated[
            str | None,
            Query(
                min_length=1,
                max_length=100,
                description="A name or route distinguisher; `null` is the global table.",
            ),
        ] = None,
        q: Search = "",
        cursor: Cursor = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """List the prefixes that the caller may allocate from, and how full they are.

        Sites, roles and tags are slugs. A page that is not full can have a next one.
        """
        pools = await self.works.run(
            self.desk.shelf.prefixes(
                site=site, role=role, tag=tag, vrf=vrf, q=q, after=unseal_id(cursor), limit=limit + 1
            )
        )
        shown = [pool for pool in pools[:limit] if self.desk.sees(caller, pool)]
        items = await self.works.run(self._filled(shown))
        return answer_page(items, str(pools[limit - 1].id) if len(pools) > limit else None)

    async def prefix(self, prefix_id: PrefixId, caller: Asker) -> Response:
        """Read a prefix, and how full it is."""
        pool = await self._visible(caller, prefix_id)
        shown = await self.works.run(self._filled([pool]))
        note(outcome="found")
        return answer_json(shown[0])

    async def preview(
        self,
        prefix_id: PrefixId,
        caller: Asker,
        limit: Annotated[int, Query(ge=1, le=MAX_PREVIEW, description="At most this many addresses.")] = 10,
        shape: WantedShape = Shape.JSON,
    ) -> Response:
        """Show the next free addresses of a prefix. Nothing is reserved: the next request may take them.

        The gateway is not among them, and a prefix that hands out none is refused as an allocation would be.
        """
        pool = await self._visible(caller, prefix_id)
        free = await self.works.run(self.desk.preview(pool, limit))
        note(outcome="listed", items=len(free))
        return answer_shaped({"items": list(free), "next": None}, shape)

    def offers(self, kind: Kind) -> Callable[..., Awaitable[Response]]:
        """The endpoint for one kind of object."""

        async def offers(
            caller: Asker,  # noqa: ARG001 - demands one
            q: Search = "",
            cursor: Cursor = None,
            limit: Limit = DEFAULT_PAGE,
        ) -> Response:
            work = self.desk.shelf.offers(kind, q, unseal_id(cursor), limit + 1)
            found = await self.works.run(work)
            position = str(found[limit - 1].id) if len(found) > limit else None
            return answer_page((offer_members(item) for item in found[:limit]), position)

        return offers

    async def _visible(self, caller: Caller, prefix_id: str) -> Pool:
        pool = await self.works.run(self.desk.shelf.prefix(int(prefix_id)))
        if pool is None or not self.desk.sees(caller, pool):
            raise NotFound("There is no such prefix, or this caller may not allocate from it.")
        return pool

    async def _filled(self, pools: list[Pool]) -> list[dict[str, Json]]:
        used = await asyncio.gather(*(self.desk.shelf.used(pool) for pool in pools))
        reasons = [self.desk.closed_because(pool) for pool in pools]
        return [prefix_members(*each) for each in zip(pools, used, reasons, strict=True)]


def inventory_routes(shelves: Shelves) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=V1, tags=["inventory"])
    found = refusals(UPSTREAM, (NotFound,))
    one, many, preview = "/prefixes/{prefix_id}", "/prefixes", "/prefixes/{prefix_id}/available-ips"
    listed = {**_shown(PrefixPage, "prefixes"), **refusals(UPSTREAM, (UnknownReference,))}
    free = _shown(PreviewBody, "preview")
    free[200]["content"] |= STATE_CONTENT
    _add(router, many, shelves.prefixes, "listPrefixes", listed)
    _add(router, one, shelves.prefix, "readPrefix", {**_shown(PrefixBody, "prefix"), **found})
    refused = refusals(UPSTREAM, (NotFound, PrefixClosed))
    _add(router, preview, shelves.preview, "previewAddresses", {**free, **refused})
    for kind in OFFERED:
        shown = _shown(VrfPage, "vrfs") if kind is Kind.VRF else _shown(OfferPage, "offers")
        endpoint = shelves.offers(kind)
        endpoint.__doc__ = f"List {_title(kind)}, in order of id."
        name = f"list{kind.value.title()}"
        _add(router, f"/{kind.value}", endpoint, name, {**shown, **refusals(UPSTREAM)})
    return router


def _title(kind: Kind) -> str:
    return "VRFs" if kind is Kind.VRF else "roles of prefixes" if kind is Kind.ROLE else kind.value


def _shown(model: type, example: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"example": example}}
    return {200: {"model": model, "description": "As NetBox has it.", "content": content}}


def _add(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    name: str,
    responses: dict[int | str, dict[str, Any]],
) -> None:
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        operation_id=name,
        responses=responses,
        response_class=Response,
    )
