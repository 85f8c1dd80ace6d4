"""Rules: what they allow where, to whose objects, how many and how fast."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from functools import partial

import pytest

from app.access import rules
from app.access.rates import Rates
from app.domain.commands import Caller
from app.domain.errors import Forbidden, RateLimited
from app.domain.inventory import Network
from app.domain.rights import ALL, OWN, ROLES, Action, Limit, NamePattern, Rate, Rule, Site
from app.naming.patterns import fits

WEB, LAB = ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("10.99.0.0/24")
INNER = ipaddress.ip_network("10.20.1.0/24")
PATTERN = r"web-\d+\.example\.com"
NARROW = Rule(
    actions=frozenset({Action.ALLOCATE}),
    networks=(WEB,),
    vrfs=("blue",),
    tenants=("web",),
    names=(NamePattern(PATTERN, partial(fits, PATTERN)),),
    origin="web-team #1",
)
HERE = Site(network=INNER, vrf="blue", tenant="web", name="web-1.example.com")
ALICE = Caller(owner="alice", rules=(NARROW,))


def asking(caller: Caller, *actions: Action) -> Caller:
    """The caller at the door."""
    return rules.begin(caller, *actions)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"network": WEB}, True),
        ({"network": LAB}, False),
        ({"network": ipaddress.ip_network("10.0.0.0/8")}, False),
        ({"network": ipaddress.ip_network("fd00::/64")}, False),
        ({"network": None}, True),
        ({"vrf": None}, False),
        ({"vrf": "red"}, False),
        ({"tenant": ""}, False),
        ({"name": "WEB-2.Example.com"}, True),
        ({"name": "web-1.example.com.evil"}, False),
        ({"name": ""}, False),
        ({"name": "", "nameless": True}, True),
    ],
)
def test_all_parts_of_a_rule_have_to_fit(changes: dict[str, object], allowed: bool) -> None:
    """What is said of place, tenant and name holds together."""
    site = replace(HERE, **changes)  # type: ignore[arg-type]
    assert rules.is_allowed(asking(ALICE, Action.ALLOCATE), site, Action.ALLOCATE) is allowed


def test_a_refusal_says_which_rules_there_are() -> None:
    """So that the caller knows what to ask for, and learns nothing of others."""
    with pytest.raises(Forbidden) as refused:
        rules.demand(asking(ALICE, Action.ALLOCATE), replace(HERE, network=LAB), Action.ALLOCATE)
    assert refused.value.detail == (
        "No rule that holds for alice allows `allocate` for prefix 10.99.0.0/24, VRF blue, tenant web, "
        "name web-1.example.com. It is allowed with these: web-team #1: prefixes 10.20.0.0/16; VRFs blue; "
        rf"tenants web; names {PATTERN}."
    )


def test_what_has_no_rule_at_all_is_refused_at_the_door() -> None:
    """Before anything is looked at."""
    with pytest.raises(Forbidden, match="No rule that holds for alice allows `release` or `operate`"):
        asking(ALICE, Action.RELEASE, Action.OPERATE)
    with pytest.raises(Forbidden, match="No rule that holds for alice allows `assert`"):
        rules.demand(asking(ALICE, Action.ALLOCATE), Site(), Action.ASSERT)


def test_a_door_that_does_not_ask_opens_nothing() -> None:
    """What was not begun is asked for by its action alone, and is about nobody else's."""
    with pytest.raises(Forbidden, match="No rule that holds for alice allows `release`"):
        rules.demand(ALICE, HERE, Action.RELEASE)
    rules.demand(ALICE, HERE, Action.ALLOCATE)
    assert not rules.reaches(Caller(owner="root", operator=True), "somebody")


def test_the_reconciler_finishes_what_was_begun() -> None:
    """It has no rules, whatever the policy says by now, and no quotas."""
    system = Caller(owner="alice", method="system")
    rules.demand(system, Site(network=LAB, owner="alice"), Action.RELEASE)
    assert rules.limits(system, HERE, Action.ALLOCATE) == ()


