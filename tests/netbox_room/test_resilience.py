"""Slots, queue, retries, breaker, pause and token, over a scripted wire and a clock that never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.domain.upstream import NotSent, Rejected, TokenRefused, Unsure
from app.netbox import NetBoxSettings, deadline
from app.netbox.breaker import Breaker, Budget, State
from app.netbox.classify import Outage, Throttled, Unreachable
from app.netbox.resilience import BreakerOpen, Paused
from app.netbox.slots import Expired
from app.netbox.wire import Lane, Question, Reply
from tests.netbox_room.conftest import Clock, Rig

GET = Question(method="GET", path="status/", endpoint="status/")
POST = Question(method="POST", path="x/", endpoint="x/", body=[{}], expect=201, lane=Lane.LOCK)
OK = Reply(status=200, data={}, request_id="r-1", series="4.3")
MADE = Reply(status=201, data=[])
EXPIRED = Reply(status=403, data={"detail": "Token expired"})
SETTINGS = NetBoxSettings(url="http://netbox")
GENEROUS = replace(SETTINGS, retry_share=1.0)
"""Every call may be retried once: what is tested here is not the budget."""

Rigs = Callable[..., Rig]


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_call_is_reported_once_with_all_there_is_to_know(rig: Rigs) -> None:
    """Metrics are made from this one value."""
    made = rig(OK)
    await made.line.ask(GET)
    (seen,) = made.seen
    assert (seen.endpoint, seen.method, seen.status_or_outcome) == ("status/", "GET", "200")
    assert (seen.retried, seen.request_id) == ((), "r-1")


async def test_every_attempt_is_told_by_itself(rig: Rigs) -> None:
    """Also those that were followed by another one, and without the wait between them."""
    bad = (Reply(status=502, decoded=False), SLOW_DOWN, Outage("cut"))
    made = rig(OK, OK, *bad, OK, settings=replace(GENEROUS, attempts=4))
    for _ in range(3):
        await made.line.ask(GET)
    assert [(each.outcome, each.seconds) for each in made.attempts[2:]] == [
        ("502", 0.0),
        ("429", 0.0),
        ("broken", 0.0),
        ("200", 0.0),
    ]
    assert sum(made.clock.slept) > 3
    assert len(made.seen) == 3


async def test_what_is_not_sent_has_no_time(rig: Rigs) -> None:
    """Neither NetBox's nor the network's, so that no histogram may count it."""
    made = rig(SLOW_DOWN, TokenRefused("no header can carry it"), OK, settings=GENEROUS)
    with deadline.within(2.0, made.clock), pytest.raises(Throttled):
        await made.line.ask(POST)
    with deadline.within(2.0, made.clock), pytest.raises(Paused):
        await made.line.ask(POST)
    made.line._quiet_until = 0.0
    with pytest.raises(TokenRefused):
        await made.line.ask(POST)
    with deadline.within(0.0, made.clock), pytest.raises(Expired):
        await made.line.ask(POST)
    assert [(each.outcome, each.seconds) for each in made.attempts] == [
        ("429", 0.0),
        ("throttled", None),
        ("unsendable", None),
        ("expired", None),
    ]


async def test_a_write_that_never_reached_netbox_is_sent_again(rig: Rigs) -> None:
    """Nothing was done, so nothing can be done twice."""
    made = rig(Unreachable("no"), MADE, settings=GENEROUS)
    assert (await made.line.ask(POST)).status == 201
    assert made.seen[0].retried == ("unreachable",)


@pytest.mark.parametrize(
    "failure", [Outage("cut"), Reply(status=502, decoded=False), Reply(status=500, data={})]
)
async def test_a_write_that_may_have_been_done_is_never_sent_again_here(
    rig: Rigs, failure: Reply | Exception
) -> None:
    """Only a look at the claims can tell, and that is the batcher's."""
    made = rig(failure, settings=GENEROUS)
    with pytest.raises(Unsure):
        await made.line.ask(POST)
    assert len(made.wire.asked) == 1


async def test_a_read_is_repeated_whatever_broke_it(rig: Rigs) -> None:
    """It changes nothing."""
    made = rig(Reply(status=502, decoded=False), OK, settings=GENEROUS)
    assert (await made.line.ask(GET)).status == 200


