"""The stage of a fault: in front of a real NetBox where the environment names one, else of the emulator."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest
import requests

from tests.end_to_end.conftest import netbox, real, spaces, upstream
from tests.faults.processes import Mortal, Zygote
from tests.faults.proxy import FaultProxy
from tests.faults.stage import TOKENS, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.client import NetBox
    from tests.end_to_end.spaces import Spaces

__all__ = ["netbox", "real", "spaces", "upstream"]

POLICY = "clients:\n" + "".join(
    f"  {name}: {{token_sha256: [{hashlib.sha256(token.encode()).hexdigest()}]}}\n"
    for name, token in TOKENS.items()
)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What all Berths of the run are forked from."""
    with Zygote() as process:
        yield process


@pytest.fixture
def stage(
    zygote: Zygote, netbox: NetBox, spaces: Spaces, upstream: tuple[str, str], tmp_path: Path
) -> Iterator[Stage]:
    """One Berth with a ledger of its own, that reaches NetBox through a proxy."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    ledger = f"sqlite:///{tmp_path / 'berth.db'}"
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(upstream[0]))
        session = stack.enter_context(requests.Session())
        session.trust_env = False
        variables = {
            "NETBOX_URL": proxy.url,
            "NETBOX_API_TOKEN": upstream[1],
            "BERTH_STATE_DIR": str(tmp_path),
            "BERTH_POLICY_FILE": str(tmp_path / "policy.yaml"),
        }
        berth = stack.enter_context(Mortal(zygote, tmp_path, variables))
        berth.serve()
        yield Stage(netbox, spaces, proxy, [berth], ledger, session)
