"""Berth as a program in front of a NetBox: a real one where the environment names it, else the emulator."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN
from app.netbox import NetBoxSettings, connect
from app.netbox.setup import Deed, bootstrap
from tests.contract.client import NetBox
from tests.end_to_end.program import Desk, Program, berth, emulator
from tests.end_to_end.spaces import DEFAULT_TAG, POLICY, Spaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKENS = {name: f"end-to-end-token-of-{name}" for name in ("alice", "bob", "ops")}


class Token:
    """A token that never changes."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """Return it."""
        return self._token

    async def refresh(self) -> bool:
        """There is no other."""
        return False


@pytest.fixture(scope="session")
def real() -> bool:
    """Whether there is a real NetBox, which cannot be switched off."""
    return "BERTH_TEST_NETBOX_URL" in os.environ


@pytest.fixture(scope="session")
def upstream(real: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL and the token of the NetBox."""
    if real:
        yield os.environ["BERTH_TEST_NETBOX_URL"].rstrip("/"), os.environ["BERTH_TEST_NETBOX_TOKEN"]
        return
    program = emulator(tmp_path_factory.mktemp("emulator"))
    program.start("/api/status/")
    yield program.url, SEED_TOKEN
    program.stop_if_running()


@pytest.fixture(scope="session")
def netbox(upstream: tuple[str, str]) -> Iterator[NetBox]:
    """A human's way to NetBox, which Berth's own bootstrap has prepared."""
    prepare(*upstream)
    with NetBox(*upstream) as client:
        yield client


def prepare(url: str, token: str) -> None:
    """Give NetBox what `berth bootstrap` gives it."""
    room = connect(NetBoxSettings(url=url), Token(token))
    try:
        steps = asyncio.run(bootstrap(room.line, (DEFAULT_TAG,)))
    finally:
        room.close()
    assert Deed.WRONG not in {step.deed for step in steps}, steps


@pytest.fixture
def spaces(netbox: NetBox) -> Spaces:
    """Makes prefixes, VRFs and the like that no other test uses."""
    return Spaces(netbox)


@pytest.fixture(scope="session")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy of the tests' Berth: three clients, and rules by network."""
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    path.write_text(POLICY.format(**digests))
    return path


@pytest.fixture(scope="session")
def service(
    upstream: tuple[str, str], netbox: NetBox, policy_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """Berth, as it runs for most of the tests; it counts no wrong tokens, for made-up requests bring many."""
    program = berth(
        tmp_path_factory.mktemp("berth"),
        *upstream,
        policy_file=str(policy_file),
        reconcile_seconds="0.5",
        failed_logins="0",
    )
    program.start()
    yield program
    assert program.stop() == 0, program.log()[-2000:]


@pytest.fixture
def alice(service: Program) -> Desk:
    """A client."""
    return Desk(service.url, TOKENS["alice"])


@pytest.fixture
def bob(service: Program) -> Desk:
    """Another client, an owner of its own."""
    return Desk(service.url, TOKENS["bob"])


@pytest.fixture
def operator(service: Program) -> Desk:
    """A client who may force."""
    return Desk(service.url, TOKENS["ops"])


@pytest.fixture
def own(upstream: tuple[str, str], netbox: NetBox, policy_file: Path, tmp_path: Path) -> Iterator[Program]:
    """A Berth of the test's own, not yet started: to be stopped, starved or robbed of its state."""
    program = berth(tmp_path / "berth", *upstream, policy_file=str(policy_file), reconcile_seconds="0.5")
    yield program
    program.stop_if_running()
