"""The stage of a fault: in front of a real NetBox where the environment names one, else of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import netbox, real, spaces, upstream
from tests.faults.processes import Zygote
from tests.faults.stage import Theatre

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.client import NetBox
    from tests.end_to_end.spaces import Spaces
    from tests.faults.stage import Stage

__all__ = ["netbox", "real", "spaces", "upstream"]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What all Berths of the run are forked from."""
    with Zygote() as process:
        yield process


@pytest.fixture
def theatre(zygote: Zygote, netbox: NetBox, spaces: Spaces, upstream: tuple[str, str]) -> Theatre:
    """Where stages are built."""
    return Theatre(zygote, netbox, spaces, *upstream)


@pytest.fixture
def stage(theatre: Theatre, tmp_path: Path) -> Iterator[Stage]:
    """One Berth with a ledger of its own, that reaches NetBox through a proxy."""
    with theatre.stage(tmp_path) as made:
        yield made
