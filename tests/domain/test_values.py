"""Small facts about values."""

import ipaddress

import pytest

from app.domain.inventory import ServerFacts
from app.domain.policy import NamePlace, Scope


@pytest.mark.parametrize(("version", "has"), [((4, 5, 9), False), ((4, 6, 0), True), ((4, 7, 3), True)])
def test_if_match_is_honoured_since_4_6(version: tuple[int, int, int], has: bool) -> None:
    """Before that an update is not kept from undoing somebody's edit."""
    assert ServerFacts(version).has_etags is has


@pytest.mark.parametrize(
    ("network", "covered"),
    [("10.0.0.0/24", True), ("10.1.0.0/24", False), ("fd00::/64", False), (None, False)],
)
def test_a_convention_for_networks_covers_what_lies_in_them(network: str | None, covered: bool) -> None:
    """A name that shall be used nowhere in particular lies in none."""
    scope = Scope(networks=(ipaddress.ip_network("10.0.0.0/16"),))
    place = NamePlace(network=None if network is None else ipaddress.ip_network(network))
    assert scope.covers("web", place) is covered
