"""Terraform, a Berth process, and a NetBox: a real one where the environment names it, else the emulator."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN
from tests.contract.client import NetBox
from tests.end_to_end.conftest import prepare
from tests.end_to_end.program import Desk, Program, berth, emulator
from tests.end_to_end.spaces import Spaces
from tests.faults.proxy import FaultProxy
from tests.terraform.program import Terraform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "token-of-those-who-build"

if shutil.which("terraform") is None and "CI" not in os.environ:
    pytest.skip("needs terraform; in CI its absence is a failure", allow_module_level=True)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL and the token of the NetBox."""
    if url := os.environ.get("BERTH_TEST_NETBOX_URL"):
        yield url.rstrip("/"), os.environ["BERTH_TEST_NETBOX_TOKEN"]
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


@pytest.fixture
def spaces(netbox: NetBox) -> Spaces:
    """Makes prefixes that no other test uses, and looks at what is in them."""
    return Spaces(netbox)


@pytest.fixture
def wire(upstream: tuple[str, str]) -> Iterator[FaultProxy]:
    """The way from Berth to NetBox, which can be cut."""
    with FaultProxy(upstream[0]) as wire:
        yield wire


@pytest.fixture
def service(wire: FaultProxy, upstream: tuple[str, str], netbox: NetBox, tmp_path: Path) -> Iterator[Program]:
    """A Berth of the test's own, which runs."""
    program = berth(
        tmp_path / "berth",
        wire.url,
        upstream[1],
        token=TOKEN,
        owner="builders",
        reconcile_seconds="0.5",
        netbox_breaker_seconds="1",
    )
    program.start()
    yield program
    program.stop_if_running()


@pytest.fixture
def desk(service: Program) -> Desk:
    """Somebody with the same token and without Terraform."""
    return Desk(service.url, TOKEN)


@pytest.fixture
def terraform(service: Program, tmp_path: Path) -> Terraform:
    """Terraform in a folder that is still empty."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    return Terraform(folder, service.url, TOKEN)
