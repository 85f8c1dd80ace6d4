"""The next free number of a convention: `docker-{nn}-nexus.spaceships.work` makes docker-01-nexus and so on.

These functions only count. Which names are taken, and that two callers do not get one number, is for the
ledger's transaction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.errors import InvalidRequest, Violation
from app.naming.patterns import compiled, group_span

NUMBER_GROUP = "number"
"""The named group of a pattern that holds the number."""
MALFORMED = "name_pattern.malformed"

_PLACEHOLDER = r"([^{}]*)\{(n{1,9})\}([^{}]*)"
_LONE_NUMBER = r"[^.]*?(?:^|-)(?P<number>[0-9]{1,9})(?:[-.].*)?"


@dataclass(frozen=True, slots=True)
class Template:
    """A name with a number of `width` digits between `before` and `after`."""

    before: str
    width: int
    after: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/name_pattern") -> "Template":
        """A template from its written form: one run of one to nine `n` in braces, which is its width.

        Raises:
            InvalidRequest: it is written differently.
        """
        match = compiled(_PLACEHOLDER).fullmatch(text.encode(errors="replace").decode())
        if match is None:
            detail = "write the number as one {n}, {nn} or so, as in docker-{nn}-nexus.spaceships.work"
            raise InvalidRequest(errors=[Violation(pointer, MALFORMED, detail)])
        (start, end) = match.span(2)
        return cls(text[: start - 1], end - start, text[end + 1 :])

    def __str__(self) -> str:
        return f"{self.before}{{{'n' * self.width}}}{self.after}"

    @property
    def last(self) -> int:
        """The greatest number that fits."""
        return int(10**self.width) - 1

    def name(self, number: int) -> str:
        """The name with this number."""
        return f"{self.before}{number:0{self.width}}{self.after}"

    def number_in(self, name: str) -> int | None:
        """The number of a name that the template could have made (compared in lower case); else None."""
        before, after, text = self.before.lower(), self.after.lower(), name.lower()
        digits = text[len(before) : len(text) - len(after)]
        fits = text.startswith(before) and text.endswith(after) and len(digits) == self.width
        return int(digits) if fits and digits.isascii() and digits.isdecimal() else None


def free_names(template: Template, taken: Iterable[str], start: int = 1) -> Iterator[str]:
    """The template's names that are not taken, lowest number first."""
    used = {template.number_in(name) for name in taken}
    return (template.name(number) for number in range(start, template.last + 1) if number not in used)


def template_of(name: str, patterns: Iterable[str] = ()) -> Template | None:
    """The template that a name was made from.

    Where the number is, a group called `number` in one of the patterns says; else it is the first number
    that stands alone between hyphens in the name's first label. None where there is neither.
    """
    if not name.isascii():
        return None
    for pattern in (*patterns, _LONE_NUMBER):
        span = group_span(pattern, NUMBER_GROUP, name.lower())
        if span is not None and name[slice(*span)].isdecimal():
            return Template(name[: span[0]], span[1] - span[0], name[span[1] :])
    return None
