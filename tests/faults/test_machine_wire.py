"""Each call of a registration and of a retirement breaks, one after the other: one whole machine, or none."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.client import ADDRESSES, INTERFACES, MACHINES, unique
from tests.faults.proxy import Fault
from tests.faults.stage import TO_REST, TOKENS

if TYPE_CHECKING:
    from tests.faults.stage import Stage

pytestmark = pytest.mark.faults

ROUTE = "/api/v1/virtual-machines"
WRITE = "[PD]*"
"""POST, PATCH, PUT and DELETE: GET breaks nothing."""
FEWEST_STEPS = 3
BREAKS: dict[str, dict[str, Any]] = {
    "before": {"kind": "before"},
    "after": {"kind": "after"},
    "half": {"kind": "half"},
    "503": {"kind": "answer", "status": 503},
    "500 after the commit": {"kind": "answer_after", "status": 500},
    "late": {"kind": "slow_before", "delay": 3.0},
}


def call(stage: Stage, method: str, key: str, body: dict[str, Any] | None = None) -> int:
    """Ask for a machine, and return the status: 0 where there was no answer."""
    headers = {"Authorization": f"Bearer {TOKENS['alice']}"}
    url = f"{stage.berth.url}{ROUTE}/{key}"
    try:
        return stage.session.request(method, url, json=body, headers=headers, timeout=12).status_code
    except requests.RequestException:
        return 0


def insist(stage: Stage, method: str, key: str, body: dict[str, Any] | None = None) -> None:
    """Ask until it is done."""
    deadline = time.monotonic() + TO_REST
    while (status := call(stage, method, key, body)) not in (200, 201, 204):
        assert status == 0 or status >= 500, f"{method} {key}: {status}"
        assert time.monotonic() < deadline, f"{method} {key} is never done: {status}"
        time.sleep(0.2)


def wanted(stage: Stage, cluster: str, prefix: str) -> dict[str, Any]:
    """Return a machine with two interfaces and three addresses."""
    addresses = [{"prefix": prefix}, {"prefix": prefix}]
    return {
        "name": unique("vm"),
        "cluster": cluster,
        "interfaces": [
            {"name": "eth0", "mac_address": "52:54:00:12:34:56", "addresses": addresses},
            {"name": "eth1", "addresses": [{"prefix": prefix}]},
        ],
    }


def parts(stage: Stage, key: str) -> list[str]:
    """Return the claims of a machine and its parts."""
    found = []
    for path in (MACHINES, INTERFACES, ADDRESSES):
        rows = stage.netbox.found(path, limit=1000, cf_berth_key__isw=key)
        found += [str(row["custom_fields"]["berth_key"]) for row in rows]
    return sorted(claim for claim in found if claim.partition("~")[0] == key)


def whole(key: str) -> list[str]:
    """Return the claims of such a machine."""
    return [key, f"{key}~1", f"{key}~1~v4~1", f"{key}~1~v4~2", f"{key}~2", f"{key}~2~v4~1"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", BREAKS)
def test_a_registration_that_breaks_at_any_call_is_one_whole_machine_in_the_end(
    stage: Stage, what: str
) -> None:
    """Its retry finishes it, whichever of its writes broke; nothing of it is there twice."""
    cluster, prefix = stage.netbox.cluster()["name"], stage.prefix(25)
    for step in itertools.count():
        key, body = f"{stage.run}-{step}", wanted(stage, cluster, prefix)
        stage.proxy.clear()
        stage.proxy.strike(Fault(**BREAKS[what], method=WRITE, skip=step))
        call(stage, "PUT", key, body)
        if stage.proxy.waiting:
            break
        insist(stage, "PUT", key, body)
        stage.verify()
        assert parts(stage, key) == whole(key), f"step {step}"
    assert step >= FEWEST_STEPS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", BREAKS)
def test_a_retirement_that_breaks_at_any_call_leaves_nothing_in_the_end(stage: Stage, what: str) -> None:
    """Its retry finishes it."""
    cluster, prefix = stage.netbox.cluster()["name"], stage.prefix(25)
    for step in itertools.count():
        key = f"{stage.run}-{step}"
        insist(stage, "PUT", key, wanted(stage, cluster, prefix))
        stage.proxy.clear()
        stage.proxy.strike(Fault(**BREAKS[what], method=WRITE, skip=step))
        call(stage, "DELETE", key)
        if stage.proxy.waiting:
            break
        insist(stage, "DELETE", key)
        stage.verify()
        assert parts(stage, key) == [], f"step {step}"
    assert step >= FEWEST_STEPS
