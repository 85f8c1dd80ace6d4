"""An issuer of signed tokens on loopback: a real server with real keys, which a test can turn bad."""

import asyncio
import base64
import hmac
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

CONFIGURATION = "/.well-known/openid-configuration"
JWKS = "/keys"


def _rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@dataclass
class LoopbackIssuer:
    """Publishes a configuration and keys, and signs. `bad` answers a path in place of the issuer.

    `asked` counts the requests by path; `slow` is how many seconds each takes.
    """

    url: str = ""
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [_rsa("first")])
    configuration: dict[str, Any] = field(default_factory=dict)
    bad: dict[str, Callable[[], Response]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    slow: float = 0.0

    def rotate(self, kid: str) -> None:
        """Sign with a new key from now on, and publish no other one."""
        self.keys = [_rsa(kid)]

    def claims(self, **changes: object) -> dict[str, Any]:
        """What a token says that is good for five minutes; what is changed to None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "berth", "sub": "job-1", "iat": now, "nbf": now, "exp": now + 300}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, **changes: object) -> str:
        """A token with the newest key."""
        return self.signed(self.claims(**changes))

    def signed(self, claims: Mapping[str, Any], key: RSAKey | ECKey | None = None, **header: object) -> str:
        """A token with whatever key and header."""
        key = key or self.keys[-1]
        algorithm = "ES256" if key.key_type == "EC" else "RS256"
        whole = {"alg": algorithm, "kid": self.keys[-1].kid, **header}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, dict(claims), key, algorithms=[str(whole["alg"])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            return
        path = Request(scope).url.path
        self.asked[path] += 1
        await asyncio.sleep(self.slow)
        await self._answer(path)(scope, receive, send)

    def _answer(self, path: str) -> Response:
        if path in self.bad:
            return self.bad[path]()
        if path == CONFIGURATION:
            said = {"issuer": self.url, "jwks_uri": self.url + JWKS, **self.configuration}
            return JSONResponse(said)
        if path == JWKS:
            return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})
        return Response(status_code=404)

    def well(self) -> None:
        """Be a good issuer again, and forget what was asked."""
        self.bad.clear()
        self.configuration.clear()
        self.asked.clear()
        self.slow = 0.0


def unsigned(claims: Mapping[str, object], **header: object) -> str:
    """A token that says that it needs no signature."""
    return ".".join([_part({"alg": "none", **header}), _part(claims), ""])


def keyed_with(secret: bytes, claims: Mapping[str, object], **header: object) -> str:
    """A token with a secret's HS256; the library itself refuses to take a public key for one."""
    body = ".".join([_part({"alg": "HS256", **header}), _part(claims)])
    signature = hmac.digest(secret, body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def elsewhere(url: str) -> Callable[[], Response]:
    """Answers with a redirect."""
    return lambda: RedirectResponse(url)


@contextmanager
def serving() -> Iterator[LoopbackIssuer]:
    """Serve one on a port of its own until the end."""
    issuer = LoopbackIssuer()
    listening = socket.create_server(("127.0.0.1", 0))
    issuer.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(issuer, log_config=None, lifespan="off", ws="none", loop="asyncio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
