"""The secrets that Berth runs on: where they come from, and how their age is told."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.access.tokens import StaticTokens
from app.credentials.choice import secret_of
from app.credentials.secret import Secret
from app.settings import Settings
from app.sourcing import DAY, Freshness, OwnerClients, fingerprint, netbox_token, own_token
from app.store import Database, open_database
from app.telemetry.logs import make_logger
from app.telemetry.metrics import Metrics
from tests.infisical import infisical

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND = (
    "0123456789abcdef0123456789abcdef01234567",
    "nbt_abcdefABCDEF.canary0123456789canary0123456789abc",
)
V1_AND_V2 = [FIRST, SECOND]


def settings(**environ: str) -> Settings:
    """Settings with these variables."""
    return Settings.read({"NETBOX_URL": "https://netbox.example.com", "BERTH_TOKEN": "x" * 16, **environ})


@pytest.mark.parametrize("token", V1_AND_V2)
def test_both_formats_of_netboxs_tokens_come_from_each_source(token: str, tmp_path: Path) -> None:
    """The variable, its file, and Infisical."""
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    with infisical(NETBOX_API_TOKEN=token) as server:
        for environ in ({"NETBOX_API_TOKEN": token}, {"NETBOX_API_TOKEN_FILE": str(file)}, server.environ()):
            assert netbox_token(settings(**environ)).current() == token


async def test_berths_own_token_comes_from_infisical_where_it_is_listed(tmp_path: Path) -> None:
    """With the client secret from a file; callers are known by what Infisical has at the moment."""
    file = tmp_path / "client-secret"
    with infisical(NETBOX_API_TOKEN=FIRST, BERTH_TOKEN="first-token-of-berth") as server:
        file.write_text(server.client_secret)
        own_words = {
            "BERTH_TOKEN": "",
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": "",
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET_FILE": str(file),
            "BERTH_INFISICAL_SECRETS": "NETBOX_API_TOKEN, BERTH_TOKEN",
        }
        told = settings(**{**server.environ(), **own_words})
        own = own_token(told)
        assert own is not None
        known = StaticTokens(OwnerClients("team", own))
        server.secrets["BERTH_TOKEN"] = "second-token-of-berth"
        server.client_secret = "another-client-secret"
        file.write_text(server.client_secret)
        assert await known.authenticate("first-token-of-berth", "") is not None
        assert await own.refresh() is True
    assert await known.authenticate("first-token-of-berth", "") is None
    caller = await known.authenticate("second-token-of-berth", "")
    assert caller is not None
    assert caller.owner == "team"


def test_a_variable_that_is_set_is_taken_before_infisical() -> None:
    """So that `infisical run -- berth serve` works as it is; Infisical is not even asked."""
    with infisical(NETBOX_API_TOKEN=SECOND) as server:
        assert netbox_token(settings(**server.environ(), NETBOX_API_TOKEN=FIRST)).current() == FIRST
        assert server.logins == 0


def test_where_only_the_policy_knows_callers_there_is_no_token_of_berths_own(tmp_path: Path) -> None:
    """And nobody is known by one."""
    told = settings(BERTH_TOKEN="", BERTH_POLICY_FILE=str(tmp_path), NETBOX_API_TOKEN=FIRST)
    assert own_token(told) is None
    assert list(OwnerClients("team", None)) == []


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


class Desk:
    """What keeps secrets fresh, on a ledger, and what it tells."""

    def __init__(self, folder: Path, database: Database, clock: Clock) -> None:
        self.file = folder / "token"
        if not self.file.exists():
            self.file.write_text(FIRST)
        self.metrics, self.log = Metrics(), io.StringIO()
        self.secret: Secret = secret_of("NETBOX_API_TOKEN", None, self.file)
        self.freshness = Freshness([self.secret], database, self.metrics, make_logger(self.log), clock)

    def sample(self, name: str) -> float | None:
        """A metric of the token's."""
        return self.metrics.registry.get_sample_value(name, {"secret": "NETBOX_API_TOKEN"})

    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        assert FIRST not in self.log.getvalue()
        assert SECOND not in self.log.getvalue()
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A ledger."""
    with closing(open_database(f"sqlite:///{tmp_path / 'berth.db'}", "chain")) as each:
        yield each


SEEN = "berth_secret_first_seen_timestamp_seconds"


async def test_a_tokens_age_counts_from_when_it_was_first_seen_and_outlives_the_process(
    tmp_path: Path, database: Database
) -> None:
    """A new token begins anew; one that comes back is as old as it is."""
    clock = Clock()
    await Desk(tmp_path, database, clock).freshness()
    began, clock.at = clock.at, clock.at + 10 * DAY
    desk = Desk(tmp_path, database, clock)
    await desk.freshness()
    assert desk.sample(SEEN) == began
    desk.file.write_text(SECOND)
    await desk.freshness()
    assert desk.sample(SEEN) == began + 10 * DAY
    assert [line["event"] for line in desk.lines()] == ["a secret was replaced"]
    desk.file.write_text(FIRST)
    await desk.freshness()
    assert desk.sample(SEEN) == began


async def test_the_ledger_knows_a_token_by_a_fingerprint_that_gives_nothing_away(
    tmp_path: Path, database: Database
) -> None:
    """64 bits of a keyed hash: not the token, not its plain digest, not a part of either."""
    await Desk(tmp_path, database, Clock()).freshness()
    with closing(sqlite3.connect(tmp_path / "berth.db")) as connection:
        [row] = connection.execute("SELECT secret, fingerprint FROM fingerprints").fetchall()
    assert row == ("NETBOX_API_TOKEN", fingerprint(FIRST))
    assert len(row[1]) == 16
    assert all(row[1][at : at + 8] not in FIRST for at in range(9))


async def test_after_ninety_days_the_log_warns_once_a_day(tmp_path: Path, database: Database) -> None:
    """And stops when the token is replaced."""
    clock = Clock()
    desk = Desk(tmp_path, database, clock)
    await desk.freshness()
    clock.at += 90 * DAY
    await desk.freshness()
    assert desk.lines() == []
    for _ in range(30):
        clock.at += DAY / 10
        await desk.freshness()
    warnings = [line for line in desk.lines() if line["event"] == "a secret is old: replace it"]
    assert [line["days"] for line in warnings] == [90, 91, 92]
    assert {line["name"] for line in warnings} == {"NETBOX_API_TOKEN"}
    desk.file.write_text(SECOND)
    clock.at += 2 * DAY
    await desk.freshness()
    assert desk.lines()[-1]["event"] == "a secret was replaced"


async def test_a_source_that_fails_is_told_and_its_last_value_stays(
    tmp_path: Path, database: Database
) -> None:
    """In the log with the place, and in the metrics."""
    desk = Desk(tmp_path, database, Clock())
    desk.file.unlink()
    await desk.freshness()
    assert desk.secret.current() == FIRST
    assert desk.sample("berth_secret_read_failures_total") == 1
    age = desk.sample("berth_secret_read_age_seconds")
    assert age is not None
    assert age > 0
    [line] = desk.lines()
    assert line["event"] == "a secret cannot be read, its last value stays in use"
    assert str(desk.file) in line["problem"]


async def test_a_ledger_that_cannot_be_written_keeps_no_secret_from_being_read(
    tmp_path: Path, database: Database
) -> None:
    """Its age is told later."""
    desk = Desk(tmp_path, database, Clock())
    database.close()
    desk.file.write_text(SECOND)
    await desk.freshness()
    assert desk.secret.current() == SECOND
    assert desk.sample(SEEN) is None
