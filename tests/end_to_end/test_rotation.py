"""NetBox's token is replaced under load: no client sees an error, and each allocation is made once."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.netbox import NetBoxSettings, connect
from app.netbox.provision import provision
from tests.contract.client import unique
from tests.end_to_end.conftest import Token
from tests.end_to_end.program import Desk, Program, berth, wait_until
from tests.infisical import Infisical, infisical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.client import NetBox
    from tests.end_to_end.spaces import Spaces

WORKERS = 8
OWN = "rotation-token-0123456789"


@dataclass
class Tokens:
    """A user of NetBox's with Berth's rights, whose tokens come and go."""

    netbox: NetBox
    user: int
    ids: list[int] = field(default_factory=list)

    def make(self, version: int) -> str:
        """A new token as Berth has to send it."""
        row = self.netbox.made("users/tokens", {"user": self.user, "version": version})
        self.ids.append(row["id"])
        secret: str = row["token"]
        return secret if version == 1 else f"nbt_{row['key']}.{secret}"

    def drop_oldest(self) -> None:
        """From now on NetBox refuses it."""
        response = self.netbox.delete(f"users/tokens/{self.ids.pop(0)}")
        assert response.status_code == 204, response.text


@pytest.fixture
def tokens(upstream: tuple[str, str], netbox: NetBox) -> Tokens:
    """A user of the test's own."""
    room = connect(NetBoxSettings(url=upstream[0]), Token(upstream[1]))
    try:
        _, user = asyncio.run(provision(room.line, unique("berth")))
    finally:
        room.close()
    return Tokens(netbox, user)


@dataclass
class Load:
    """Clients that allocate, repeat, read and release without a pause; what they were answered."""

    desk: Desk
    prefix: str
    stopped: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    failed: list[str] = field(default_factory=list)

    def work(self, number: int) -> None:
        """One client's life."""
        at = 0
        while not self.stopped.is_set():
            key = f"rotation-{number}-{at}"
            body = {"prefix": self.prefix, "key": key}
            first, again = self.desk.post(body), self.desk.post(body)
            answers = (first, again, self.desk.get(key), self.desk.delete(key))
            codes = [each.status_code for each in answers]
            if codes != [200, 200, 200, 204] or first.text != again.text:
                self.failed.append(f"{key}: {codes} {first.text} {again.text}")
            at, self.done = at + 1, self.done + 1

    def goes_on(self) -> None:
        """Wait until every client has been served some more."""
        before = self.done
        wait_until(lambda: self.done >= before + 2 * WORKERS, "the clients are served")


@contextmanager
def load(program: Program, prefix: str) -> Iterator[Load]:
    """Clients that work until the block ends; none of them may have been refused."""
    each = Load(Desk(program.url, OWN), prefix)
    with ThreadPoolExecutor(WORKERS) as pool:
        works = [pool.submit(each.work, number) for number in range(WORKERS)]
        try:
            each.goes_on()
            yield each
            each.goes_on()
        finally:
            each.stopped.set()
    for work in works:
        work.result()
    assert each.failed == []


@pytest.fixture
def vault(tokens: Tokens) -> Iterator[Infisical]:
    """An Infisical with a token of the first version."""
    with infisical(NETBOX_API_TOKEN=tokens.make(1)) as server:
        yield server


@pytest.fixture
def program(upstream: tuple[str, str], tmp_path: Path, vault: Infisical) -> Iterator[Program]:
    """A Berth that reads it there, on SIGHUP and when it is refused alone: the schedule is an hour."""
    program = berth(tmp_path, upstream[0], "", token=OWN, secrets_seconds="3600")
    del program.variables["NETBOX_API_TOKEN"]
    program.variables |= vault.environ()
    program.start()
    yield program
    program.stop_if_running()


def said(program: Program, text: str) -> Callable[[], bool]:
    """Whether the log has one line more of this kind than it has now."""
    before = program.log().count(text)
    return lambda: program.log().count(text) > before


def test_a_rotation_while_both_tokens_live_is_seen_by_nobody(
    tokens: Tokens, vault: Infisical, program: Program, spaces: Spaces
) -> None:
    """From the first version to the second, to the second, and back; each old token is deleted afterwards."""
    assert program.process is not None
    with load(program, spaces.prefix()) as clients:
        for version in (2, 2, 1):
            vault.secrets["NETBOX_API_TOKEN"] = tokens.make(version)
            replaced = said(program, "a secret was replaced")
            program.process.send_signal(signal.SIGHUP)
            wait_until(replaced, "the token is replaced")
            tokens.drop_oldest()
            clients.goes_on()
    assert vault.logins == len(vault.reads) == 4


def test_a_token_that_netbox_refuses_is_read_again_once_for_all_who_were_refused(
    tokens: Tokens, vault: Infisical, program: Program, spaces: Spaces
) -> None:
    """Nobody told Berth: the old token is gone all of a sudden, and still no client sees an error."""
    with load(program, spaces.prefix()) as clients:
        vault.secrets["NETBOX_API_TOKEN"] = tokens.make(2)
        clients.goes_on()
        assert len(vault.reads) == 1
        tokens.drop_oldest()
        clients.goes_on()
    assert len(vault.reads) == 2


def test_a_schedule_takes_a_new_token_from_a_file(
    upstream: tuple[str, str], tokens: Tokens, tmp_path: Path, spaces: Spaces
) -> None:
    """Without any signal, and before the old one is refused; its age begins anew."""
    file = tmp_path / "token"
    file.write_text(tokens.make(2))
    program = berth(tmp_path / "berth", upstream[0], "", token=OWN, secrets_seconds="0.2")
    program.variables |= {"NETBOX_API_TOKEN": "", "NETBOX_API_TOKEN_FILE": str(file)}
    program.start()
    try:
        with load(program, spaces.prefix()):
            replaced = said(program, "a secret was replaced")
            fresh = tmp_path / "fresh"
            fresh.write_text(tokens.make(2))
            fresh.rename(file)
            wait_until(replaced, "the token is replaced")
            tokens.drop_oldest()
        shown = Desk(program.url).call("GET", "/metrics").text
        assert 'berth_secret_first_seen_timestamp_seconds{secret="NETBOX_API_TOKEN"}' in shown
        assert file.read_text() not in program.log()
    finally:
        program.stop_if_running()
