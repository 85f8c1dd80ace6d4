"""Machines of one interface and one IPv4: by script, as people do it, and through Berth."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pynetbox
import requests

from . import sequential
from .spec import Outcome, Spec
from .wire import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

_PATH: Final = "/api/v1/virtual-machines"
_NO_ANSWER: Final = (OSError, EOFError, TimeoutError)


@dataclass(slots=True)
class _Tally:
    """What came of it. `done` are machines that have their primary address."""

    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, began: float, failure: str = "") -> None:
        """One machine is there, or failed."""
        if failure:
            self.failures[failure] += 1
        else:
            self.latencies.append(time.perf_counter() - began)


def make(spec: Spec) -> Outcome:
    """Register `count` machines; the rate is of machines that are complete, over the whole time."""
    tally, began, clock = _Tally(), time.time(), time.perf_counter()
    if spec.arm == "vm-script":
        _script(spec, tally)
    else:
        asyncio.run(_WAYS[spec.arm](spec, tally))
    spent = time.perf_counter() - clock
    return Outcome(
        began=began,
        ended=began + spent,
        done=len(tally.latencies),
        rate=len(tally.latencies) / spent,
        latencies=tally.latencies,
        failures=dict(tally.failures),
        cpu=time.process_time(),
    )


def names(spec: Spec) -> list[str]:
    """What the machines are called."""
    return [spec.key(0, number) for number in range(spec.count or 1)]


def wish(spec: Spec, name: str) -> dict[str, Any]:
    """A machine as Berth is asked for it."""
    address = {"prefix": spec.prefix, "dns_name": f"{name}.bench.test"}
    interfaces = [{"name": "eth0", "addresses": [address]}]
    return {"key": name, "name": name, "cluster": spec.cluster, "interfaces": interfaces}


def _script(spec: Spec, tally: _Tally) -> None:
    """The four calls of each machine, by as many threads as there are clients."""
    left = deque(names(spec))

    def client(_number: int) -> None:
        api = pynetbox.api(spec.netbox, token=spec.netbox_token)
        api.http_session = sequential.session()
        prefix = api.ipam.prefixes.get(spec.prefix_id)
        with suppress(IndexError):
            while True:
                name, began = left.popleft(), time.perf_counter()
                tally.add(began, _scripted(spec, api, prefix, name))

    sequential.at_once(client, spec.clients)


def _scripted(spec: Spec, api: Any, prefix: Any, name: str) -> str:  # noqa: ANN401 - pynetbox has no types
    try:
        machine = api.virtualization.virtual_machines.create(name=name, cluster=spec.cluster)
        interface = api.virtualization.interfaces.create(virtual_machine=machine.id, name="eth0")
        address = prefix.available_ips.create(
            {
                "dns_name": f"{name}.bench.test",
                "assigned_object_type": "virtualization.vminterface",
                "assigned_object_id": interface.id,
            }
        )
        machine.update({"primary_ip4": address.id})
    except (pynetbox.RequestError, pynetbox.AllocationError, requests.RequestException) as error:
        return type(error).__name__
    return ""


async def _batch(spec: Spec, tally: _Tally) -> None:
    began, body = time.perf_counter(), {"items": [wish(spec, name) for name in names(spec)]}
    connection = Connection(spec.berth, spec.berth_token)
    try:
        answer = await connection.ask("POST", f"{_PATH}/batch", body)
    except _NO_ANSWER as error:
        tally.add(began, type(error).__name__)
        return
    await connection.end()
    items: list[dict[str, Any]]
    items = answer.json()["items"] if answer.status == 200 else [{"status": answer.status}]  # noqa: PLR2004 - OK
    for item in items:
        tally.add(began, _flaw(item["status"], item.get("virtual_machine", {})))


async def _put(spec: Spec, tally: _Tally, name: str) -> None:
    began, connection = time.perf_counter(), Connection(spec.berth, spec.berth_token)
    try:
        answer = await connection.ask("PUT", f"{_PATH}/{name}", wish(spec, name))
    except _NO_ANSWER as error:
        tally.add(began, type(error).__name__)
        return
    await connection.end()
    tally.add(began, _flaw(answer.status, answer.json()))


async def _single(spec: Spec, tally: _Tally) -> None:
    await asyncio.gather(*(_put(spec, tally, name) for name in names(spec)))


async def _lone(spec: Spec, tally: _Tally) -> None:
    for name in names(spec):
        await _put(spec, tally, name)


_WAYS: Final[dict[str, Callable[[Spec, _Tally], Any]]] = {
    "vm-batch": _batch,
    "vm-single": _single,
    "vm-lone": _lone,
}


def _flaw(status: int, machine: dict[str, Any]) -> str:
    """Why it does not count; empty if it is complete."""
    if status not in (200, 201):
        return str(status)
    return "" if machine.get("primary_ip4") else "no primary address"
