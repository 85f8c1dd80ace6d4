"""Answers that do not fit their question: nothing of them is believed."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence

import pytest

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Address, Changes, Draft, Json, Pool, PoolKind, Reference
from app.domain.upstream import Rejected, Unsure
from app.netbox import deadline, translate
from app.netbox.addresses import Addresses
from app.netbox.cache import Cache
from app.netbox.facts import facts_of
from app.netbox.gateway import Allocator, free
from app.netbox.gather import Gatherer
from app.netbox.lookups import Lookups
from app.netbox.rows import Listing, chunks
from app.netbox.translate import Row
from app.netbox.wire import Reply
from tests.netbox_room.conftest import Clock, Rig

Rigs = Callable[..., Rig]
POOL = Pool(PoolKind.PREFIX, 1, ipaddress.ip_network("10.1.0.0/24"), Reference(3, "v"))
RANGE = Pool(
    PoolKind.RANGE,
    1,
    ipaddress.ip_network("10.1.0.0/24"),
    first=ipaddress.ip_address("10.1.0.5"),
    last=ipaddress.ip_address("10.1.0.9"),
)
DRAFTS = [Draft(key="k1", owner="o"), Draft(key="k2", owner="o")]


def row(number: int, host: str, key: str | None, vrf: int | None = 3, **changes: Json) -> dict[str, Json]:
    """An address as NetBox would show it."""
    return {
        "id": number,
        "address": host,
        "vrf": {"id": vrf, "name": "v"} if vrf else None,
        "tenant": None,
        "status": {"value": "active", "label": "Active"},
        "role": None,
        "assigned_object_type": None,
        "dns_name": "",
        "description": "",
        "tags": [],
        "custom_fields": {"berth_key": key, "berth_owner": "o"},
        **changes,
    }


def allocator(rig: Rig) -> Allocator:
    """An allocator over a scripted wire."""
    return Allocator(rig.line, Addresses(rig.line, Lookups(rig.line, "http://netbox")))


ONE, TWO = row(1, "10.1.0.1/24", "k1"), row(2, "10.1.0.2/24", "k2")
WRONG: dict[str, list[Json]] = {
    "one too few": [ONE],
    "one too many": [ONE, TWO, row(3, "10.1.0.3/24", "k3")],
    "none": [],
    "another order": [TWO, ONE],
    "one id twice": [ONE, {**TWO, "id": 1}],
    "another claim": [ONE, row(2, "10.1.0.2/24", "k9")],
    "no claim": [ONE, row(2, "10.1.0.2/24", None)],
    "outside of the prefix": [ONE, row(2, "10.2.0.2/24", "k2")],
    "another family": [ONE, row(2, "2001:db8::2/64", "k2")],
    "another VRF": [ONE, row(2, "10.1.0.2/24", "k2", vrf=4)],
    "the global table": [ONE, row(2, "10.1.0.2/24", "k2", vrf=None)],
    "half an object": [ONE, {"id": 2}],
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_a_creation_that_does_not_fit_is_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """Count, ids, order, claims, prefix, family and VRF are checked."""
    with pytest.raises(Unsure):
        await allocator(rig(Reply(status=201, data=answer))).allocate(POOL, DRAFTS)


async def test_a_creation_that_fits_is_believed(rig: Rigs) -> None:
    """With the request id of NetBox's change log."""
    made = rig(Reply(status=201, data=[ONE, TWO], request_id="r"))
    receipt = await allocator(made).allocate(POOL, DRAFTS)
    assert ([each.id for each in receipt.addresses], receipt.request_id) == ([1, 2], "r")


@pytest.mark.parametrize("host", ["10.1.0.7/24", "10.1.0.1/32"])
async def test_an_explicit_address_must_come_back_as_asked(rig: Rigs, host: str) -> None:
    """Another host, or another mask, is not it."""
    draft = Draft(key="k1", owner="o", address=ipaddress.ip_interface("10.1.0.1/24"))
    made = rig(Reply(status=201, data=[row(1, host, "k1")]))
    with pytest.raises(Unsure):
        await allocator(made).create(3, [draft])


