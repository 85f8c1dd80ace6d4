"""A NetBox for commands that ask one."""

from collections.abc import Iterator

import pytest

from app.emulator import create_app, running


@pytest.fixture(scope="module")
def netbox() -> Iterator[str]:
    """The demonstration's NetBox."""
    with running(create_app(seed=True)) as url:
        yield url