async def test_a_call_is_tried_three_times_at_most(rig: Rigs) -> None:
    """However much budget there is."""
    made = rig(Unreachable("no"), settings=replace(GENEROUS, retry_share=5.0))
    with pytest.raises(Unreachable):
        await made.line.ask(GET)
    assert len(made.wire.asked) == 3
    assert made.clock.slept == [0.2, 0.4]


async def test_a_rejected_call_is_not_repeated(rig: Rigs) -> None:
    """It would be rejected again."""
    made = rig(Reply(status=400, data={"a": ["b"]}), settings=GENEROUS)
    with pytest.raises(Rejected):
        await made.line.ask(GET)
    assert len(made.wire.asked) == 1


async def test_a_brown_out_costs_at_most_a_fifth_more_calls(rig: Rigs) -> None:
    """A NetBox that struggles is not helped by being asked thrice."""
    made = rig(Reply(status=502, decoded=False), settings=replace(SETTINGS, breaker_failures=10**6))
    for _ in range(200):
        with pytest.raises(Outage):
            await made.line.ask(GET)
    assert 200 < len(made.wire.asked) <= 240


async def test_no_retry_is_begun_that_the_deadline_would_cut_off(rig: Rigs) -> None:
    """The backoff of 0.2 seconds does not fit into 0.1."""
    made = rig(Unreachable("no"), settings=GENEROUS)
    with deadline.within(0.1, made.clock), pytest.raises(Unreachable):
        await made.line.ask(GET)
    assert len(made.wire.asked) == 1


# -- the token ---------------------------------------------------------------------------------


async def test_an_expired_token_is_fetched_again_and_the_call_repeated(rig: Rigs) -> None:
    """A 403 for the token did nothing, so even a write may be repeated."""
    made = rig(EXPIRED, MADE, tokens=("old", "new"))
    assert (await made.line.ask(POST)).status == 201
    assert made.wire.tokens == ["old", "new"]


async def test_a_token_that_stays_the_same_is_not_tried_again(rig: Rigs) -> None:
    """The same token gets the same answer."""
    made = rig(EXPIRED)
    with pytest.raises(TokenRefused):
        await made.line.ask(GET)
    assert len(made.wire.asked) == 1


async def test_a_new_token_that_is_refused_too_ends_the_call(rig: Rigs) -> None:
    """Once is enough."""
    made = rig(EXPIRED, tokens=("old", "new", "newer"))
    with pytest.raises(TokenRefused):
        await made.line.ask(GET)
    assert made.wire.tokens == ["old", "new"]


async def test_the_secret_store_is_not_asked_by_every_refused_call(rig: Rigs) -> None:
    """At most every five seconds, whatever the number of callers."""
    made = rig(EXPIRED)
    for _ in range(5):
        with pytest.raises(TokenRefused):
            await made.line.ask(GET)
    made.clock.now += 6
    with pytest.raises(TokenRefused):
        await made.line.ask(GET)
    assert made.token.refreshed == 2


async def test_a_call_that_was_refused_with_an_old_token_uses_the_one_others_fetched(rig: Rigs) -> None:
    """Several calls fail together; one of them fetches the token."""
    made = rig(OK, tokens=("old", "new"))
    made.wire.refused, made.wire.gate = "old", asyncio.Event()
    calls = [asyncio.create_task(made.line.ask(GET)) for _ in range(2)]
    await _settle()
    made.wire.gate.set()
    replies = await asyncio.gather(*calls)
    assert [reply.status for reply in replies] == [200, 200]
    assert made.token.refreshed == 1


# -- slots and queue ---------------------------------------------------------------------------


async def test_calls_that_take_netboxs_lock_go_one_at_a_time(rig: Rigs) -> None:
    """More would only queue inside NetBox and fill its threads; reads pass by."""
    made = rig(Reply(status=201, data=[]))
    made.wire.gate = asyncio.Event()
    writes = [asyncio.create_task(made.line.ask(POST)) for _ in range(3)]
    await _settle()
    assert len(made.wire.asked) == 1
    assert made.line.waiting[Lane.LOCK] == 2
    made.wire.gate.set()
    await asyncio.gather(*writes)
    assert len(made.wire.asked) == 3