SHOPS = Rule(
    actions=frozenset({Action.UPDATE}), networks=(LAB,), owners=frozenset({"shop"}), origin="helper #1"
)
OWNS = Rule(actions=frozenset({Action.UPDATE}), origin="helper #2")


@pytest.mark.parametrize(
    ("network", "owner", "allowed"),
    [
        (LAB, "shop", True),
        (LAB, "alice", True),
        (WEB, "alice", True),
        (WEB, "shop", False),
        (LAB, "bob", False),
        (WEB, None, True),
    ],
)
def test_one_rule_has_to_allow_it_whole(network: Network, owner: str | None, allowed: bool) -> None:
    """Not the place by one rule, and whose it is by another."""
    caller = asking(Caller(owner="alice", rules=(SHOPS, OWNS)), Action.UPDATE)
    assert rules.is_allowed(caller, Site(network=network, owner=owner), Action.UPDATE) is allowed


def test_a_refusal_says_that_it_is_anothers_and_not_whose() -> None:
    """What others hold is not told."""
    caller = asking(Caller(owner="alice", rules=(SHOPS, OWNS)), Action.UPDATE)
    with pytest.raises(Forbidden) as refused:
        rules.demand(caller, Site(network=WEB, owner="bob"), Action.UPDATE)
    assert refused.value.detail == (
        "No rule that holds for alice allows `update` for prefix 10.20.0.0/16 that another owner has. It is "
        "allowed with these: helper #1: prefixes 10.99.0.0/24; owners shop; helper #2: everywhere."
    )


@pytest.mark.parametrize("action", [Action.ALLOCATE, Action.REGISTER])
def test_what_is_made_is_always_ones_own(action: Action) -> None:
    """An administrator's POST does not get to see another owner's key as its own."""
    boss = asking(Caller(owner="boss", rules=ROLES["administrator"]), action)
    assert not rules.reaches(boss, "alice")
    assert not rules.is_allowed(boss, Site(network=LAB, owner="alice"), action)
    assert rules.is_allowed(boss, Site(network=LAB, owner="boss"), action)
    assert rules.reaches(asking(boss, Action.UPDATE), "alice")


def test_only_the_action_counts_that_the_request_is_about() -> None:
    """Who may register machines somewhere may not allocate there alone."""
    one = Rule(actions=frozenset({Action.ALLOCATE}), networks=(WEB,))
    other = Rule(actions=frozenset({Action.REGISTER}), networks=(LAB,))
    caller, makes = Caller(owner="alice", rules=(one, other)), (Action.ALLOCATE, Action.REGISTER)
    allocating, registering = (asking(caller, action) for action in makes)
    assert not rules.is_allowed(allocating, Site(network=LAB), *makes)
    assert rules.is_allowed(registering, Site(network=LAB), *makes)
    assert not rules.is_allowed(registering, Site(network=WEB), *makes)


def test_force_is_for_everybodys_but_only_where_its_rule_is() -> None:
    """A release everywhere does not widen it."""
    forcing = Rule(actions=frozenset({Action.OPERATE}), networks=(LAB,))
    caller = Caller(owner="ops", rules=(forcing, replace(OWNS, actions=frozenset({Action.RELEASE}))))
    asks = asking(caller, Action.RELEASE, Action.OPERATE)
    assert rules.is_allowed(asks, Site(network=LAB, owner="alice"), Action.OPERATE)
    assert not rules.is_allowed(asks, Site(network=WEB, owner="alice"), Action.OPERATE)
    assert not rules.allows_everywhere(asks, Action.OPERATE)
    assert rules.allows_everywhere(asks, Action.RELEASE)
    narrowing = Rule(actions=frozenset(Action), networks=(LAB,))
    assert not rules.allows_everywhere(replace(asks, narrowing=narrowing), Action.RELEASE)


