"""The invariants, each a function from the evidence to sentences about what broke it.

I1  no address with two owners
I2  no acknowledged allocation lost, and no acknowledged release undone
I3  same key, same address, between two releases
I4  at most one object per claim
I5  every mutation has an intent and an outcome in the log, and the log's chains hold
I6  nothing in doubt

They never accuse wrongly: where the history allows any order of events that is innocent, it is taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.faults.history import Call, Evidence

IN_DOUBT = ("pending", "releasing")


def violations(evidence: Evidence) -> dict[str, list[str]]:
    """Return what broke each invariant; an empty list where it holds."""
    return {name: list(check(evidence)) for name, check in INVARIANTS.items()}


def one_owner(evidence: Evidence) -> Iterator[str]:
    """I1: in NetBox at the end, and in what clients were told on the way."""
    for host, count in Counter(evidence.hosts).items():
        if count > 1:
            yield f"{host} stands {count} times in NetBox"
    for call in evidence.calls:
        if call.acknowledged and call.caller != call.owner:
            yield f"{call.address} of {call.key} ({call.owner}) was answered to {call.caller}"
    releases = _releases(evidence)
    for address, told in _grouped(_told(evidence), lambda call: call.address).items():
        for earlier, later in _pairs(told, lambda call: call.key):
            if not (
                _released(evidence, releases, earlier, later) or _overlap(evidence, releases, earlier, later)
            ):
                yield f"{address} was given to {earlier.key} and, unreleased, to {later.key}"


def nothing_lost(evidence: Evidence) -> Iterator[str]:
    """I2: what was acknowledged and not released is in NetBox; what was released has not come back."""
    holds = {(each.key, each.address) for each in evidence.held}
    keys = {each.key for each in evidence.held}
    releases = _releases(evidence)
    for key, told in _grouped(_told(evidence), lambda call: call.key).items():
        last = max(told, key=lambda call: call.started)
        released = any(evidence.latest(each) > last.started for each in releases[key])
        if last.held_until is None and not released and (key, last.address) not in holds:
            yield f"{last.address} was acknowledged to {key}, not released, and is not in NetBox"
    allocating = _grouped((call for call in evidence.calls if call.allocates), lambda call: call.key)
    for key, each in releases.items():
        done = [call.started for call in each if call.status == 204]
        made = [evidence.latest(call) for call in allocating.get(key, ())]
        if done and key in keys and max(made, default=0.0) < max(done):
            yield f"{key} was released, not asked for again, and is in NetBox"


def same_address(evidence: Evidence) -> Iterator[str]:
    """I3: between releases a key is answered with one address, and never with none."""
    releases = _releases(evidence)
    seen = [call for call in evidence.calls if call.acknowledged or call.absent]
    for key, told in _grouped(seen, lambda call: call.key).items():
        for earlier, later in _pairs(told, lambda call: call.address):
            if earlier.absent or (later.absent and later.started < earlier.ended):
                continue
            if not _released(evidence, releases, earlier, later):
                answer = later.address or f"{later.status} {later.code}"
                yield f"{key} was {earlier.address} and, unreleased, {answer}"


def one_object(evidence: Evidence) -> Iterator[str]:
    """I4: a claim stands on one object only."""
    for key, count in Counter(each.key for each in evidence.held).items():
        if count > 1:
            yield f"{key} stands on {count} objects in NetBox"


def all_recorded(evidence: Evidence) -> Iterator[str]:
    """I5: from intent to outcome, from every change in NetBox to its intent, and unbroken chains."""
    yield from (f"chain {flaw.chain}, record {flaw.sequence}: {flaw.detail}" for flaw in evidence.flaws)
    intents = {event["operation"]: event for event in evidence.events if event["event"] == "intent"}
    outcomes = {event["operation"] for event in evidence.events if event["event"] == "outcome"}
    for operation, intent in intents.items():
        if operation not in outcomes:
            yield f"{intent['action']} of {intent.get('key', '')} ({operation}) has no outcome"
    for operation in outcomes - set(intents):
        yield f"operation {operation} has an outcome and no intent"
    for operation in evidence.open_operations:
        yield f"operation {operation} is open"
    recorded = {str(event["netbox_id"]) for event in evidence.events if "netbox_id" in event}
    for change in evidence.changes:
        if change.netbox_id not in recorded:
            yield f"NetBox saw a {change.action} of {change.netbox_id} ({change.key}) that no event names"


def nothing_in_doubt(evidence: Evidence) -> Iterator[str]:
    """I6: the ledger waits for nothing, and says of every key what NetBox says."""
    for entry in evidence.entries:
        if entry["state"] in IN_DOUBT:
            yield f"{entry['key']} is {entry['state']}"
    done = {entry["key"]: str(entry["netbox_id"]) for entry in evidence.entries if entry["state"] == "done"}
    held = {each.key: each.netbox_id for each in evidence.held}
    for key in sorted(set(done) | set(held)):
        if done.get(key) != held.get(key):
            yield f"{key} is {done.get(key)} in the ledger and {held.get(key)} in NetBox"


INVARIANTS: dict[str, Callable[[Evidence], Iterable[str]]] = {
    "I1": one_owner,
    "I2": nothing_lost,
    "I3": same_address,
    "I4": one_object,
    "I5": all_recorded,
    "I6": nothing_in_doubt,
}


def _told(evidence: Evidence) -> list[Call]:
    return [call for call in evidence.calls if call.acknowledged]


def _releases(evidence: Evidence) -> dict[str, list[Call]]:
    return _grouped((call for call in evidence.calls if call.releases), lambda call: call.key)


def _grouped(calls: Iterable[Call], by: Callable[[Call], str]) -> dict[str, list[Call]]:
    found: defaultdict[str, list[Call]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.started):
        found[by(call)].append(call)
    return found


def _pairs(calls: list[Call], by: Callable[[Call], str]) -> Iterator[tuple[Call, Call]]:
    """Each call with the latest one before it of every other kind: the closest is the hardest to excuse."""
    latest: dict[str, Call] = {}
    for call in calls:
        yield from ((other, call) for kind, other in latest.items() if kind != by(call))
        latest[by(call)] = call


def _released(evidence: Evidence, releases: dict[str, list[Call]], earlier: Call, later: Call) -> bool:
    """Whether the earlier call's key may have been given up between the two."""
    if earlier.held_until is not None and earlier.held_until < later.ended:
        return True
    end = max(earlier.ended, later.ended)
    return any(
        each.started < end and evidence.latest(each) > earlier.started for each in releases[earlier.key]
    )


def _overlap(evidence: Evidence, releases: dict[str, list[Call]], earlier: Call, later: Call) -> bool:
    """Whether the two were under way together, and it may have been the other way round."""
    return later.started < earlier.ended and _released(evidence, releases, later, earlier)