async def test_a_full_queue_turns_calls_away_with_the_time_to_come_back(rig: Rigs) -> None:
    """Queue length times recent duration, over the slots: here two calls of ten seconds."""
    made = rig(MADE, settings=replace(SETTINGS, queue=1))
    made.wire.gate = asyncio.Event()
    first, second = (asyncio.create_task(made.line.ask(POST)) for _ in range(2))
    await _settle()
    made.line._slots[Lane.LOCK].seconds = 10.0
    with pytest.raises(NotSent) as refused:
        await made.line.ask(POST)
    assert refused.value.overloaded
    assert refused.value.retry_after == 20.0
    assert made.seen[0].status_or_outcome == "overloaded"
    made.wire.gate.set()
    await asyncio.gather(first, second)


async def test_what_expired_in_the_queue_is_not_sent(rig: Rigs) -> None:
    """Nobody waits for it any more."""
    made = rig(MADE)
    made.wire.gate = asyncio.Event()
    first = asyncio.create_task(made.line.ask(POST))
    await _settle()
    with deadline.within(0.15, made.clock), pytest.raises(Expired):
        await made.line.ask(POST)
    made.wire.gate.set()
    await first
    assert len(made.wire.asked) == 1
    assert made.seen[0].status_or_outcome == "expired"


async def test_a_call_that_would_expire_in_the_queue_is_turned_away_at_once(rig: Rigs) -> None:
    """By how long calls took lately; with the time to come back."""
    made = rig(MADE)
    made.wire.gate = asyncio.Event()
    first = asyncio.create_task(made.line.ask(POST))
    await _settle()
    with deadline.within(0.05, made.clock), pytest.raises(NotSent) as refused:
        await made.line.ask(POST)
    assert (refused.value.overloaded, refused.value.retry_after) == (True, 1.0)
    assert made.seen[0].status_or_outcome == "overloaded"
    made.wire.gate.set()
    await first


async def test_a_call_whose_time_is_up_is_not_sent_even_if_a_slot_is_free(rig: Rigs) -> None:
    """The slot stays free for the next."""
    made = rig(OK)
    with deadline.within(0.0, made.clock), pytest.raises(Expired):
        await made.line.ask(GET)
    assert (await made.line.ask(GET)).status == 200
    assert len(made.wire.asked) == 1


async def test_an_abandoned_call_keeps_its_slot_until_it_is_over(rig: Rigs) -> None:
    """NetBox goes on working for a client that has gone: the next write must not join it there."""
    made = rig(MADE)
    made.wire.gate = asyncio.Event()
    with deadline.within(0.01, made.clock), pytest.raises(Unsure):
        await made.line.ask(POST)
    next_one = asyncio.create_task(made.line.ask(POST))
    await _settle()
    assert len(made.wire.asked) == 1
    made.wire.gate.set()
    await next_one
    assert len(made.wire.asked) == 2


async def test_a_cancelled_caller_leaves_the_call_running(rig: Rigs) -> None:
    """A client that hangs up must not free the slot, nor lose what is observed."""
    made = rig(Outage("cut"))
    made.wire.gate = asyncio.Event()
    caller = asyncio.create_task(made.line.ask(POST))
    await _settle()
    caller.cancel()
    await _settle()
    assert made.seen == []
    made.wire.gate.set()
    await _settle()
    assert made.seen[0].status_or_outcome == "broken"


async def test_a_deadline_can_be_lifted(rig: Rigs) -> None:
    """A task that serves several requests must have the deadline of none."""
    made = rig(OK)
    with deadline.within(0.0, made.clock), deadline.within(None):
        assert (await made.line.ask(GET)).status == 200


# -- 429 ---------------------------------------------------------------------------------------


SLOW_DOWN = Reply(status=429, retry_after="3", decoded=False)


async def test_netboxs_wish_to_slow_down_is_granted_by_everyone(rig: Rigs) -> None:
    """The call that was turned away waits, and so does the next."""
    made = rig(SLOW_DOWN, OK, settings=GENEROUS)
    await made.line.ask(GET)
    assert 3.0 in made.clock.slept
    made.line._quiet_until = made.clock() + 4.0
    await made.line.ask(GET)
    assert made.clock.slept[-1] == 4.0


async def test_a_wait_beyond_the_deadline_is_handed_to_the_caller(rig: Rigs) -> None:
    """With the seconds that NetBox asked for, and without calling again."""
    made = rig(SLOW_DOWN, settings=GENEROUS)
    with deadline.within(2.0, made.clock), pytest.raises(Throttled) as told:
        await made.line.ask(POST)
    assert told.value.retry_after == 3.0
    with deadline.within(2.0, made.clock), pytest.raises(Paused) as paused:
        await made.line.ask(POST)
    assert paused.value.retry_after == 3.0
    assert len(made.wire.asked) == 1
    assert made.seen[-1].status_or_outcome == "throttled"


