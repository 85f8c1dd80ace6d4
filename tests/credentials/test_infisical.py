"""Infisical: its real SDK in its child process, against a server that speaks as Infisical does, and lies."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.credentials.choice import secret_of
from app.credentials.infisical import InfisicalPlace, InfisicalSource
from app.credentials.sources import SecretMissing
from tests.infisical import ACCESS, CLIENT_ID, CLIENT_SECRET, ENVIRONMENT, GARBAGE, PATH, PROJECT, infisical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infisical import Infisical

NAME = "NETBOX_API_TOKEN"
CANARY = "nbt_canaryCANARY.canary0123456789canary0123456789canary0"
HANGS = 1.5
PATIENCE = 20.0


@pytest.fixture
def server() -> Iterator[Infisical]:
    """An Infisical that has the token."""
    with infisical(**{NAME: CANARY}) as each:
        yield each


def place(server: Infisical, *, seconds: float = PATIENCE) -> InfisicalPlace:
    """Where the token is."""
    return InfisicalPlace(
        url=f"{server.url}/api/",
        client_id=CLIENT_ID,
        client_secret=lambda: CLIENT_SECRET,
        project=PROJECT,
        environment=ENVIRONMENT,
        path=PATH,
        seconds=seconds,
    )


def problem(where: InfisicalPlace) -> str:
    """Why the token cannot be read."""
    with pytest.raises(SecretMissing) as missing:
        InfisicalSource(NAME, where).read()
    text = str(missing.value)
    for secret in (CANARY, CLIENT_SECRET, ACCESS, GARBAGE.decode()):
        assert secret not in text
    return text


def test_a_secret_is_read_with_a_login_of_its_own(server: Infisical) -> None:
    """White space around it is not part of it; a slash or `/api` at the end of the address does no harm."""
    server.secrets[NAME] = f" {CANARY}\n"
    source = InfisicalSource(NAME, place(server))
    assert source.read() == CANARY
    assert source.read() == CANARY
    assert (server.logins, server.reads) == (2, [NAME, NAME])


async def test_a_secret_that_is_rotated_is_read_at_the_next_refresh(server: Infisical) -> None:
    """No cache of the SDK's stands in between."""
    secret = secret_of(NAME, None, None, place(server))
    server.secrets[NAME] = "second"
    assert secret.current() == CANARY
    assert await secret.refresh() is True
    assert secret.current() == "second"
    assert await secret.refresh() is False


REFUSALS = [
    (401, None, "is not accepted"),
    (403, None, "answered 403"),
    (500, None, "answered 500"),
    ("garbage", None, "is not Infisical's"),
    (None, 401, "is not accepted"),
    (None, 403, "answered 403"),
    (None, 404, "no such secret"),
    (None, 429, "answered 429"),
    (None, 500, "answered 500"),
    (None, "garbage", "is not Infisical's"),
]


@pytest.mark.parametrize(("login", "read", "reason"), REFUSALS)
def test_what_infisical_refuses_is_told_by_its_place_and_never_by_its_text(
    server: Infisical, login: int | str | None, read: int | str | None, reason: str
) -> None:
    """The server's text may quote anything; the secret's name, project, environment and path are told."""
    server.login_fault, server.fault = login, read
    said = problem(place(server))
    assert reason in said
    for part in (NAME, PROJECT, ENVIRONMENT, PATH, server.url):
        assert part in said


@pytest.mark.parametrize("what", ["login_fault", "fault"])
async def test_a_server_that_hangs_is_left_in_time_and_keeps_nobody_waiting(
    server: Infisical, what: str
) -> None:
    """The event loop goes on meanwhile, although the SDK holds Python's lock for as long as it waits."""
    secret = secret_of(NAME, None, None, place(server))
    setattr(server, what, "hang")
    hanging = InfisicalSource(NAME, place(server, seconds=HANGS))
    began, longest = time.monotonic(), 0.0
    reading = asyncio.create_task(asyncio.to_thread(problem, hanging.place))
    while not reading.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert "no answer within 1.5 s" in await reading
    assert HANGS <= time.monotonic() - began < HANGS + 5
    assert longest < HANGS / 2
    assert secret.current() == CANARY


def test_a_server_that_is_not_there_is_told(server: Infisical) -> None:
    """A wrong address is the first thing that goes wrong."""
    gone = replace(place(server), url="http://127.0.0.1:9")
    assert "no connection comes about" in problem(gone)


@pytest.mark.parametrize("value", ["<hidden-by-infisical>", "", " \n"])
def test_a_value_that_is_none_is_refused(server: Infisical, value: str) -> None:
    """Infisical writes the first where an identity may not see the value."""
    server.secrets[NAME] = value
    problem(place(server))


@pytest.mark.parametrize("fault", [403, 404, 500])
def test_a_variable_of_the_same_name_never_stands_in_for_a_refused_secret(
    server: Infisical, fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would answer with it, and say nothing."""
    monkeypatch.setenv(NAME, "from-the-environment")
    assert NAME in os.environ
    server.fault = fault
    said = problem(place(server))
    assert "from-the-environment" not in said
    assert "something else" not in said  # the child never saw it, so the SDK did not even try


async def test_a_refresh_that_fails_keeps_the_last_good_value_and_says_how_old_it_is(
    server: Infisical,
) -> None:
    """What is wrong is told until a reading succeeds."""
    secret = secret_of(NAME, None, None, place(server))
    server.fault = 500
    assert await secret.refresh() is False
    assert secret.current() == CANARY
    assert "answered 500" in secret.problem
    assert secret.seconds_since_read() > 0.05
    server.fault = None
    assert await secret.refresh() is False
    assert secret.problem == ""


async def test_fifty_who_ask_at_once_cause_one_reading(server: Infisical) -> None:
    """They share it, and all get what came of it."""
    secret = secret_of(NAME, None, None, place(server))
    server.secrets[NAME] = "second"
    assert await asyncio.gather(*(secret.refresh() for _ in range(50))) == [True] * 50
    assert len(server.reads) == 2  # one of them at the start


def test_what_infisical_takes_is_in_no_repr(server: Infisical) -> None:
    """Not of the place, the source or the secret."""
    where = place(server)
    shown = repr([where, InfisicalSource(NAME, where), secret_of(NAME, None, None, where)])
    assert NAME in shown
    assert CLIENT_SECRET not in shown
    assert CANARY not in shown
