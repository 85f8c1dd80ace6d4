"""The wire itself, against a server that answers as it is told to: the traps of pynetbox and requests."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ClosedPoolError

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Draft, Pool, PoolKind
from app.domain.upstream import Rejected, TokenRefused, Unsure
from app.netbox import NetBox, NetBoxSettings
from app.netbox.classify import Outage, Unreachable
from app.netbox.client import Client, _version
from app.netbox.wire import CallFinished, Question
from tests.netbox_room.conftest import Heard, Server

POOL = Pool(PoolKind.PREFIX, 1, ipaddress.ip_network("10.1.0.0/24"))
DRAFTS = [Draft(key="k1", owner="o")]
FREE = [{"family": 4, "address": "10.1.0.1/24", "vrf": None}]
JSON = {"Content-Type": "application/json"}
TOKEN = "nbt_abcdefgh1234.secretsecretsecretsecretsecretsecret1234"
SETTINGS = NetBoxSettings(url="http://netbox")

Serve = Callable[..., Server]
Reach = Callable[..., NetBox]


def says(
    body: object, status: int = 200, cookie: str = ""
) -> Callable[[Heard], tuple[int, dict[str, str], bytes]]:
    """A server that always answers this."""
    return lambda _: (
        status,
        {**JSON, **({"Set-Cookie": cookie} if cookie else {})},
        json.dumps(body).encode(),
    )


async def test_a_redirected_post_is_not_taken_for_an_allocation(serve: Serve, reach: Reach) -> None:
    """Requests would follow with a GET, whose list of free addresses looks like created ones."""

    def play(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if heard.method == "POST":
            return 301, {"Location": "https://netbox.example.com/api/x/"}, b""
        return says(FREE)(heard)

    server = serve(play)
    with pytest.raises(Rejected, match=r"redirect to https://netbox\.example\.com"):
        await reach(server.url).allocator.allocate(POOL, DRAFTS)
    assert [heard.method for heard in server.heard] == ["POST"]


async def test_free_addresses_in_place_of_created_ones_are_an_unknown_outcome(
    serve: Serve, reach: Reach
) -> None:
    """Whatever brought them there, they have no ids."""
    with pytest.raises(Unsure):
        await reach(serve(says(FREE, 201)).url).allocator.allocate(POOL, DRAFTS)


async def test_netrc_does_not_replace_the_token(
    serve: Serve, reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests prefers `~/.netrc` to an Authorization header, unless it is told not to look."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(says({"netbox-version": "4.7.3"}))
    await reach(server.url, TOKEN).facts()
    assert server.heard[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(("token", "scheme"), [("a" * 40, "Token"), (TOKEN, "Bearer")])
async def test_each_kind_of_token_has_its_scheme(serve: Serve, reach: Reach, token: str, scheme: str) -> None:
    """v2 tokens (since NetBox 4.5) are bearers."""
    server = serve(says({"netbox-version": "4.7.3"}))
    await reach(server.url, token).facts()
    assert server.heard[0].headers["authorization"] == f"{scheme} {token}"


async def test_every_call_asks_for_english_and_says_who_it_is(serve: Serve, reach: Reach) -> None:
    """NetBox translates its errors, and what they mean is told by their text."""
    server = serve(says({"netbox-version": "4.7.3"}))
    await reach(server.url).facts()
    assert server.heard[0].headers["Accept-Language"] == "en"
    assert server.heard[0].headers["User-Agent"].startswith("berth/")


async def test_a_hostile_next_link_is_never_followed(serve: Serve, reach: Reach) -> None:
    """The answer decides neither where the token goes nor how long a list is."""
    server = serve(
        says({"count": 10**6, "next": "http://169.254.169.254/x", "previous": None, "results": []})
    )
    assert await reach(server.url).allocator.find_claims(["k1"]) == []
    assert len(server.heard) == 1


async def test_cookies_are_not_kept(serve: Serve, reach: Reach) -> None:
    """A session of somebody else must not come into being."""
    server = serve(says({"netbox-version": "4.7.3"}, cookie="sessionid=x"))
    netbox = reach(server.url)
    await netbox.facts.reply()
    await netbox.facts.reply()
    assert "Cookie" not in server.heard[1].headers


@pytest.mark.parametrize(("status", "connections"), [(401, 2), (403, 2), (404, 2), (409, 1)])
async def test_a_connection_on_which_a_write_was_refused_early_is_not_used_again(
    serve: Serve, status: int, connections: int
) -> None:
    """NetBox had not read the body yet: it may reset what follows there."""
    server = serve(says({"detail": "no"}, status))
    client = Client(NetBoxSettings(url=server.url))
    for _ in range(2):
        await client.call(Question(method="POST", path="ipam/prefixes/1/available-ips/", body=[{}]), TOKEN)
    client.close()
    assert len({heard.port for heard in server.heard}) == connections


async def test_connections_let_go_of_in_that_very_moment_mean_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread's refusal closes the pool between its choice and its use."""

    def closed(pool: HTTPConnectionPool, *_args: object, **_options: object) -> None:
        raise ClosedPoolError(pool, "Pool is closed.")

    monkeypatch.setattr(HTTPConnectionPool, "_get_conn", closed)
    client = Client(NetBoxSettings(url="http://127.0.0.1:1"))
    with pytest.raises(Unreachable):
        await client.call(Question(method="GET", path="status/"), TOKEN)
    client.close()