# -- the circuit breaker -----------------------------------------------------------------------


async def test_several_outages_in_a_row_open_the_breaker(rig: Rigs) -> None:
    """From then on NetBox is left alone, and callers are told how long."""
    made = rig(Unreachable("no"), settings=replace(SETTINGS, retry_share=0.0))
    for _ in range(5):
        with pytest.raises(Unreachable):
            await made.line.ask(POST)
    asked = len(made.wire.asked)
    assert made.line.breaker is State.OPEN
    with pytest.raises(BreakerOpen) as refused:
        await made.line.ask(POST)
    assert len(made.wire.asked) == asked
    assert 0 < refused.value.retry_after <= 10.0
    assert made.seen[-1].status_or_outcome == "breaker_open"


async def test_refusals_never_open_the_breaker(rig: Rigs) -> None:
    """A 4xx is an answer, and a 500 that names its exception may be bad input."""
    poison = Reply(status=500, data={"error": "'data'", "exception": "KeyError"})
    made = rig(*[Reply(status=400, data={}), poison] * 10)
    for _ in range(20):
        with pytest.raises((Rejected, Unsure)):
            await made.line.ask(POST)
    assert made.line.breaker is State.CLOSED


def test_one_call_probes_an_open_breaker() -> None:
    """Its success closes it, its failure opens it again."""
    clock = Clock()
    breaker = Breaker(2, 10.0, clock)
    states = []
    for outage in (True, True, True, False):
        assert breaker.enter() == 0.0
        breaker.leave(outage=outage)
        states.append(breaker.state)
        clock.now += 10
    assert states == [State.CLOSED, State.OPEN, State.OPEN, State.CLOSED]


def test_only_one_call_probes() -> None:
    """The others are told when to come back."""
    clock = Clock()
    breaker = Breaker(1, 10.0, clock)
    breaker.enter()
    breaker.leave(outage=True)
    assert breaker.enter() == 10.0
    clock.now += 10
    assert breaker.state is State.HALF_OPEN
    assert [breaker.enter(), breaker.enter()] == [0.0, 1.0]


def test_a_budget_saves_up_a_handful_of_retries() -> None:
    """After a quiet hour there are five, not thousands."""
    budget = Budget(0.2)
    for _ in range(10_000):
        budget.earn()
    assert [budget.spend() for _ in range(6)] == [True] * 5 + [False]


# -- the rest ----------------------------------------------------------------------------------


async def test_the_series_of_netbox_is_learnt_from_its_answers(rig: Rigs) -> None:
    """4.3 does not keep change log messages; until it is known, they are sent (and ignored there)."""
    made = rig(OK, Reply(status=200, data={}), Reply(status=200, data={}, series="4.4"))
    takes = [made.line.takes_messages]
    for _ in range(3):
        await made.line.ask(GET)
        takes.append(made.line.takes_messages)
    assert takes == [True, False, False, True]


@pytest.mark.parametrize("params", [{"dns_name": ""}, {"id": []}])
def test_an_empty_filter_cannot_even_be_asked(params: dict[str, str]) -> None:
    """NetBox would ignore it and answer with everything."""
    with pytest.raises(ValueError, match="empty filter"):
        Question(method="GET", path="x/", params=params)


@pytest.mark.parametrize("url", ["netbox.example.com", "ftp://netbox", "https://", "https://n/?a=b"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    """Not at the first call."""
    with pytest.raises(ValueError, match="NETBOX_URL"):
        NetBoxSettings(url=url)


@pytest.mark.parametrize(
    "url", ["https://n/box", "https://n/box/", "https://n/box/api/", "https://n/box/api"]
)
def test_the_url_may_end_as_people_type_it(url: str) -> None:
    """With a slash, with `/api`, and below a path."""
    assert NetBoxSettings(url=url).base == "https://n/box"


def test_no_password_is_shown_by_the_settings() -> None:
    """Neither in an error nor in a repr that reaches a log."""
    with pytest.raises(ValueError, match="NETBOX_URL") as refused:
        NetBoxSettings(url="https://me:secret@netbox")
    settings = NetBoxSettings(url="https://netbox", proxy="http://me:secret@proxy")
    assert "secret" not in f"{refused.value} {settings}"
