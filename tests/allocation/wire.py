"""The answers of the fake NetBox go through the program's own check of answers, right or garbled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import cast

from app.domain.inventory import Address, Draft, Json, Receipt
from app.netbox.addresses import post
from app.netbox.resilience import Line
from app.netbox.wire import Question, Reply

_QUESTION = Question(method="POST", path="ipam/prefixes/1/available-ips/", expect=201)


class Garbled(Enum):
    """A 201 that does not fit the question, although everything was created."""

    SHORT = "one is missing"
    LONG = "one is there twice"
    SAME = "two have one id"
    CLAIM = "one carries another claim"


@dataclass(frozen=True)
class _Answer:
    """A line that has one answer."""

    rows: int

    async def ask(self, _question: Question) -> Reply:
        """The numbers of the rows, instead of the rows."""
        return Reply(status=201, data=[*range(self.rows)], request_id="x-request")


async def checked(
    made: Sequence[Address],
    drafts: Sequence[Draft],
    fits: Callable[[Address, Draft], bool],
    garbled: Garbled | None,
) -> Receipt:
    """The receipt for what was made.

    Raises:
        Unsure: the answer does not fit the question.
    """
    rows = _garbled(list(made), garbled)

    def read(number: Json) -> Address:
        return rows[cast("int", number)]

    return await post(cast("Line", _Answer(len(rows))), _QUESTION, drafts, read, fits)


def _garbled(rows: list[Address], how: Garbled | None) -> list[Address]:
    if how is Garbled.SHORT:
        return rows[1:]
    if how is Garbled.LONG:
        return [*rows, rows[0]]
    if how is Garbled.SAME:
        return [rows[0]] * len(rows) if len(rows) > 1 else [*rows, *rows]
    if how is Garbled.CLAIM:
        return [*rows[:-1], replace(rows[-1], key="somebody-elses")]
    return rows