async def test_a_refused_connection_means_nothing_was_sent(reach: Reach) -> None:
    """There is nobody at that port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unreachable):
            await reach(url).allocator.allocate(POOL, DRAFTS)


async def test_a_name_that_does_not_resolve_means_nothing_was_sent(reach: Reach) -> None:
    """RFC 6761 reserves `.invalid`."""
    with pytest.raises(Unreachable):
        await reach("http://netbox.invalid").facts()


async def test_a_proxy_that_is_not_there_means_nothing_was_sent(reach: Reach) -> None:
    """The proxy comes from the settings, for http and https."""
    settings = NetBoxSettings(url="http://netbox", proxy="http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        await reach("http://netbox.invalid", settings=settings).facts()


async def test_a_connection_cut_before_the_answer_leaves_a_write_open(serve: Serve, reach: Reach) -> None:
    """NetBox may have committed."""
    with pytest.raises(Outage):
        await reach(serve(lambda _: None).url).allocator.allocate(POOL, DRAFTS)


async def test_a_connection_cut_within_the_answer_leaves_a_write_open(serve: Serve, reach: Reach) -> None:
    """A 201 that is not whole tells less than it should."""
    server = serve(lambda _: (201, {**JSON, "Content-Length": "500", "Connection": "close"}, b'[{"id": 1'))
    with pytest.raises(Outage):
        await reach(server.url).allocator.allocate(POOL, DRAFTS)


async def test_an_answer_that_takes_too_long_leaves_a_write_open(serve: Serve, reach: Reach) -> None:
    """Requests itself would wait without end."""
    late = threading.Event()

    def play(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        late.wait(5)
        return says(FREE)(heard)

    server = serve(play)
    settings = NetBoxSettings(url="http://netbox", call_timeout=0.05)
    try:
        with pytest.raises(Outage):
            await reach(server.url, settings=settings).allocator.allocate(POOL, DRAFTS)
    finally:
        late.set()


async def test_an_answer_that_trickles_is_cut_off(serve: Serve) -> None:
    """The time of a call is for the whole answer; requests counts it anew with every byte."""
    server = serve(says({"netbox-version": "4.7.3"}))
    minutes = itertools.count(step=60.0)
    client = Client(NetBoxSettings(url=server.url), lambda: next(minutes))
    with pytest.raises(Outage):
        await client.call(Question(method="GET", path="status/"), TOKEN)
    client.close()


@pytest.mark.parametrize("coding", ["chunked", "gzip"])
async def test_an_answer_may_come_in_chunks_and_compressed(serve: Serve, reach: Reach, coding: str) -> None:
    """As proxies like to send it."""
    whole = json.dumps({"netbox-version": "4.7.3", "filler": "x" * 200_000}).encode()
    packed = gzip.compress(whole)
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (whole[:70_000], whole[70_000:], b""))
    heads = {
        "gzip": {"Content-Encoding": "gzip"},
        "chunked": {"Transfer-Encoding": "chunked", "Content-Length": ""},
    }
    server = serve(lambda _: (200, {**JSON, **heads[coding]}, packed if coding == "gzip" else chunked))
    assert (await reach(server.url).facts()).version == (4, 7, 3)


async def test_an_answer_longer_than_allowed_is_not_read_to_its_end(serve: Serve, reach: Reach) -> None:
    """Memory is not the upstream's to fill."""
    server = serve(lambda _: (201, JSON, b"[" + b" " * 200_000 + b"]"))
    settings = NetBoxSettings(url="http://netbox", max_answer=100_000)
    with pytest.raises(Outage):
        await reach(server.url, settings=settings).allocator.allocate(POOL, DRAFTS)


ODD = [
    b"<html>log in</html>",
    b"",
    b"null",
    b"5",
    b'"text"',
    b"[[[",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a": 1}',
    b"[1]",
]


