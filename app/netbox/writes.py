"""What all writes have in common. An answer is exactly what was asked for, or nobody knows what was done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Json
from app.domain.upstream import Missing, Unsure, UpstreamError
from app.netbox.resilience import Line
from app.netbox.rows import rows_of
from app.netbox.wire import Lane, Question, Reply

D = TypeVar("D")
T = TypeVar("T")


class Numbered(Protocol):
    """An object of NetBox's."""

    @property
    def id(self) -> int:
        """Its id."""
        ...


class Removable(Numbered, Protocol):
    """An object as it was read; `etag` where NetBox sent one."""

    @property
    def etag(self) -> str | None:
        """Its ETag."""
        ...


N = TypeVar("N", bound=Numbered)


def fitting(read: Callable[[], T]) -> T:
    """What a write's answer says; one that makes no sense leaves open what was done."""
    try:
        return read()
    except NetBoxNonsense as error:
        raise Unsure(error.detail) from None


def made(
    reply: Reply, drafts: Sequence[D], read: Callable[[Json], N], fits: Callable[[N, D], bool]
) -> tuple[N, ...]:
    """What a list made, in the order of the drafts.

    Raises:
        Unsure: it holds more or fewer objects, one of them twice, or one that does not fit its draft.
    """
    found = fitting(lambda: tuple(read(row) for row in rows_of(reply.data)))
    if len(found) != len(drafts) or len({row.id for row in found}) != len(found):
        raise Unsure(f"NetBox answered a list of {len(drafts)} with {len(found)} objects")
    for row, draft in zip(found, drafts, strict=True):
        if not fits(row, draft):
            raise Unsure(f"NetBox answered with object {row.id}, which is not what was asked for")
    return found


def changed(reply: Reply, netbox_id: int, read: Callable[[Reply], N]) -> N:
    """What a change made of an object.

    Raises:
        Unsure: the answer is about another object, or about none.
    """
    after = fitting(lambda: read(reply))
    if after.id != netbox_id:
        raise Unsure(f"NetBox answered with object {after.id} instead of {netbox_id}")
    return after


def changed_many(reply: Reply, netbox_ids: Sequence[int], read: Callable[[Json], N]) -> list[N | Missing]:
    """What a list of changes made of the objects, in the order of the ids; Missing for what is not there.

    NetBox 4.3 passes over ids that it does not have (4.7 refuses the list for them), and the answer is in
    NetBox's own order (both measured).

    Raises:
        Unsure: the answer holds an object that was not asked for, or one twice.
    """
    rows = fitting(lambda: [read(row) for row in rows_of(reply.data)])
    found = {row.id: row for row in rows}
    if len(found) != len(rows) or not found.keys() <= set(netbox_ids):
        raise Unsure(f"NetBox answered a change of {len(netbox_ids)} objects with {len(rows)} others")
    return [found.get(each) or Missing("NetBox has no such object") for each in netbox_ids]


async def read_again(read: Callable[[int], Awaitable[T | None]], netbox_id: int, what: str) -> T:
    """What a change has made of an object. However the look fails, the change was carried out (Unsure)."""
    try:
        after = await read(netbox_id)
    except (UpstreamError, NetBoxNonsense) as error:
        raise Unsure(f"the {what} was changed and cannot be read: {error}") from error
    if after is None:
        raise Unsure(f"the {what} was changed and cannot be read any more")
    return after


async def remove(line: Line, path: str, thing: Removable, message: str, lane: Lane) -> str:
    """Delete an object, with If-Match where it was read with an ETag; returns NetBox's request id.

    Raises:
        Missing: it is not there.
        Stale: it changed since it was read.
    """
    keep = bool(message) and line.takes_messages
    reply = await line.ask(
        Question(
            method="DELETE",
            path=f"{path}{thing.id}/",
            endpoint=f"{path}{{id}}/",
            body={"changelog_message": message} if keep else None,
            etag=thing.etag,
            expect=204,
            lane=lane,
        )
    )
    return reply.request_id or ""