@pytest.mark.parametrize("action", [Action.AUDIT, Action.KEYS])
def test_what_is_in_no_place_needs_a_rule_without_places(action: Action) -> None:
    """And a credential without any."""
    narrow, wide = Rule(actions=frozenset({action}), vrfs=("blue",)), Rule(actions=frozenset({action}))
    assert not rules.allows(Caller(owner="alice", rules=(narrow,)), action)
    caller = Caller(owner="alice", rules=(wide,), narrowing=Rule(actions=frozenset(Action)))
    assert rules.allows(caller, action)
    assert not rules.allows(replace(caller, narrowing=replace(narrow, actions=frozenset(Action))), action)


def test_the_settings_token_may_do_everything() -> None:
    """And a token without rules everything with its own, but no operator's business."""
    owner, plain = Caller(owner="root", operator=True), Caller(owner="plain")
    assert all(rules.allows(owner, action) for action in Action)
    assert not rules.allows(plain, Action.OPERATE)
    assert not rules.allows(plain, Action.KEYS)
    assert rules.reaches(asking(owner, Action.READ), "somebody")
    assert not rules.reaches(asking(plain, Action.READ), "somebody")
    assert not rules.reaches(asking(plain, Action.READ), None)


@pytest.mark.parametrize(
    ("owners", "reached"),
    [({OWN}, {"alice"}), ({OWN, "shop"}, {"alice", "shop"}), ({ALL}, {"alice", "shop", "bob"})],
)
def test_owners_are_those_of_the_action(owners: set[str], reached: set[str]) -> None:
    """One's own are always within reach; those that another action's rule names are not."""
    reading = Rule(actions=frozenset({Action.READ}), owners=frozenset(owners))
    caller = Caller(owner="alice", rules=(reading, Rule(actions=frozenset({Action.RELEASE}))))
    read = asking(caller, Action.READ)
    assert {name for name in ("alice", "shop", "bob") if rules.reaches(read, name)} == reached
    releasing = asking(caller, Action.RELEASE)
    assert {name for name in ("alice", "shop", "bob") if rules.reaches(releasing, name)} == {"alice"}
    assert rules.owners_of(read, None, Action.READ) == (None if ALL in owners else frozenset(reached))
    assert rules.owners_of(read, "alice", Action.READ) == frozenset({"alice"})
    assert rules.owners_of(read, "bob", Action.READ) == frozenset(reached & {"bob"})


def test_a_prefix_is_shown_to_whom_some_rule_is_about_it() -> None:
    """Under whatever name."""
    assert rules.reaches_into(ALICE, INNER, "blue", Action.ALLOCATE)
    assert not rules.reaches_into(ALICE, INNER, None, Action.ALLOCATE)
    assert not rules.reaches_into(ALICE, LAB, "blue", Action.ALLOCATE)
    assert not rules.reaches_into(ALICE, INNER, "blue", Action.READ)
    narrowed = replace(ALICE, narrowing=Rule(actions=frozenset(Action), networks=(LAB,)))
    assert not rules.reaches_into(narrowed, INNER, "blue", Action.ALLOCATE)


def test_a_credential_takes_away_and_never_gives() -> None:
    """Its actions and its places hold on top of the rules."""
    narrowing = Rule(actions=frozenset({Action.ALLOCATE, Action.KEYS}), networks=(INNER,))
    caller = Caller(owner="root", operator=True, narrowing=narrowing, credential="k1")
    assert not rules.allows(caller, Action.READ)
    assert rules.allows(caller, Action.ALLOCATE)
    asks = asking(caller, Action.ALLOCATE)
    rules.demand(asks, Site(network=INNER), Action.ALLOCATE)
    with pytest.raises(Forbidden, match=r"narrowed to prefixes 10\.20\.1\.0/24, and prefix 10\.99\.0\.0/24"):
        rules.demand(asks, Site(network=LAB), Action.ALLOCATE)
    with pytest.raises(Forbidden, match="what has no name is not in it"):
        rules.demand(replace(asks, narrowing=NARROW), Site(), Action.ALLOCATE)
    alice = replace(ALICE, narrowing=replace(narrowing, actions=frozenset({Action.KEYS})))
    assert not rules.allows(alice, Action.KEYS)


