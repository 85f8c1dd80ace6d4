"""Forwarded headers: believed where a proxy sends them that the settings name, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app.main import configuration
from tests.whole import ALLOCATIONS, TOKEN, NetBox, Whole, whole

FORGED = {"X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "https"}


async def seen(desk: Whole, peer: str, headers: list[tuple[str, str]]) -> str:
    """The address that the log has for a request that comes from a peer."""
    config = configuration(desk.berth)
    config.load()
    transport = httpx2.ASGITransport(app=config.loaded_app, client=(peer, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="https://berth") as client:
        sent = [("Authorization", f"Bearer {TOKEN}"), *headers]
        assert (await client.get(ALLOCATIONS, headers=sent)).status_code == 200
    [line] = [line for line in desk.lines() if line["event"] == "request"][-1:]
    return str(line["client_address"])


async def test_nobody_is_believed_by_default(netbox: NetBox, tmp_path: Path) -> None:
    """Not even this machine, as uvicorn would."""
    async with whole(netbox.url, tmp_path) as desk:
        for peer in ("192.0.2.7", "127.0.0.1"):
            assert await seen(desk, peer, [*FORGED.items()]) == peer


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # what the client made up is left of it
        ("10.0.0.1", ["1.2.3.4", "198.51.100.7"], "198.51.100.7"),  # also in a header of its own
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),  # two proxies
        ("2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["2001:db8:9::7"], "2001:db8:9::7"),
        ("192.0.2.7", ["198.51.100.7"], "192.0.2.7"),  # not named
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ['\\u2028"}{'], ""),  # no address at all
    ],
)
async def test_a_named_proxy_is_believed(
    netbox: NetBox, tmp_path: Path, peer: str, forwarded: list[str], address: str
) -> None:
    """It says who is the client; the first address from the right that is no proxy's."""
    async with whole(netbox.url, tmp_path, trusted_proxies="10.0.0.0/30, 2001:db8::1") as desk:
        assert await seen(desk, peer, [("X-Forwarded-For", each) for each in forwarded]) == address