def held(etag: str | None = 'W/"1"') -> Address:
    """An address that was read."""
    return translate.address(ONE, "http://netbox", etag)


@pytest.mark.parametrize("answer", [TWO, {"id": 1}, None])
async def test_a_change_that_answers_something_else_is_an_unknown_outcome(rig: Rigs, answer: Json) -> None:
    """It may have been done to another object."""
    with pytest.raises(Unsure):
        await allocator(rig(Reply(status=200, data=answer))).addresses.change(held(), Changes())


async def test_a_change_that_cannot_be_read_again_is_an_unknown_outcome(rig: Rigs) -> None:
    """Without ETags (NetBox < 4.6) the object is read again, and somebody may have deleted it."""
    gone = Reply(status=404, data={"detail": "No IPAddress matches the given query."})
    with pytest.raises(Unsure):
        await allocator(rig(Reply(status=200, data=ONE), gone)).addresses.change(held(None), Changes())


async def test_free_addresses_outside_of_a_range_are_not_believed(rig: Rigs) -> None:
    """They lie in its network, and not between its bounds."""
    with pytest.raises(NetBoxNonsense):
        await free(rig(Reply(status=200, data=[{"address": "10.1.0.4/24"}])).line, RANGE, 3)


async def test_more_free_addresses_than_asked_for_are_cut(rig: Rigs) -> None:
    """`limit` is the caller's."""
    answer: list[Json] = [{"address": f"10.1.0.{n}/24"} for n in (5, 6, 7)]
    found = await free(rig(Reply(status=200, data=answer)).line, RANGE, 2)
    assert [str(each) for each in found] == ["10.1.0.5/24", "10.1.0.6/24"]


# -- lists -------------------------------------------------------------------------------------


def page(*numbers: int) -> Reply:
    """A page of objects."""
    return Reply(status=200, data=[{"id": number, "name": str(number)} for number in numbers])


def listing(rig: Rig) -> Listing[Reference]:
    """A list of named objects."""
    return Listing(rig.line, "x/", translate.named)


async def test_pages_go_on_from_the_last_id(rig: Rigs) -> None:
    """Until one is not full."""
    made = rig(page(1, 2), page(5, 6), page())
    found = await listing(made).matching({"a": 1}, lambda _: True, limit=2)
    assert [each.id for each in found] == [1, 2, 5, 6]
    assert [asked.params.get("id__gt") for asked in made.wire.asked] == [None, 2, 6]
    assert all(asked.params["ordering"] == "id" for asked in made.wire.asked)


async def test_a_page_that_does_not_go_on_ends_the_search(rig: Rigs) -> None:
    """A NetBox that ignores `id__gt` would be asked for ever."""
    with pytest.raises(NetBoxNonsense):
        await listing(rig(page(1, 2))).matching({"a": 1}, lambda _: True, limit=2)


async def test_a_full_page_of_what_was_not_asked_for_is_an_ignored_filter(rig: Rigs) -> None:
    """What was asked for may be on a later page."""
    with pytest.raises(NetBoxNonsense, match="ignored a filter"):
        await listing(rig(page(1, 2))).matching({"a": 1}, lambda each: each.id == 2, limit=2)


async def test_what_was_not_asked_for_is_left_out(rig: Rigs) -> None:
    """A filter that finds more than it should, such as a loose one."""
    found = await listing(rig(page(1, 2))).matching({"a": 1}, lambda each: each.id == 2, limit=9)
    assert [each.id for each in found] == [2]


@pytest.mark.parametrize("count", ["5", None, True, [1]])
async def test_a_count_that_is_none_is_nonsense(rig: Rigs, count: Json) -> None:
    """Only a number is one."""
    with pytest.raises(NetBoxNonsense):
        await listing(rig(Reply(status=200, data=count))).count({"a": 1})


