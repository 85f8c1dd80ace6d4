"""Callers that wait for each answer: pynetbox as people use it, and one caller who is alone."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import pynetbox
import requests

from .spec import Outcome, Spec

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE: Final = 120.0
_REST: Final = 0.02
"""Seconds between two calls of the lone caller, so that none pays for what the one before left to do."""


def prefix_of(spec: Spec) -> Any:  # noqa: ANN401 - pynetbox has no types
    """The prefix as a script has it, on a connection of its own."""
    api = pynetbox.api(spec.netbox, token=spec.netbox_token)
    api.http_session = session()
    return api.ipam.prefixes.get(spec.prefix_id)


def session() -> requests.Session:
    """A session that takes nothing from the environment."""
    made = requests.Session()
    made.trust_env = False
    return made


def create(prefix: Any, fields: dict[str, Any]) -> str:  # noqa: ANN401 - as above
    """Allocate as scripts do; the reason where it failed."""
    try:
        prefix.available_ips.create(fields)
    except (pynetbox.RequestError, pynetbox.AllocationError, requests.RequestException) as error:
        return type(error).__name__
    return ""


def at_once(client: Callable[[int], None], clients: int) -> None:
    """Run so many clients, each on a thread, until all have ended."""
    threads = [Thread(target=client, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lone(spec: Spec) -> Outcome:
    """One caller; the ways take turns, and who begins changes with every round."""
    ways = _ways(spec)
    series: dict[str, list[float]] = {name: [] for name in ways}
    began = time.time()
    for number in range(-3, spec.count or 20):  # three rounds that do not count
        names = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
        for name in names:
            spent = _timed(ways[name], f"{name}-{number + 3}")
            if number >= 0:
                series[name].append(spent)
    done = len(series["berth"])
    spent = time.time() - began
    return Outcome(
        began=began,
        ended=began + spent,
        done=done,
        rate=done / spent,
        latencies=series["berth"],
        failures={},
        cpu=time.process_time(),
        series=series,
    )


def _timed(way: Callable[[str], None], key: str) -> float:
    time.sleep(_REST)
    began = time.perf_counter()
    way(key)
    return time.perf_counter() - began


def _ways(spec: Spec) -> dict[str, Callable[[str], None]]:
    """The calls that a lone allocation through Berth is compared with, by name."""
    prefix, netbox, berth = prefix_of(spec), session(), session()
    netbox.headers["Authorization"] = f"Token {spec.netbox_token}"
    berth.headers["Authorization"] = f"Bearer {spec.berth_token}"

    def direct(key: str) -> None:
        prefix.available_ips.create(spec.traits(f"{spec.run}-{key}"))

    def claimed(key: str) -> None:
        name = f"{spec.run}-{key}"
        fields = {"berth_key": name, "berth_owner": "default"}
        prefix.available_ips.create({**spec.traits(name), "custom_fields": fields})

    def read(key: str) -> None:
        query: dict[str, str | int] = {
            "dns_name": f"{spec.run}-{key}.bench.test",
            "ordering": "id",
            "limit": 1000,
        }
        _ok(netbox.get(f"{spec.netbox}/api/ipam/ip-addresses/", params=query, timeout=_PATIENCE))

    def through(url: str) -> Callable[[str], None]:
        def way(key: str) -> None:
            name = f"{spec.run}-{key}"
            body = {"key": name, "prefix": spec.prefix, **spec.traits(name)}
            _ok(berth.post(f"{url}/api/v1/allocations", json=body, timeout=_PATIENCE))

        return way

    cold = {"cold": through(spec.cold)} if spec.cold else {}
    return {"direct": direct, "claimed": claimed, "read": read, "berth": through(spec.berth), **cold}


def _ok(answer: requests.Response) -> None:
    if not answer.ok:
        raise RuntimeError(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}")
