"""Bodies, read and normalised before the routes see them: what arrives there is strict JSON, labelled so.

A body whose first byte is `{` or `[` is JSON whatever its label says: curl's `-d` and Ansible call JSON a
form, and Terraform calls it nothing at all. This is safe where callers are told by a bearer token: no browser
sends one by itself. Anything else is a form, unless its label says JSON; an empty body is an empty object.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import InvalidRequest, Violation
from app.domain.inventory import Json
from app.edge.errors import BodyTooLarge, MalformedBody, SlowBody, UnsupportedMediaType
from app.edge.forms import FormShape, parse_form
from app.edge.strictness import FORBIDDEN, check_text, parse_json

MAX_BODY: Final = 64 * 1024
BODY_SECONDS: Final = 15.0
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_write = json.JSONEncoder(ensure_ascii=False).encode
REPLACED: Final = frozenset({b"content-type", b"content-length", b"transfer-encoding", b"content-encoding"})


class ClientGone(Exception):
    """The client hung up before its body was complete, so nothing was begun and nobody waits."""


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Reads the bodies of the paths below `below`.

    `limits` names the paths with a limit of their own, in bytes; the rest have `limit`.
    """

    app: ASGIApp
    below: str = "/api/"
    limit: int = MAX_BODY
    limits: Mapping[str, int] = field(default_factory=dict)
    seconds: float = BODY_SECONDS
    shape: FormShape = field(default_factory=FormShape)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on the request with its body normalised.

        Raises:
            BodyTooLarge, SlowBody: it was not read to its end.
            MalformedBody, UnsupportedMediaType, InvalidRequest: it was, and refused.
        """
        if scope["type"] != "http" or not scope["path"].startswith(self.below):
            await self.app(scope, receive, send)
            return
        check_query(scope)
        if scope["method"] not in WITH_BODY:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body = await self._read(scope["path"], headers, receive)
        except ClientGone:
            return
        value = decode(body, headers.get("content-type", ""), self.shape)
        normalised = _write(value).encode()
        await self.app(_relabelled(scope, normalised), _replay(normalised, receive), send)

    async def _read(self, path: str, headers: Headers, receive: Receive) -> bytes:
        limit = self.limits.get(path, self.limit)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Compressed bodies are not read; send it as it is.")
        announced = headers.get("content-length", "")
        if announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit):
            raise BodyTooLarge(f"The body is larger than {limit} bytes.")
        try:
            async with asyncio.timeout(self.seconds):
                return await _collect(receive, limit)
        except TimeoutError as error:
            raise SlowBody from error


async def _collect(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"The body is larger than {limit} bytes.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def decode(body: bytes, content_type: str, shape: FormShape) -> Json:
    """The value that a body stands for.

    Raises:
        MalformedBody, UnsupportedMediaType, InvalidRequest: it stands for none.
    """
    try:
        text = body.decode("utf-8-sig").strip(" \t\r\n")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The body is not UTF-8 (byte {error.start}).") from error
    if not text:
        return {}
    media_type = content_type.partition(";")[0].strip().lower()
    value: Json
    if text[0] in "{[" or media_type.endswith(("/json", "+json")):
        value = parse_json(text)
    elif media_type.startswith("multipart/"):
        raise UnsupportedMediaType
    else:
        value = parse_form(text, shape)
    check_text(value)
    return value


def check_query(scope: Scope) -> None:
    """Refuse control characters in the path and the query, which reach NetBox and the log like any text.

    Raises:
        InvalidRequest: there are some.
    """
    query = unquote_plus(scope.get("query_string", b"").decode("latin-1"))
    if FORBIDDEN.search(query) or FORBIDDEN.search(scope["path"]):
        detail = "the URL holds control or formatting characters, which are refused"
        raise InvalidRequest(errors=[Violation("", "control_character", detail)])


def _relabelled(scope: Scope, body: bytes) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in REPLACED]
    labels = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope["headers"] = kept + labels
    return scope


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
