"""Whether the audit log is whole: its chains, its numbers, and what it is searched by.

The database counts the lines it has ever taken. So a tail that was cut shows, unless whoever cut it has put
the count back as well: only copies of the last hash outside of this machine would show that.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.inventory import Json
from app.ledger.chain import ANCHORED_SINCE, GENESIS, WOVEN_SINCE, Flaw, verify
from app.ledger.records import ChainedEvent


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log as the database has it; `searched` are the columns that filters look at."""

    number: int
    stored: ChainedEvent
    searched: Mapping[str, object]


@dataclass(slots=True)
class Proof:
    """Goes through the log once. Afterwards `lines` and `chains` say how much it was."""

    lines: int = 0
    chains: set[str] = field(default_factory=set)
    _last: int = 0
    _hash: str = GENESIS
    _chain: str = ""
    _found: list[Flaw] = field(default_factory=list)

    def flaws(self, log: Iterable[Line], counted: int) -> Iterator[Flaw]:
        """Every flaw. `log` is in order of number; `counted` lines have been written before it was read."""
        yield from verify(self._watched(log))
        self._gap("", 0, counted)
        yield from self._found

    def _watched(self, log: Iterable[Line]) -> Iterator[ChainedEvent]:
        for line in log:
            stored = line.stored
            if not self._gap(stored.chain, stored.sequence, line.number - 1):
                self._check_anchor(line)
            self._last, self._hash, self._chain = line.number, stored.hash, stored.chain
            self.lines += 1
            self.chains.add(stored.chain)
            if not _fits(line):
                detail = "the columns that it is searched by do not fit its text"
                self._found.append(Flaw("tampered", stored.chain, stored.sequence, detail))
            yield stored

    def _gap(self, chain: str, sequence: int, until: int) -> bool:
        """Note it if the lines up to this number are not all there."""
        if self._last >= until:
            return False
        detail = f"lines {self._last + 1} to {until} of the log are missing"
        self._found.append(Flaw("incomplete", chain, sequence, detail))
        return True

    def _check_anchor(self, line: Line) -> None:
        """A record says after which record of another chain it stands: it has to be the one before."""
        text, stored = text_of(line), line.stored
        version = text.get("version")
        since = ANCHORED_SINCE if stored.sequence == 0 else WOVEN_SINCE
        anchored = isinstance(version, int) and version >= since
        stands_alone = stored.sequence == 0 or stored.chain != self._chain
        expected = self._hash if stands_alone else None
        if anchored and text.get("after") != expected:
            what = "begin" if stored.sequence == 0 else "go on"
            detail = f"its chain does not {what} after the record that stands before it"
            self._found.append(Flaw("tampered", stored.chain, stored.sequence, detail))


def text_of(line: Line) -> Mapping[str, Json]:
    """The fields of a line's text; none where it is no JSON object."""
    try:
        fields = json.loads(line.stored.body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _fits(line: Line) -> bool:
    """Whether a line's columns say what its text says, which leaves out what is empty."""
    text = text_of(line)
    return all(text.get(name, "") == value for name, value in line.searched.items())
