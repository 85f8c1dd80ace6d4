"""Every page, in light and dark, narrow and wide: accessible, inside its window, and drawn for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import signed_in

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk
    from tests.web.conftest import Visitor, Visitors

pytestmark = pytest.mark.web
LOOKS = [(1280, False), (1280, True), (360, False), (1920, False)]
VM = {
    "name": "pictures-vm",
    "cluster": "matrix",
    "interfaces": [
        {"name": "eth0", "mac_address": "52:54:00:aa:bb:cc", "addresses": [{"prefix": "192.168.4.0/24"}]}
    ],
}


@pytest.fixture(scope="module")
def inventory(api: Desk) -> str:
    """Something of everything; returns the key of an allocation."""
    made = api.made({"prefix": "192.168.3.0/24", "dns_name": "docker-03-registry.spaceships.work"})
    for number in range(4, 9):
        api.made({"prefix": "192.168.3.0/24", "dns_name": f"docker-{number:02}-worker.spaceships.work"})
    assert api.call("POST", "/api/v1/virtual-machines", json=VM).status_code == 200
    return str(made["key"])


def _walk(visitor: Visitor, key: str) -> list[tuple[str, str]]:
    card = visitor.go("/request").locator("a.card", has_text="192.168.3.0/24")
    prefix = (card.get_attribute("href") or "").partition("prefix=")[2]
    number = prefix.partition("&")[0]
    return [
        ("choose", "/request"),
        ("request", f"/request?prefix={number}&dns_name=docker-03-registry.spaceships.work"),
        ("allocation", f"/allocations/{key}"),
        ("release", f"/allocations/{key}/release"),
        ("allocations", "/allocations"),
        ("register", "/machines/new"),
        ("machines", "/machines"),
        ("machine", "/machines/pictures-vm"),
        ("retire", "/machines/pictures-vm/retire"),
        ("prefixes", "/prefixes"),
        ("prefix", f"/prefixes/{number}"),
        ("audit", "/audit"),
        ("status", "/status"),
        ("not-found", "/allocations/no-such-key"),
    ]


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_every_page_is_accessible_and_fits_into_its_window(
    visitors: Visitors, inventory: str, width: int, dark: bool
) -> None:
    """WCAG 2.2 AA by axe-core, in both colour schemes, from a telephone to a wide screen."""
    visitor = visitors(width=width, dark=dark)
    look = f"{width}-{'dark' if dark else 'light'}"
    visitor.go("/sign-in")
    visitor.check()
    visitor.picture(f"sign-in-{look}")
    signed_in(visitor)
    for name, path in _walk(visitor, inventory):
        visitor.go(path)
        visitor.check()
        visitor.picture(f"{name}-{look}")


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_a_form_that_was_refused_is_accessible(visitors: Visitors, width: int, dark: bool) -> None:
    """What went wrong stands beside its field, and is announced."""
    visitor = signed_in(visitors(width=width, dark=dark))
    visitor.go("/request?prefix=192.168.3.0/24&dns_name=Bad_Name.spaceships.work&mac_address=nonsense")
    visitor.page.click("button.main")
    visitor.page.wait_for_selector("#mac_address-wrong")
    visitor.check()
    visitor.picture(f"refused-{width}-{'dark' if dark else 'light'}")
