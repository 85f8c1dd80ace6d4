"""The audit log put to the proof: by itself, and against NetBox."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.cli.upstream import netbox_of
from app.domain.inventory import Address
from app.domain.upstream import PermissionRefused
from app.ledger.chain import Flaw
from app.ledger.proof import Line, Proof, text_of
from app.ledger.records import Entry
from app.netbox import NetBox
from app.netbox.changes import ADDRESS, ChangeLog
from app.settings import Settings
from app.store.reading import Archive, open_archive

_CLOCK_SLACK = timedelta(minutes=1)
"""By how much NetBox's clock may be off."""


@dataclass(slots=True)
class Verdict:
    """What was found. `kinds` holds `tampered`, `incomplete`, both or none."""

    lines: int = 0
    chains: int = 0
    kinds: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trace:
    """What the log says of the request that an allocation owes its present form to."""

    request_id: str
    netbox_id: int
    time: datetime


@dataclass(slots=True)
class Traces:
    """Collects traces while the log goes by, by operation."""

    found: dict[str, Trace] = field(default_factory=dict)

    def __call__(self, log: Iterator[Line]) -> Iterator[Line]:
        """The same lines."""
        for line in log:
            text = text_of(line)
            request_id, netbox_id, time = (text.get(n) for n in ("netbox_request_id", "netbox_id", "time"))
            if isinstance(request_id, str) and isinstance(netbox_id, int) and isinstance(time, int | float):
                moment = datetime.fromtimestamp(time, UTC)
                self.found[str(text.get("operation"))] = Trace(request_id, netbox_id, moment)
            yield line


def verify(environ: Mapping[str, str], say: Callable[[str], None], *, against_netbox: bool) -> Verdict:
    """Look at the whole log and say every flaw.

    Raises:
        SettingsWrong, SecretMissing: nothing was looked at.
        LedgerUnavailable: there is no database that can be read.
        UpstreamError, NetBoxNonsense: NetBox could not be compared.
    """
    settings = _settings(environ, against_netbox=against_netbox)
    verdict, proof, traces = Verdict(), Proof(), Traces()

    def tell(kind: str, sentence: str) -> None:
        verdict.kinds.add(kind)
        say(f"{kind}: {sentence}")

    with open_archive(settings.database) as archive:
        counted = archive.counted()
        for flaw in proof.flaws(traces(archive.lines()), counted):
            tell(flaw.kind, _sentence(flaw))
        if against_netbox:
            asyncio.run(_compare(settings, archive, traces.found, tell, verdict.notes))
    verdict.lines, verdict.chains = proof.lines, len(proof.chains)
    return verdict


def _settings(environ: Mapping[str, str], *, against_netbox: bool) -> Settings:
    """The log alone can be looked at where NetBox's address is not known."""
    if against_netbox:
        return Settings.towards_netbox(environ)
    return Settings.towards_netbox({"NETBOX_URL": "http://localhost", **environ}, "not used")


def _sentence(flaw: Flaw) -> str:
    where = f"chain {flaw.chain}, record {flaw.sequence}" if flaw.chain else "the end of the log"
    return f"{where}: {flaw.detail}"


async def _compare(
    settings: Settings,
    archive: Archive,
    traces: Mapping[str, Trace],
    tell: Callable[[str, str], None],
    notes: list[str],
) -> None:
    async with netbox_of(settings) as netbox:
        changes = await Changes.of(netbox, notes)
        for entries in archive.done():
            async for kind, sentence in _differences(netbox, changes, entries, traces):
                tell(kind, sentence)


async def _differences(
    netbox: NetBox, changes: "Changes", entries: Sequence[Entry], traces: Mapping[str, Trace]
) -> AsyncIterator[tuple[str, str]]:
    """What NetBox says otherwise of allocations, as kind and sentence."""
    rows = await netbox.addresses.read_many([entry.netbox_id for entry in entries if entry.netbox_id])
    held = {row.id: row for row in rows}
    for entry in entries:
        address = held.get(entry.netbox_id or 0)
        trace = traces.get(entry.operation)
        if difference := _difference(entry, address):
            yield difference
        elif trace is not None and not await changes.has(trace):
            what = f"no change of address {trace.netbox_id} by the request {trace.request_id}"
            yield "incomplete", f"key {entry.key!r}: NetBox's change log has {what}"


def _difference(entry: Entry, address: Address | None) -> tuple[str, str] | None:
    key = f"key {entry.key!r}"
    if address is None:
        return "incomplete", f"{key}: NetBox has no address {entry.address} (id {entry.netbox_id})"
    if address.key != entry.key:
        return "tampered", f"{key}: NetBox's address {entry.netbox_id} carries the key {address.key!r}"
    if str(address.address) != entry.address:
        return "tampered", f"{key}: the ledger has {entry.address}, NetBox {address.address}"
    return None


@dataclass(slots=True)
class Changes:
    """NetBox's change log, as far as it reaches back and may be read."""

    log: ChangeLog
    begins: datetime | None
    _made: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    async def of(cls, netbox: NetBox, notes: list[str]) -> "Changes":
        """Look how far back it goes; without the right to read it, nothing is compared with it."""
        log = ChangeLog(netbox.line)
        try:
            return cls(log, await log.begins())
        except PermissionRefused:
            notes.append("NetBox's change log may not be read with this token, and was not compared")
            return cls(log, None)

    async def has(self, trace: Trace) -> bool:
        """Whether it shows what the trace says, or does not reach back so far."""
        if self.begins is None or trace.time < self.begins + _CLOCK_SLACK:
            return True
        if trace.request_id not in self._made:
            made = await self.log.made_by(trace.request_id)
            self._made[trace.request_id] = {each.object_id for each in made if each.object_type == ADDRESS}
        return trace.netbox_id in self._made[trace.request_id]