async def test_something_else_than_a_list_is_nonsense(rig: Rigs) -> None:
    """A list was asked for."""
    with pytest.raises(NetBoxNonsense):
        await listing(rig(Reply(status=200, data={"id": 1}))).page({}, 5)


async def test_claimed_addresses_come_in_pages_without_the_unclaimed(rig: Rigs) -> None:
    """An empty claim may pass NetBox's filter, and must not end the search early."""
    first = Reply(status=200, data=[row(4, "10.0.0.4/24", "k4"), row(5, "10.0.0.5/24", "")])
    second = Reply(status=200, data=[row(7, "10.0.0.7/24", "k7")])
    found = await allocator(rig(first, second)).addresses.claimed_after(3, 2)
    assert [each.id for each in found] == [4, 7]


def test_a_url_never_grows_too_long() -> None:
    """Percent-encoding counts: a colon takes three bytes."""
    parts = list(chunks("cf_berth_key", ["a" * 300] * 20))
    assert [len(part) for part in parts] == [9, 9, 2]
    assert [len(part) for part in chunks("cf_berth_key", [":" * 300] * 4)] == [3, 1]
    assert list(chunks("id", [])) == []


# -- marks -------------------------------------------------------------------------------------


async def test_marked_addresses_are_compared_and_remembered_for_a_moment(rig: Rigs) -> None:
    """Every allocation asks for the gateway."""
    vip: Json = {"value": "vip", "label": "VIP"}
    tags: list[Json] = [{"id": 1, "name": "Gate", "slug": "gate"}]
    answer: list[Json] = [
        row(1, "10.1.0.1/24", None, role=vip, tags=tags),
        row(2, "10.1.0.2/24", None),
        row(3, "10.1.0.3/24", None, vrf=None, role=vip),
    ]
    made = rig(Reply(status=200, data=answer))
    addresses = allocator(made).addresses
    assert [each.id for each in await addresses.marked(POOL, role="vip")] == [1]
    assert [each.id for each in await addresses.marked(POOL, tag="gate")] == [1]
    await addresses.marked(POOL, role="vip")
    assert len(made.wire.asked) == 2
    made.clock.now += 6
    await addresses.marked(POOL, role="vip")
    assert len(made.wire.asked) == 3


async def test_a_tag_that_netbox_does_not_have_marks_nothing(rig: Rigs) -> None:
    """NetBox refuses the filter; other refusals are errors."""
    text = "Select a valid choice. nope is not one of the available choices."
    unknown = Reply(status=400, data={"tag": [text]})
    assert await allocator(rig(unknown)).addresses.marked(POOL, tag="nope") == []
    with pytest.raises(Rejected):
        await allocator(rig(Reply(status=400, data={"role": [text]}))).addresses.marked(POOL, role="x")


# -- gathering and remembering -----------------------------------------------------------------


async def test_what_is_asked_during_a_look_up_goes_into_the_next_one() -> None:
    """One call for the first, one for all others."""
    asked: list[Sequence[int]] = []
    gate = asyncio.Event()

    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        asked.append(keys)
        await gate.wait()
        return {key: str(key) for key in keys if key != 3}

    gatherer = Gatherer(fetch, Clock())
    calls = [asyncio.ensure_future(gatherer.ask([1]))]
    await asyncio.sleep(0)
    calls += [asyncio.ensure_future(gatherer.ask(keys)) for keys in ([2, 3], [2], [4])]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*calls) == [{1: "1"}, {2: "2"}, {2: "2"}, {4: "4"}]
    assert asked == [[1], [2, 3, 4]]


async def test_a_look_up_that_fails_fails_for_all_who_asked() -> None:
    """And the next one starts afresh."""
    failures = [Unsure("cut")]

    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        if failures:
            raise failures.pop()
        return dict.fromkeys(keys, "found")

    gatherer = Gatherer(fetch, Clock())
    first = await asyncio.gather(gatherer.ask([1]), gatherer.ask([1]), return_exceptions=True)
    assert all(isinstance(each, Unsure) for each in first)
    assert await gatherer.ask([1]) == {1: "found"}


