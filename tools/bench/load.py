"""`python -m tools.bench.load`: makes one load (a `Spec` on standard input) and tells what came of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Barrier
from typing import TYPE_CHECKING, Final

from app.domain.inventory import Draft
from app.netbox.translate import payload

from . import sequential, vms
from .spec import Outcome, Spec
from .wire import Connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Call = Callable[[int, int], Awaitable[tuple[int, str]]]

_NO_ANSWER: Final = (OSError, EOFError, TimeoutError)


@dataclass(slots=True)
class Record:
    """Every call: when it began and ended, what it was worth, and whether it was answered as it should be."""

    spec: Spec
    started: float = field(default_factory=time.perf_counter)
    offset: float = field(default_factory=lambda: time.time() - time.perf_counter())
    calls: list[tuple[float, float, int]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def until(self) -> float:
        """When no new call is to begin."""
        return self.started + self.spec.warm + self.spec.seconds

    def goes_on(self, number: int) -> bool:
        """Whether a client is to make its call of this number."""
        return time.perf_counter() < self.until and number < (self.spec.count or number + 1)

    def add(self, began: float, worth: int, failure: str = "") -> None:
        """A call is over."""
        if failure:
            self.failures[failure] += 1
        else:
            self.calls.append((began, time.perf_counter(), worth))

    def outcome(self) -> Outcome:
        """What counts: calls that ended within the measured time, latencies of those under way in it."""
        begin, end = self.started + self.spec.warm, self.until
        within = [call for call in self.calls if begin <= call[1] <= end]
        done = sum(worth for _, _, worth in within)
        return Outcome(
            began=begin + self.offset,
            ended=end + self.offset,
            done=done,
            rate=self._rate() if self.spec.arm == "lists" else done / self.spec.seconds,
            latencies=[ended - began for began, ended, _ in self.calls if ended >= begin and began <= end],
            failures=dict(self.failures),
            cpu=time.process_time(),
        )

    def _rate(self) -> float:
        """Addresses per second of lists that follow each other: from the first's begin to the last's end."""
        if not self.calls:
            return 0.0
        spent = max(call[1] for call in self.calls) - min(call[0] for call in self.calls)
        return sum(worth for _, _, worth in self.calls) / spent


async def _client(
    record: Record, number: int, call: Callable[[int, int], Awaitable[tuple[int, str]]]
) -> None:
    """One client in a closed loop."""
    count = 0
    while record.goes_on(count):
        began = time.perf_counter()
        try:
            worth, failure = await call(number, count)
        except _NO_ANSWER as error:
            worth, failure = 0, type(error).__name__
        record.add(began, worth, failure)
        count += 1
        if record.spec.pause or failure:
            await asyncio.sleep(record.spec.pause or 0.1)


def _berth(spec: Spec, connections: list[Connection]) -> Call:
    async def call(client: int, number: int) -> tuple[int, str]:
        key = spec.key(client, number % spec.known if spec.known else number)
        body = {"key": key, "prefix": spec.prefix, **spec.traits(key)}
        answer = await connections[client].ask("POST", "/api/v1/allocations", body)
        replayed = "idempotent-replayed" in answer.head
        if answer.status != 200 or replayed != (spec.arm == "repeat"):  # noqa: PLR2004 - OK
            return 0, f"{answer.status}{' replayed' if replayed else ''}"
        return 1, ""

    return call


def _lists(spec: Spec, connections: list[Connection]) -> Call:
    path = f"/api/ipam/prefixes/{spec.prefix_id}/available-ips/"

    async def call(client: int, number: int) -> tuple[int, str]:
        size = spec.sizes[(number * spec.clients + client) % len(spec.sizes)]
        body = [_item(spec, f"{spec.key(client, number)}-{item}") for item in range(size)]
        answer = await connections[client].ask("POST", path, body)
        return (size, "") if answer.status == 201 else (0, str(answer.status))  # noqa: PLR2004 - created

    return call


def _item(spec: Spec, key: str) -> object:
    """An item of a list exactly as Berth sends it."""
    message = f"berth: allocate {key} for default, request 01900000-0000-7000-8000-000000000000"
    traits = spec.traits(key)
    draft = Draft(
        key=key,
        owner="default",
        dns_name=traits.get("dns_name", ""),
        description=traits["description"],
        message=message,
    )
    return payload(draft, message=True)


def _status(_spec: Spec, connections: list[Connection]) -> Call:
    async def call(client: int, _number: int) -> tuple[int, str]:
        answer = await connections[client].ask("GET", "/api/status/")
        await connections[client].end()
        return (1, "") if answer.status == 200 else (0, str(answer.status))  # noqa: PLR2004 - OK

    return call


def _read(spec: Spec, connections: list[Connection]) -> Call:
    async def call(client: int, number: int) -> tuple[int, str]:
        name = f"{spec.key(client, number)}.bench.test"
        answer = await connections[client].ask("GET", f"/api/ipam/ip-addresses/?dns_name={name}&ordering=id")
        await connections[client].end()
        return (1, "") if answer.status == 200 else (0, str(answer.status))  # noqa: PLR2004 - OK

    return call


_ARMS: Final = {"berth": _berth, "repeat": _berth, "lists": _lists, "status": _status, "read": _read}


async def _loop(spec: Spec) -> Outcome:
    through = spec.arm in ("berth", "repeat")
    way = (spec.berth, spec.berth_token, "Bearer") if through else (spec.netbox, spec.netbox_token, "Token")
    connections = [Connection(*way) for _ in range(spec.clients)]
    call = _ARMS[spec.arm](spec, connections)
    record = Record(spec)
    await asyncio.gather(*(_client(record, number, call) for number in range(spec.clients)))
    await asyncio.gather(*(connection.end() for connection in connections))
    return record.outcome()


def make(spec: Spec) -> Outcome:
    """Make a load."""
    if spec.arm == "lone":
        return sequential.lone(spec)
    if spec.arm == "direct":
        return _direct(spec)
    if spec.arm.startswith("vm-"):
        return vms.make(spec)
    return asyncio.run(_loop(spec))


def _direct(spec: Spec) -> Outcome:
    """The clients of today: each with a thread, a connection and a prefix that it has looked up once.

    They connect at the same time: one after the other, they would all end up with the same of NetBox's
    processes, which takes the next connection as long as it is idle, and a bystander would feel nothing.
    """
    records: list[Record] = []
    ready = Barrier(spec.clients, lambda: records.append(Record(spec)))

    def client(number: int) -> None:
        prefix = sequential.prefix_of(spec)
        ready.wait()
        [record] = records
        count = 0
        while record.goes_on(count):
            began = time.perf_counter()
            failure = sequential.create(prefix, spec.traits(spec.key(number, count)))
            record.add(began, 1, failure)
            count += 1

    sequential.at_once(client, spec.clients)
    return records[0].outcome()


if __name__ == "__main__":
    sys.stdout.write(make(Spec.load(sys.stdin.read())).dump())
