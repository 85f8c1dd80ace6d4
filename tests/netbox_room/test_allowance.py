"""`X-RateLimit-*` of a gateway before NetBox: read whatever it sends, and slow down near zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.netbox.allowance import Allowance, allowance_of
from app.netbox.wire import Question, Reply
from tests.netbox_room.conftest import Heard, Rig, Server

NOW = 1_800_000_000.0
GET = Question(method="GET", path="status/", endpoint="status/")
OK = Reply(status=200, data={})


def headers(remaining: str, limit: str = "100", reset: str = "60") -> dict[str, str]:
    """What a gateway says."""
    return {"X-RateLimit-Remaining": remaining, "X-RateLimit-Limit": limit, "X-RateLimit-Reset": reset}


@pytest.mark.parametrize(
    ("sent", "pause"),
    [
        (headers("50"), 0.0),
        (headers("11"), 0.0),
        (headers("9"), 6.0),
        (headers("0"), 60.0),
        (headers("0", reset=str(int(NOW) + 30)), 30.0),
        (headers("0", reset=str(int(NOW) - 30)), 0.0),
        (headers("0", reset="86400"), 300.0),
        (headers("0", reset="soon"), 60.0),
        (headers("6", limit="many"), 0.0),
        (headers("5", limit="many"), 10.0),
        (headers("0, 0;w=60"), 60.0),
    ],
)
def test_the_pause_grows_as_the_rest_shrinks(sent: dict[str, str], pause: float) -> None:
    """Seconds from now or a Unix time; five or a tenth of the limit is near zero."""
    allowance = allowance_of(sent, NOW)
    assert allowance is not None
    assert allowance.pause == pytest.approx(pause)


@pytest.mark.parametrize("remaining", [None, "", "many", "-1", "nan", "inf", "1e999"])
def test_a_gateway_that_does_not_say_what_is_left_changes_nothing(remaining: str | None) -> None:
    """Also NetBox itself, which sends none of them."""
    sent = headers(remaining) if remaining is not None else {}
    assert allowance_of(sent, NOW) is None


@given(st.text(), st.text(), st.text())
def test_no_header_breaks_it(remaining: str, limit: str, reset: str) -> None:
    """Whatever a gateway sends: a pause between nothing and five minutes."""
    allowance = allowance_of(headers(remaining, limit, reset), NOW)
    assert allowance is None or 0.0 <= allowance.pause <= 300.0


async def test_everybody_waits_when_little_is_left(rig: Callable[..., Rig]) -> None:
    """And nobody when there is plenty."""
    few, plenty = Allowance(1, 100, 10), Allowance(90, 100, 10)
    made = rig(OK, replace(OK, allowance=plenty), replace(OK, allowance=few), OK)
    for _ in range(3):
        await made.line.ask(GET)
    assert made.clock.slept == []
    await made.line.ask(GET)
    assert made.clock.slept == [5.0]
    assert made.line.allowance == few


async def test_the_headers_are_read_from_the_wire(
    serve: Callable[..., Server], reach: Callable[..., object]
) -> None:
    """A reply without them leaves what was said last."""
    said = [headers("42"), {}]

    def play(_: Heard) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json", **said.pop(0)}, b'{"netbox-version": "4.7.3"}'

    netbox = reach(serve(play).url)
    for _ in range(2):
        await netbox.facts.reply()  # type: ignore[attr-defined]
        allowance = netbox.line.allowance  # type: ignore[attr-defined]
        assert (allowance.remaining, allowance.limit, allowance.seconds) == (42, 100, 60)
    assert not math.isnan(allowance.pause)
