"""The server under contract: a real NetBox where one is named in the environment, else the emulator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from app.emulator import SEED_TOKEN, create_app, running
from tests.contract.client import KEY, LOOSE, OWNER, NetBox

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODELS = ["ipam.ipaddress", "virtualization.virtualmachine", "virtualization.vminterface"]
_FIELDS = (
    {"name": KEY, "unique": True, "filter_logic": "exact", "ui_editable": "no"},
    {"name": OWNER, "filter_logic": "exact", "ui_editable": "no"},
    {"name": LOOSE},
)


@pytest.fixture(scope="session")
def netbox() -> Iterator[NetBox]:
    """A client that may do everything, on a server that has the custom fields."""
    url = os.environ.get("BERTH_TEST_NETBOX_URL")
    if url:
        with NetBox(url.rstrip("/"), os.environ["BERTH_TEST_NETBOX_TOKEN"]) as client:
            _add_fields(client)
            yield client
        return
    app = create_app()
    with running(app) as url, NetBox(url, SEED_TOKEN) as client:
        _add_fields(client)
        yield client
    app.close()


def _add_fields(client: NetBox) -> None:
    for field in _FIELDS:
        if not client.found("extras/custom-fields", name=field["name"]):
            client.made("extras/custom-fields", {"object_types": _MODELS, "type": "text", **field})
