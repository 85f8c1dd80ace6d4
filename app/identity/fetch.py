"""Fetching what an issuer publishes: JSON over TLS, small, soon, and from where it was asked.

It runs in a thread, because it blocks. No redirect is followed, no proxy or login of the environment is
used, and of the answer no more than `MOST_BYTES` is read, in no more than `SECONDS`. A private CA is named by
`SSL_CERT_FILE`, OpenSSL's own variable.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import urllib3

from app.domain.identity import is_safe
from app.domain.inventory import Json

MOST_BYTES: Final = 256 * 1024
SECONDS: Final = 5.0
_CHUNK: Final = 16 * 1024
_OK: Final = 200


class NotFetched(Exception):
    """It is not there, not in time, not JSON, or not where it may be; the text says which."""


class Fetch(Protocol):
    """Gets a JSON object."""

    async def __call__(self, url: str) -> Mapping[str, Json]:
        """The object at an address.

        Raises:
            NotFetched: there is none.
        """
        ...


class HttpFetch:
    """Gets JSON objects over HTTPS, and over plain HTTP from this machine only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS) -> None:
        self._pool = urllib3.PoolManager(num_pools=8, maxsize=1, retries=False)
        self._clock = clock
        self._seconds = seconds

    async def __call__(self, url: str) -> Mapping[str, Json]:
        """See `Fetch`."""
        check_address(url)
        return await asyncio.to_thread(self._get, url)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _get(self, url: str) -> Mapping[str, Json]:
        until = self._clock() + self._seconds
        try:
            answer = self._pool.request(
                "GET",
                url,
                headers={"Accept": "application/json"},
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=self._seconds),
            )
            try:
                return self._object(url, answer, until)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise NotFetched(f"{url} cannot be fetched: {type(error).__name__}") from error

    def _object(self, url: str, answer: urllib3.BaseHTTPResponse, until: float) -> Mapping[str, Json]:
        if answer.status != _OK:
            raise NotFetched(f"{url} answers {answer.status}")
        body = b""
        for chunk in answer.stream(_CHUNK):
            body += chunk
            if len(body) > MOST_BYTES:
                raise NotFetched(f"{url} is larger than {MOST_BYTES} bytes")
            if self._clock() > until:
                raise NotFetched(f"{url} did not arrive within {self._seconds} seconds")
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise NotFetched(f"{url} is no JSON object")
        return value


def check_address(url: str) -> None:
    """Refuse an address from which nothing is taken: one without TLS that is not on this machine.

    Raises:
        NotFetched: it is one.
    """
    if not is_safe(url):
        raise NotFetched(f"{url} is no https address")
