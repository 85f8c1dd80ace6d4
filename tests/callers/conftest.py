"""A whole Berth, and clients at different addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.whole import NetBox, Whole, emulated, whole

At = Callable[..., httpx2.AsyncClient]


@pytest.fixture(scope="session")
def netbox() -> Iterator[NetBox]:
    """The NetBox of all these tests."""
    with emulated() as netbox:
        yield netbox


@pytest.fixture
async def desk(netbox: NetBox, tmp_path: Path) -> AsyncIterator[Whole]:
    """A Berth without a policy file; its own token's owner is `team`."""
    netbox.fault()
    async with whole(netbox.url, tmp_path) as desk:
        yield desk


@pytest.fixture
async def at(desk: Whole) -> AsyncIterator[At]:
    """Makes clients that show a token, at an address."""
    made: list[httpx2.AsyncClient] = []
    app = desk.client._transport.app  # type: ignore[attr-defined]

    def make(token: str, address: str = "192.0.2.7") -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, client=(address, 1234)),
            base_url="https://berth",
            headers={"Authorization": f"Bearer {token}"},
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()
