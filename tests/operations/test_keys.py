"""The key of a request that names none."""

from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import KeyRequired, PrefixNotFound
from tests.operations.conftest import INSIDE, LAB, Desk


@pytest.mark.parametrize("words", [{}, {"dns_name": None}, {"dns_name": ""}, {"dns_name": "Null"}])
async def test_a_write_from_which_no_key_can_be_drawn_is_refused(
    desk: Desk, alice: Caller, words: dict[str, Any]
) -> None:
    """It would be a new address each time; and NetBox could not find `null` again as a claim."""
    with pytest.raises(KeyRequired):
        await desk.post(alice, prefix=LAB, **words)
    assert desk.calls("POST") == 0
    assert await desk.audit() == ["denied allocate key_required"]


async def test_one_cidr_in_two_vrfs_makes_two_keys(desk: Desk, alice: Caller) -> None:
    """The VRF is in the key, so that a name in each stays apart, also when both prefixes are gone."""
    added = desk.api("POST", "ipam/prefixes/", {"prefix": INSIDE})
    inside = await desk.post(alice, prefix=INSIDE, vrf="management", dns_name="web.example.com")
    outside = await desk.post(alice, prefix=INSIDE, vrf=None, dns_name="web.example.com")
    assert (inside.key.partition("@")[0], outside.key) == ("web.example.com", "web.example.com")
    for prefix in desk.api("GET", f"ipam/prefixes/?prefix={INSIDE}")["results"]:
        desk.api("DELETE", f"ipam/prefixes/{prefix['id']}/")
    assert added["id"]
    desk.clock.ahead += 60.0
    assert await desk.post(alice, prefix=INSIDE, vrf="management", dns_name="web.example.com") == inside
    assert await desk.post(alice, prefix=INSIDE, vrf=None, dns_name="web.example.com") == outside
    with pytest.raises(PrefixNotFound):
        await desk.post(alice, prefix=INSIDE, dns_name="web.example.com")
    with pytest.raises(PrefixNotFound):
        await desk.post(alice, prefix=INSIDE, vrf=None, dns_name="db.example.com")


async def test_a_vrf_that_was_renamed_does_not_break_what_exists(desk: Desk, alice: Caller) -> None:
    """A repeat says what it said before."""
    first = await desk.post(alice, prefix=INSIDE, vrf="management", dns_name="Web.example.com")
    desk.api("PATCH", f"ipam/vrfs/{first.key.partition('@vrf')[2]}/", {"name": "mgmt"})
    desk.clock.ahead += 60.0
    assert await desk.post(alice, prefix=INSIDE, vrf="management", dns_name="Web.example.com") == first
    assert (await desk.put(alice, first.key, prefix=INSIDE, vrf="management")).ip == first.ip
