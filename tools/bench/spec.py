"""What the process that makes the load is told, and what it tells."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One load.

    `arm` is what is called:

    berth   allocations through Berth, a new key each
    repeat  the same requests again: the keys are those that a load of `run` with `known` made
    direct  pynetbox's `prefix.available_ips.create`, a thread and a session for each client
    lists   list POSTs to available-ips of these `sizes` (in turn), fields as Berth sends them
    read    a look-up of a name, as Berth makes it, on a new connection each
    status  an unrelated `GET /api/status/`, on a new connection each, every `pause` seconds
    lone    one caller: a direct call, one with the claim fields, a read by name, Berth, and a Berth that
            remembers no prefix (`cold`), in turns

    machines of one interface and one IPv4, `count` of them, each complete when it has its primary address:

    vm-script   pynetbox's calls, machine after machine; with several `clients`, as many threads share them
    vm-batch    all in one request to Berth
    vm-single   a PUT to Berth for each, all at once
    vm-lone     a PUT to Berth for each, one after the other

    `clients` ask again as soon as they are answered, for `warm` seconds that do not count and `seconds` that
    do; `count` (for lone, and to make known keys) ends it earlier.
    """

    arm: str
    netbox: str
    netbox_token: str
    berth: str = ""
    berth_token: str = ""
    clients: int = 1
    seconds: float = 5.0
    warm: float = 1.0
    count: int | None = None
    pause: float = 0.0
    prefix: str = ""
    prefix_id: int = 0
    cluster: int = 0
    cold: str = ""
    run: str = ""
    named: bool = True
    known: int = 0
    sizes: list[int] = field(default_factory=list)

    def dump(self) -> str:
        """As it goes through the pipe."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Spec:
        """As it comes out."""
        return cls(**json.loads(text))

    def key(self, client: int, number: int) -> str:
        """The key of a client's request."""
        return f"{self.run}-{client}-{number}"

    def traits(self, key: str) -> dict[str, str]:
        """What every caller sends, whatever the way: a name that is nobody else's and a description."""
        named = {"dns_name": f"{key}.bench.test"} if self.named else {}
        return {**named, "description": "Made by the benchmark"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a load came to. Times are seconds; `began` and `ended` bound the part that counts (epoch)."""

    began: float
    ended: float
    done: int
    rate: float
    latencies: list[float]
    failures: dict[str, int]
    cpu: float
    series: dict[str, list[float]] = field(default_factory=dict)

    def dump(self) -> str:
        """As it goes through the pipe."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Outcome:
        """As it comes out."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)
