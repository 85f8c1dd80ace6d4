"""Asking NetBox for lists, and believing none of it unseen.

NetBox ignores a filter that it does not know and answers with everything (4.3.7 and 4.7.3, measured; a
missing custom field makes its filter unknown). So every row is compared with what was asked. `next` links
are never followed: they come from outside. Pages go by `ordering=id` and `id__gt`, because an offset skips
rows when others are deleted meanwhile.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar
from urllib.parse import quote

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Json
from app.domain.upstream import Missing
from app.netbox.resilience import Line
from app.netbox.translate import Row
from app.netbox.wire import Question, Value

T = TypeVar("T")
V = TypeVar("V", bound=Hashable)
PAGE: Final = 1000
"""As many rows as NetBox gives at once by default (MAX_PAGE_SIZE)."""
_ROOM: Final = 3000
"""Bytes of a URL for repeated parameters: gunicorn refuses a request line of more than 4094."""


class Listing(Generic[T]):
    """One of NetBox's lists: where it is, and what its objects are read as."""

    def __init__(self, line: Line, path: str, read: Callable[[Json], T]) -> None:
        self._line = line
        self._path = path
        self._read = read

    async def one(self, netbox_id: int) -> T | None:
        """The object with this id; None if NetBox says that there is none (or hides it)."""
        path = self._path
        question = Question(method="GET", path=f"{path}{netbox_id}/", endpoint=f"{path}{{id}}/")
        try:
            reply = await self._line.ask(question)
        except Missing:
            return None
        return self._read(reply.data)

    async def page(self, params: Mapping[str, Value], limit: int) -> tuple[list[T], int]:
        """At most `limit` (and 1000) objects in order of id, and the last one's id (0 of none)."""
        question = Question(
            method="GET",
            path=self._path,
            endpoint=self._path,
            params={**params, "ordering": "id"},
            limit=max(1, min(limit, PAGE)),
        )
        rows = rows_of((await self._line.ask(question)).data)
        return [self._read(row) for row in rows], Row(rows[-1]).number("id") if rows else 0

    async def matching(
        self, params: Mapping[str, Value], fits: Callable[[T], bool], limit: int = PAGE
    ) -> list[T]:
        """Every object that fits, in pages of `limit`.

        Raises:
            NetBoxNonsense: a full page holds what was not asked for, so NetBox did not understand the filter.
        """
        found: list[T] = []
        after = 0
        while True:
            objects, last = await self.page({**params, "id__gt": after} if after else params, limit)
            fitting = [each for each in objects if fits(each)]
            found += fitting
            if len(objects) < limit:
                return found
            if len(fitting) < len(objects):
                raise NetBoxNonsense(f"NetBox ignored a filter of {self._path}: {', '.join(params)}")
            after = grown(last, after)

    async def count(self, params: Mapping[str, Value]) -> int:
        """How many objects fit, by NetBox's own count."""
        question = Question(method="GET", path=self._path, endpoint=self._path, params=params, counts=True)
        found = (await self._line.ask(question)).data
        if isinstance(found, bool) or not isinstance(found, int):
            raise NetBoxNonsense(f"NetBox does not say how many {self._path} there are")
        return found


def grown(last: int, after: int) -> int:
    """The id to go on from; it must have grown, or the pages would never end."""
    if last <= after:
        raise NetBoxNonsense("NetBox does not page by id__gt")
    return last


def one_of(values: Iterable[V], of: Callable[[T], V | None]) -> Callable[[T], bool]:
    """Whether something about an object is among the values that were asked for."""
    wanted = frozenset(values)
    return lambda each: of(each) in wanted


def rows_of(data: Json) -> Sequence[Json]:
    """The objects of a list answer."""
    if not isinstance(data, list):
        raise NetBoxNonsense("NetBox sent something else than a list")
    return data


def chunks(name: str, values: Sequence[T], most: int = 100) -> Iterator[list[T]]:
    """Parts of a list that fit into a URL as repeated parameters, in order."""
    part: list[T] = []
    length = 0
    for value in values:
        size = len(name) + 2 + len(quote(str(value), safe="", errors="replace"))
        if part and (length + size > _ROOM or len(part) >= most):
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    if part:
        yield part