@pytest.mark.parametrize("body", ODD)
async def test_a_success_that_makes_no_sense_leaves_a_write_open(
    serve: Serve, reach: Reach, body: bytes
) -> None:
    """Something answered 201; what it did is not known."""
    with pytest.raises(Unsure):
        await reach(serve(lambda _: (201, JSON, body)).url).allocator.allocate(POOL, DRAFTS)


@pytest.mark.parametrize(
    "body", [*ODD, b'{"results": []}', b'{"results": 5, "count": 1}', b'{"count": "x", "results": [{}]}']
)
async def test_a_read_that_makes_no_sense_says_so(serve: Serve, reach: Reach, body: bytes) -> None:
    """It is never taken for "there is none"."""
    with pytest.raises(NetBoxNonsense):
        await reach(serve(lambda _: (200, JSON, body)).url).allocator.find_claims(["k1"])


async def test_a_missing_page_is_not_a_missing_address(serve: Serve, reach: Reach) -> None:
    """A proxy that leads elsewhere must not make Berth believe that an address is gone."""
    server = serve(lambda _: (404, {"Content-Type": "text/html"}, b"<html>nothing here</html>"))
    with pytest.raises(Rejected, match="NETBOX_URL"):
        await reach(server.url).addresses.read(7)


async def test_no_error_and_no_observation_holds_the_token(serve: Serve, reach: Reach) -> None:
    """Pynetbox's own errors carry the request with its headers."""
    seen: list[CallFinished] = []
    answer = {"detail": "Invalid v2 token"}
    netbox = reach(serve(says(answer, 403)).url, TOKEN, seen.append)
    with pytest.raises(TokenRefused) as caught:
        await netbox.facts()
    error: BaseException | None = caught.value
    while error is not None:
        assert not hasattr(error, "req")
        assert TOKEN not in f"{error!r} {vars(error)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert TOKEN not in repr(seen) + repr(netbox)


async def test_if_match_is_sent_as_it_was_received(serve: Serve) -> None:
    """A weak ETag, quotes and all."""
    server = serve(lambda _: (200, {**JSON, "ETag": 'W/"2"'}, b'{"id": 1}'))
    client = Client(NetBoxSettings(url=server.url))
    question = Question(method="PATCH", path="x/1/", body={"a": 1}, etag='W/"1"')
    reply = await client.call(question, TOKEN)
    client.close()
    assert server.heard[0].headers["If-Match"] == 'W/"1"'
    assert (server.heard[0].body, reply.etag) == ({"a": 1}, 'W/"2"')


def test_a_file_of_certificates_that_is_not_there_is_found_at_once() -> None:
    """It is a fault of the settings, and nothing has been sent yet."""
    with pytest.raises(ValueError, match="nowhere"):
        Client(NetBoxSettings(url="https://netbox", ca_file="/nowhere.pem"))


async def test_speaking_tls_to_a_plain_port_means_nothing_was_sent(serve: Serve, reach: Reach) -> None:
    """The two never agreed on a way to talk."""
    server = serve(lambda _: None)
    with pytest.raises(Unreachable):
        await reach(server.url.replace("http:", "https:")).allocator.allocate(POOL, DRAFTS)


UNSAYABLE: list[Draft] = [
    Draft(key="k", owner="o", custom_fields={"price": float("nan")}),
    Draft(key="k", owner="o", custom_fields={"price": float("inf")}),
]


@pytest.mark.parametrize("draft", UNSAYABLE)
async def test_what_json_cannot_say_is_not_sent(serve: Serve, reach: Reach, draft: Draft) -> None:
    """Nothing is in doubt, and the breaker does not take it for an outage."""
    server = serve(says([]))
    with pytest.raises(Rejected, match="not JSON"):
        await reach(server.url).allocator.allocate(POOL, [draft])
    assert server.heard == []


async def test_a_name_that_utf8_cannot_say_is_not_sent(serve: Serve, reach: Reach) -> None:
    """A lone surrogate."""
    server = serve(says([]))
    with pytest.raises(Rejected):
        await reach(server.url).addresses.find_name("a\ud800", None)
    assert server.heard == []


@pytest.mark.parametrize("token", ["", "abc\n", "abc\r\nX-Evil: 1", "t\u00f6ken", " abc"])
async def test_a_token_that_no_header_can_carry_is_refused_here(
    serve: Serve, reach: Reach, token: str
) -> None:
    """The libraries' own errors would show it."""
    server = serve(says({}))
    with pytest.raises(TokenRefused) as refused:
        await reach(server.url, token).facts()
    assert server.heard == []
    assert "abc" not in str(refused.value)


def test_a_berth_that_was_not_installed_still_says_who_it_is() -> None:
    """From a checkout without package metadata."""
    assert _version("no-such-package-anywhere") == "unpackaged"
