"""Emulators of either release, each test with one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN, create_app, running
from tests.contract.client import KEY, NetBox

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLAIM = {
    "object_types": ["ipam.ipaddress", "virtualization.virtualmachine", "virtualization.vminterface"],
    "name": KEY,
    "type": "text",
    "unique": True,
    "filter_logic": "exact",
}


@pytest.fixture
def emulator() -> Iterator[NetBox]:
    """An empty emulator of 4.7 with the claim's field."""
    yield from _emulator("4.7")


@pytest.fixture
def former() -> Iterator[NetBox]:
    """An empty emulator of 4.3 with the claim's field."""
    yield from _emulator("4.3")


def _emulator(version: str) -> Iterator[NetBox]:
    app = create_app(version=version)
    with running(app) as url, NetBox(url, SEED_TOKEN) as client:
        client.made("extras/custom-fields", _CLAIM)
        yield client
    app.close()
