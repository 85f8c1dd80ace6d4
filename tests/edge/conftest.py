"""A client for a bare ASGI app with middleware around it."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from starlette.types import ASGIApp

Client = Callable[[ASGIApp], httpx2.AsyncClient]


@pytest.fixture
async def client_of() -> AsyncIterator[Client]:
    """Makes clients that talk to an app in this process."""
    made: list[httpx2.AsyncClient] = []

    def make(app: ASGIApp) -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://berth")
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()