def test_one_rule_that_has_no_quota_is_enough() -> None:
    """Of several, each with its own, one that leaves room is enough; a credential's own counts besides."""
    small, large = replace(NARROW, quota=3), replace(NARROW, networks=(INNER,), quota=5)

    def limits(*of: Rule, narrowing: Rule | None = None) -> object:
        caller = Caller(owner="alice", rules=of, narrowing=narrowing, credential="k1")
        return rules.limits(asking(caller, Action.ALLOCATE), HERE, Action.ALLOCATE)

    assert limits(small, NARROW) == ()
    assert limits(small, large) == ((Limit(3, (WEB,)), Limit(5, (INNER,))),)
    narrowing = Rule(actions=frozenset(Action), quota=1)
    assert limits(NARROW, narrowing=narrowing) == ((Limit(1, (), "k1"),),)
    assert limits(NARROW, narrowing=replace(narrowing, quota=None)) == ()


def test_a_limit_counts_what_lies_in_its_prefixes() -> None:
    """Or everything, where it names none."""
    assert Limit(1).counts(LAB)
    assert Limit(1, (WEB,)).counts(INNER)
    assert not Limit(1, (WEB,)).counts(LAB)


def test_requests_come_as_fast_as_a_rule_allows() -> None:
    """Another owner's do not count, nor those that another rule without a rate allows."""
    slow = replace(NARROW, rate=Rate(2, 3600))
    rates = Rates()
    alice = asking(Caller(owner="alice", rules=(slow,)), Action.ALLOCATE)
    for _ in range(2):
        rates.take(alice)
    with pytest.raises(RateLimited) as refused:
        rates.take(alice)
    assert 1 <= refused.value.retry_after <= 3600
    rates.take(replace(alice, owner="bob"))
    rates.take(replace(alice, rules=(slow, replace(NARROW, origin="free"))))
    more = replace(alice, rules=(slow, replace(slow, origin="web-team #2")))
    for _ in range(2):
        rates.take(more)
    with pytest.raises(RateLimited):
        rates.take(more)


def test_a_credential_has_a_pace_of_its_own() -> None:
    """However fast its owner may be."""
    rates = Rates()
    narrowing = Rule(actions=frozenset(Action), rate=Rate(1, 3600), origin="key")
    for rate in (None, Rate(100, 60)):
        rule = replace(NARROW, rate=rate)
        caller = Caller(owner="alice", rules=(rule,), narrowing=narrowing, credential=f"k{rate}")
        asks = asking(caller, Action.ALLOCATE)
        rates.take(asks)
        with pytest.raises(RateLimited):
            rates.take(asks)
        rates.take(replace(asks, narrowing=replace(narrowing, rate=None)))


def test_berths_own_roles_are_told_apart() -> None:
    """What each may do, and with whose objects."""
    may = {
        name: frozenset(action for rule in each for action in rule.actions) for name, each in ROLES.items()
    }
    assert may["auditor"] == {Action.READ, Action.AUDIT}
    assert Action.OPERATE in may["operator"]
    assert not may["operator"] & {Action.KEYS}
    assert may["allocator"] < may["operator"] < may["administrator"] == frozenset(Action)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (NARROW, rf"prefixes 10.20.0.0/16; VRFs blue; tenants web; names {PATTERN}"),
        (Rule(actions=frozenset()), "everywhere"),
        (Rule(actions=frozenset(), vrfs=(None,)), "VRFs global"),
    ],
)
def test_a_scope_is_told_in_words(rule: Rule, words: str) -> None:
    """For refusals and for `berth policy explain`."""
    assert rule.where == words
