"""Clients that behave like real ones, on keys that they share, and write down what they were told."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
import urllib3

from tests.faults.history import Call, Outcome

ACTIONS = {"POST": 35, "PUT": 22, "GET": 20, "DELETE": 18, "CONFIRM": 5}
ATTEMPTS = 4
SUCCESS = (200, 201, 204)
HOLD_SECONDS = 2
PATIENCE = 12.0
"""Seconds that a client waits for an answer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A key, whose it is, and what is asked for under it."""

    key: str
    owner: str
    prefix: str
    named: bool
    held: bool

    def wanted(self, method: str) -> dict[str, Any]:
        """Return the body of a request for its allocation."""
        fields: dict[str, Any] = {"prefix": self.prefix}
        if method == "POST":
            fields["key"] = self.key
            if self.held:
                fields["hold_seconds"] = HOLD_SECONDS
        if self.named:
            fields["dns_name"] = f"{self.key}.faults.test"
        return fields

    def body(self, method: str, chance: random.Random) -> dict[str, Any]:
        """Return a request's body; a PUT changes what may change, under the same key."""
        fields = self.wanted(method)
        if method == "PUT" and chance.random() < 0.7:
            fields["description"] = f"version {chance.randrange(5)}"
        return fields


def subjects(prefixes: dict[str, int], run: str = "kills") -> list[Subject]:
    """Return so many keys for each prefix: of two owners, some with names, some that are only held."""
    return [
        Subject(
            f"{run}-{number}-{index}", ("alice", "bob")[index % 2], prefix, index % 3 == 0, index % 4 == 1
        )
        for number, (prefix, count) in enumerate(prefixes.items())
        for index in range(count)
    ]


@dataclass
class Load:
    """Clients in threads of their own, each request to any of the replicas. `calls` is the history."""

    urls: list[str]
    tokens: dict[str, str]
    subjects: list[Subject]
    seed: int
    calls: list[Call] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, clients: int) -> None:
        """Let so many clients begin."""
        for number in range(clients):
            thread = threading.Thread(target=self._client, args=(random.Random(self.seed + number),))  # noqa: S311
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let every client finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self, chance: random.Random) -> None:
        with requests.Session() as session:
            session.trust_env = False
            clients = [Client(url, self.tokens, session) for url in self.urls]
            while not self._over.is_set():
                client, subject = chance.choice(clients), chance.choice(self.subjects)
                [action] = chance.choices(list(ACTIONS), list(ACTIONS.values()))
                caller = subject.owner
                if action == "GET" and chance.random() < 0.1:
                    caller = next(name for name in self.tokens if name != caller)
                self._insist(client, action, subject, caller, chance)
                self._over.wait(chance.random() * 0.04)

    def _insist(
        self, client: Client, action: str, subject: Subject, caller: str, chance: random.Random
    ) -> None:
        """Make a request, and again while it makes sense, as Terraform's and curl's `retry` do."""
        body = subject.body(action, chance) if action in ("POST", "PUT") else None
        for attempt in range(ATTEMPTS):
            call = client.ask(action, subject, body, caller)
            self.calls.append(call)
            if call.status and call.status < 500:
                return
            self._over.wait(chance.random() * 0.2 * 2**attempt)


@dataclass(frozen=True, slots=True)
class Client:
    """One client of a Berth; `tokens` by owner. What it is told becomes a line of a history."""

    url: str
    tokens: dict[str, str]
    session: requests.Session

    def ask(
        self,
        action: str,
        subject: Subject,
        body: dict[str, Any] | None,
        caller: str = "",
        patience: float = PATIENCE,
    ) -> Call:
        """Make one request, for its owner unless another caller is named, and wait so many seconds."""
        caller = caller or subject.owner
        method, path = _line(action, subject)
        facts: dict[str, Any] = {
            "method": action,
            "key": subject.key,
            "caller": caller,
            "owner": subject.owner,
            "server": self.url,
        }
        headers = {"Authorization": f"Bearer {self.tokens[caller]}"}
        facts["started"] = time.monotonic()
        try:
            answer = self.session.request(
                method, self.url + path, json=body, headers=headers, timeout=(2, patience)
            )
        except requests.RequestException as error:
            outcome = Outcome.FAILED if _refused(error) else Outcome.UNKNOWN
            return Call(**facts, ended=time.monotonic(), outcome=outcome)
        return Call(**facts, ended=time.monotonic(), **_told(answer))


def _line(action: str, subject: Subject) -> tuple[str, str]:
    path = "/api/v1/allocations"
    if action == "POST":
        return "POST", path
    if action == "CONFIRM":
        return "POST", f"{path}/{subject.key}/confirm"
    return action, f"{path}/{subject.key}"


def _refused(error: requests.RequestException) -> bool:
    """Whether nothing was sent: nobody listened."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _told(answer: requests.Response) -> dict[str, Any]:
    """Return what an answer says, as a call's fields."""
    told: dict[str, Any] = {"status": answer.status_code, "outcome": Outcome.UNKNOWN}
    data = answer.json() if answer.content else {}
    if answer.status_code in SUCCESS:
        told |= {"outcome": Outcome.OK, "address": data.get("ip", ""), "netbox_id": data.get("netbox_id", "")}
        if data.get("hold_until"):
            told["held_until"] = _on_our_clock(data["hold_until"])
        return told
    told["code"] = data["code"]
    if answer.status_code < 500:
        told |= {"outcome": Outcome.FAILED, "absent": data["code"] == "not_found"}
    return told


def _on_our_clock(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp() - time.time() + time.monotonic()