async def test_a_question_that_netbox_refuses_spoils_no_other() -> None:
    """Those that were asked together are asked again, one by one."""

    async def fetch(keys: Sequence[str]) -> Mapping[str, str]:
        if "bad" in keys:
            raise Rejected("bad")
        return dict.fromkeys(keys, "found")

    gatherer = Gatherer(fetch, Clock())
    calls = [gatherer.ask(["first"]), gatherer.ask(["bad"]), gatherer.ask(["good"])]
    first, bad, good = await asyncio.gather(*calls, return_exceptions=True)
    assert (first, good) == ({"first": "found"}, {"good": "found"})
    assert isinstance(bad, Rejected)


async def test_a_callers_deadline_ends_its_wait_and_not_the_look_up() -> None:
    """The look-up serves others too, and has the deadline of none."""
    gate = asyncio.Event()
    seen: list[float | None] = []

    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        await gate.wait()
        seen.append(deadline.current())
        return dict.fromkeys(keys, "found")

    clock = Clock()
    gatherer = Gatherer(fetch, clock)
    with deadline.within(0.01, clock), pytest.raises(Unsure):
        await gatherer.ask([1])
    late = asyncio.ensure_future(gatherer.ask([2]))
    gate.set()
    assert await late == {2: "found"}
    assert seen == [None, None]


async def test_only_what_was_there_is_remembered_and_not_for_long() -> None:
    """What is missing may be there the next moment."""
    clock = Clock()
    cache = Cache(30.0, clock)
    answers: list[str | None] = [None, "one", "two", "three"]

    async def fetch() -> str | None:
        return answers.pop(0)

    seen = [await cache.get("k", fetch) for _ in range(3)]
    clock.now += 30
    seen.append(await cache.get("k", fetch))
    cache.forget(lambda key, value: (key, value) == ("k", "two"))
    seen.append(await cache.get("k", fetch))
    assert seen == [None, "one", "one", "two", "three"]


async def test_whoever_asks_while_an_answer_comes_shares_it() -> None:
    """An answer that gets too old is fetched once, however many wait for it; a failed one is not kept."""
    cache = Cache(30.0, Clock())
    gate = asyncio.Event()
    calls = 0

    async def fetch() -> str:
        nonlocal calls
        calls += 1
        await gate.wait()
        if calls == 1:
            raise Unsure("lost")
        return "found"

    first = [asyncio.ensure_future(cache.get("k", fetch)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    assert [type(each) for each in await asyncio.gather(*first, return_exceptions=True)] == [Unsure] * 3
    assert await asyncio.gather(*(cache.get("k", fetch) for _ in range(3))) == ["found"] * 3
    assert calls == 2


async def test_what_is_forgotten_while_it_comes_is_not_kept() -> None:
    """It may be the very thing that turned out to be wrong."""
    cache = Cache(30.0, Clock())
    answers = ["old", "new"]

    async def fetch() -> str:
        cache.forget(lambda _key, _value: True) if len(answers) == 2 else None
        return answers.pop(0)

    assert [await cache.get("k", fetch) for _ in range(3)] == ["old", "new", "new"]


async def test_memory_has_a_limit() -> None:
    """The oldest entries go first."""
    cache = Cache(30.0, Clock())

    async def keep(number: int) -> int:
        async def fetch() -> int:
            return number

        return await cache.get(number, fetch)

    for number in range(1, 5001):
        await keep(number)
    assert len(cache._kept) == 4096
    assert 1 not in cache._kept
    assert 5000 in cache._kept


# -- small readings ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "latest", "four.seven"])
def test_a_version_that_is_none_is_nonsense(text: str) -> None:
    """Something else than NetBox answers `/api/status/`."""
    with pytest.raises(NetBoxNonsense):
        facts_of(Reply(status=200, data={"netbox-version": text}))


def test_a_list_that_is_none_is_nonsense() -> None:
    """Tags are a list."""
    with pytest.raises(NetBoxNonsense):
        Row({"tags": 1}).list("tags")
