"""A running Berth as its commands call it: `BERTH_URL`, and a token of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests

from app.cli.words import RemoteFailed
from app.credentials.file import read_secret
from app.domain.inventory import Json

DEFAULT_URL: Final = "http://127.0.0.1:8000"
_CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
"""Longer than a request to Berth may take (`BERTH_REQUEST_SECONDS`, 20 by default)."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Calls the API of one Berth, which has so many seconds for an answer.

    What the environment says of proxies and logins is not heard, and no redirect is followed.
    """

    url: str
    token: str
    seconds: float = ANSWER_SECONDS

    def get(self, path: str, **query: str) -> dict[str, Json]:
        """The answer to a GET; `path` is whole, query parameters that are empty are left out."""
        return self._call("GET", path, query, None)

    def post(self, path: str, body: Json = None, **query: str) -> dict[str, Json]:
        """The answer to a POST."""
        return self._call("POST", path, query, body)

    def delete(self, path: str) -> None:
        """Have a DELETE carried out."""
        self._call("DELETE", path, {}, None)

    def pages(self, path: str, **query: str) -> Iterator[dict[str, Json]]:
        """Every item of a list, page by page."""
        cursor = ""
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from objects(page, "items")
            cursor = str(page.get("next") or "")
            if not cursor:
                return

    def _call(self, method: str, path: str, query: Mapping[str, str], body: Json) -> dict[str, Json]:
        given = {name: value for name, value in query.items() if value}
        with _told(self.url), requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method,
                f"{self.url}{path}",
                params=given,
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=(_CONNECT_SECONDS, self.seconds),
                allow_redirects=False,
            )
        if answer.is_redirect:
            raise RemoteFailed(f"{self.url} redirects to {answer.headers['location']}: set BERTH_URL to it")
        value = _json(answer) if answer.content or not answer.ok else {}
        if value is None or not answer.ok:
            raise _refusal(self.url, answer.status_code, value)
        return value


def remote(environ: Mapping[str, str]) -> Remote:
    """The Berth that the environment names.

    Raises:
        RemoteFailed: it names none, or gives no token.
        SecretMissing: the token's file cannot be read.
    """
    url = (environ.get("BERTH_URL") or DEFAULT_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise RemoteFailed("BERTH_URL: this is no address such as https://berth.example.com")
    if parts.username or parts.password:
        raise RemoteFailed("BERTH_URL: leave user and password out of the address")
    token, file = environ.get("BERTH_TOKEN"), environ.get("BERTH_TOKEN_FILE")
    if not token and not file:
        raise RemoteFailed(f"BERTH_TOKEN is not set: a token of the Berth at {url}")
    return Remote(url, token or read_secret(Path(file or "")))


def objects(value: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    """The objects in a list of an answer; what is none is left out."""
    found = value.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def problem_lines(problem: Mapping[str, Json]) -> list[str]:
    """A problem document in words: its code and what to do, and a line for each thing that is wrong."""
    lines = [f"{problem.get('code')}: {problem.get('detail')}"]
    for each in objects(problem, "errors"):
        where = f"{each['pointer']}: " if each.get("pointer") else ""
        lines.append(f"  {where}{each.get('detail')}")
    return lines


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Say in plain words why there is no answer."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise RemoteFailed(f"no TLS with {url}: {error}") from None
    except requests.Timeout:
        raise RemoteFailed(f"Berth does not answer in time at {url}") from None
    except requests.RequestException as error:
        raise RemoteFailed(
            f"Berth cannot be reached at {url}: {type(error).__name__}. "
            "Is it running? BERTH_URL says where it is."
        ) from None


def _json(answer: requests.Response) -> dict[str, Json] | None:
    try:
        value = answer.json()
    except requests.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(url: str, status: int, value: Mapping[str, Json] | None) -> RemoteFailed:
    if value is None or "code" not in value:
        return RemoteFailed(f"what answers at {url} is no Berth (HTTP {status})")
    return RemoteFailed(*problem_lines(value))
