"""What goes wrong between Berth and NetBox meanwhile: answers lost after the commit, 502, slowness."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

import requests

TAKE = {"method": "POST", "path": "*/available-ips/"}
CHANGE = {"method": "PATCH", "path": "/api/ipam/ip-addresses/*"}
REMOVE = {"method": "DELETE", "path": "/api/ipam/ip-addresses/*"}
READ = {"method": "GET", "path": "/api/ipam/ip-addresses/*"}
FAULTS: list[dict[str, Any]] = [
    {"kind": "answer_lost", **TAKE},
    {"kind": "error_after", "status": 502, **TAKE},
    {"kind": "error", "status": 503, **TAKE},
    {"kind": "slow", "delay": 0.6, **TAKE},
    {"kind": "slow", "delay": 2.5, **TAKE},  # longer than Berth waits: it commits late
    {"kind": "slow", "delay": 6.0, **TAKE},  # longer than Berth doubts: it commits when it was given up
    {"kind": "slow_after", "delay": 0.6, **TAKE},
    {"kind": "answer_lost", **REMOVE},
    {"kind": "error_after", "status": 502, **REMOVE},
    {"kind": "slow", "delay": 2.5, **REMOVE},
    {"kind": "slow_after", "delay": 0.6, **REMOVE},
    {"kind": "answer_lost", **CHANGE},
    {"kind": "error_after", "status": 504, **CHANGE},
    {"kind": "error", "status": 503, **READ},
    {"kind": "throttled", "retry_after": 1, **READ},
    {"kind": "down", **READ},
]
LONGEST = max(fault.get("delay", 0.0) for fault in FAULTS)


@dataclass
class Weather:
    """Strikes one call of the emulator about every second, until it clears."""

    url: str
    chance: random.Random
    strikes: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._strike)
        self._thread.start()

    def clear(self) -> None:
        """Stop, and take back what has not struck yet."""
        self._over.set()
        self._thread.join()
        requests.delete(f"{self.url}/_emulator/faults", timeout=10)

    def _strike(self) -> None:
        while not self._over.wait(self.chance.uniform(0.3, 1.2)):
            fault = {**self.chance.choice(FAULTS), "times": 1}
            requests.post(f"{self.url}/_emulator/faults", json=fault, timeout=10)
            self.strikes += 1
