"""What stands in NetBox under a key that is in doubt is only taken if it is what the key asked for."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import KeyConflict, OutcomeUnknown
from app.emulator.faults import Fault
from app.ledger.records import Entry, State
from app.operations.fitting import is_as_asked, is_in_place
from tests.allocation.fake import held
from tests.operations.conftest import INSIDE, LAB, SMALL, Desk
from tests.operations.test_places import at

ENTRY = Entry(key="k", owner="alice", state=State.PENDING, operation="", family=4)
ROW = held(1, "10.0.1.5/24", "k", "alice")


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        ({}, True),
        ({"owner": "bob"}, False),
        ({"vrf_id": 3}, False),
        ({"family": 6}, False),
        ({"prefix": "10.0.1.0/24"}, True),
        ({"prefix": "10.0.2.0/24"}, False),
        ({"prefix": "7"}, True),  # an id tells nothing
        ({"prefix": "range 7"}, True),
        ({"prefix": "range 10.0.1.2-10.0.1.9"}, True),
        ({"prefix": "range 10.0.1.6 - 10.0.1.9"}, False),
        ({"sent": {"address": "10.0.1.5"}}, True),
        ({"sent": {"address": "10.0.1.5/24"}}, True),
        ({"sent": {"address": "10.0.1.6"}}, False),
        ({"sent": {"address": None}}, True),
    ],
    ids=str,
)
def test_an_address_fits_an_entry(entry: dict[str, Any], fits: bool) -> None:
    """By owner, VRF, family, place and the address that was asked for."""
    assert is_as_asked(replace(ENTRY, **entry), ROW) is fits


def test_where_it_lies_is_asked_apart_from_which_one_it_is() -> None:
    """Two calls for one key may have named different addresses."""
    assert is_in_place(replace(ENTRY, sent={"address": "10.0.1.6"}), ROW)


@pytest.mark.parametrize(
    ("words", "elsewhere"),
    [
        ({"prefix": LAB}, {"address": "192.168.5.5/29"}),
        ({"prefix": LAB, **at("192.168.4.9")}, {"address": "192.168.4.10/24"}),
        ({"prefix": LAB}, {"address": "192.168.4.9/24", "vrf": 1}),
        ({"prefix": INSIDE}, {"address": "10.99.0.9/24"}),
        ({"ip_range": "192.168.5.2-192.168.5.4"}, {"address": "192.168.5.6/29"}),
    ],
    ids=str,
)
async def test_a_key_in_doubt_does_not_take_what_lies_elsewhere(
    desk: Desk, alice: Caller, words: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    """It is refused as any other key that stands for something else; what lies in another place stays."""
    desk.api("POST", "ipam/ip-ranges/", {"start_address": "192.168.5.2/29", "end_address": "192.168.5.4/29"})
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", **words)
    desk.fault()
    claim = {"custom_fields": {"berth_key": "web", "berth_owner": "alice"}}
    made = desk.api("POST", "ipam/ip-addresses/", {**elsewhere, **claim})
    assert (await desk.operations.reconcile()).settled == 0
    with pytest.raises(KeyConflict):
        await desk.post(alice, "web", **words)
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.PENDING
    desk.clock.ahead += 200.0
    reconciled = await desk.operations.reconcile()
    inside = made["address"] == "192.168.4.10/24"  # another call for this key may have made it
    assert (reconciled.failed, reconciled.freed) == (1, int(inside))
    await desk.accounted()


async def test_a_key_in_doubt_takes_what_lies_where_it_was_asked(desk: Desk, alice: Caller) -> None:
    """In the prefix, and it is the address."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=SMALL, **at("192.168.5.4"))
    desk.fault()
    claim = {"custom_fields": {"berth_key": "web", "berth_owner": "alice"}}
    desk.api("POST", "ipam/ip-addresses/", {"address": "192.168.5.4/29", **claim})
    assert (await desk.operations.reconcile()).settled == 1
    assert ipaddress.ip_address((await desk.get(alice, "web")).ip) == ipaddress.ip_address("192.168.5.4")
