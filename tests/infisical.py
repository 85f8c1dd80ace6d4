"""A server that speaks as much of Infisical's API as its SDK needs, and fails on demand."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_ID, CLIENT_SECRET = "1fa64e11-6a2e-4c0e-9d0b-0d8b3a1c6f42", "canary-of-universal-auth-0123456789"
PROJECT, ENVIRONMENT, PATH = "7b832220-24c0-45bc-a5f1-ce9794a31259", "prod", "/matrix"
ACCESS = "canary-of-access-token-0123456789"
GARBAGE = b"<html>It works!</html>"


@dataclass
class Infisical:
    """Its secrets, who may read them, what it does wrong (a status, or a word), and what it was asked."""

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    client_secret: str = CLIENT_SECRET
    fault: int | str | None = None
    login_fault: int | str | None = None
    logins: int = 0
    reads: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def environ(self) -> dict[str, str]:
        """The variables that lead Berth here."""
        return {
            "INFISICAL_API_URL": f"{self.url}/api",
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": CLIENT_ID,
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": self.client_secret,
            "INFISICAL_PROJECT_ID": PROJECT,
            "INFISICAL_ENVIRONMENT": ENVIRONMENT,
            "INFISICAL_PATH": PATH,
        }

    def login(self, body: dict[str, Any]) -> tuple[int, Any]:
        """What a login is answered."""
        self.logins += 1
        if body != {"clientId": CLIENT_ID, "clientSecret": self.client_secret}:
            return 401, {"message": f"wrong credentials: {body}"}
        token = {"accessToken": ACCESS, "expiresIn": 60, "accessTokenMaxTTL": 60, "tokenType": "Bearer"}
        return 200, token

    def read(self, name: str, query: dict[str, str], authorization: str) -> tuple[int, Any]:
        """What a reading is answered."""
        self.reads.append(name)
        if authorization != f"Bearer {ACCESS}":
            return 401, {"message": "no token"}
        place = (query["workspaceId"], query["environment"], query["secretPath"])
        if place != (PROJECT, ENVIRONMENT, PATH) or name not in self.secrets:
            return 404, {"message": f"no {name} at {place}"}
        secret = {
            "version": 1,
            "workspace": PROJECT,
            "type": "shared",
            "environment": ENVIRONMENT,
            "secretKey": name,
            "secretValue": self.secrets[name],
            "secretComment": "",
        }
        return 200, {"secret": secret}


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Log in."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.path == "/api/v1/auth/universal-auth/login", self.path
        self._answer(self.server.infisical.login_fault, lambda it: it.login(body))

    def do_GET(self) -> None:
        """Read."""
        parts = urlsplit(self.path)
        assert parts.path.startswith("/api/v3/secrets/raw/"), self.path
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name, allowed = parts.path.rpartition("/")[2], self.headers["authorization"]
        self._answer(self.server.infisical.fault, lambda it: it.read(name, query, allowed))

    def _answer(self, fault: int | str | None, ask: Any) -> None:  # noqa: ANN401 - a lambda
        status, answer = ask(self.server.infisical)
        content = json.dumps(answer).encode()
        match fault:
            case int():
                status, content = fault, json.dumps({"message": "no", "statusCode": fault}).encode()
            case "hang":
                self.server.infisical.go_on.wait(60)
                return
            case "garbage":
                content = GARBAGE
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    infisical: Infisical
    daemon_threads = True


@contextmanager
def infisical(**secrets: str) -> Iterator[Infisical]:
    """Run a server that has these secrets, on a port that the system chooses."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.infisical = Infisical(f"http://127.0.0.1:{server.server_port}", secrets)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.infisical
        finally:
            server.infisical.go_on.set()
            server.shutdown()
            thread.join()
