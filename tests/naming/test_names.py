"""Names as the operations check them: the policy in force, applied to a pool."""

import ipaddress

import pytest

from app.domain.inventory import Pool, PoolKind, Vrf
from app.domain.policy import Convention, NamePlace, Policy, Scope
from app.naming.names import Names, place_of
from app.naming.patterns import BadPattern, compiled

NETWORK = ipaddress.ip_network("10.99.0.0/24")
POOL = Pool(PoolKind.PREFIX, 1, NETWORK)
BLUE = Pool(PoolKind.PREFIX, 2, NETWORK, Vrf(7, "blue"))


def _unique(says: bool | None) -> Convention:
    return Convention(name="unique", scope=Scope(domains=("example.com",)), unique=says)


def test_a_pool_is_a_place() -> None:
    """Its network, its VRF by name, and what the request says."""
    assert place_of(BLUE, "fleet", "loopback") == NamePlace(
        network=NETWORK, vrf="blue", tenant="fleet", role="loopback"
    )
    assert place_of(POOL) == NamePlace(network=NETWORK)


def test_the_policy_in_force_is_asked_each_time() -> None:
    """A policy that is loaded again holds at once."""
    policies = [Policy.default(), Policy(dns_names=(Convention(name="none", pattern="x"),))]
    names = Names(lambda: policies[0])
    assert names.violations("docker.example.com", POOL, "", "") == []
    policies.pop(0)
    assert [each.code for each in names.violations("docker.example.com", POOL, "", "")] == ["name.pattern"]


def test_tenant_and_role_narrow_a_convention() -> None:
    """What the request says of them counts."""
    scope = Scope(tenants=("fleet",), roles=("loopback",))
    names = Names(lambda: Policy(dns_names=(Convention(name="none", scope=scope, pattern="x"),)))
    assert names.violations("docker", POOL, "fleet", "") == []
    assert len(names.violations("docker", POOL, "fleet", "loopback")) == 1


def test_machines_have_conventions_of_their_own() -> None:
    """A DNS convention says nothing of them, and the other way round."""
    house = Convention(name="house", pattern="vm-.*")
    labels = Names(lambda: Policy(machine_names=(house,)))
    assert [each.code for each in labels.machine_verdict("docker", NamePlace()).violations] == [
        "name.pattern"
    ]
    assert labels.violations("docker", POOL, "", "") == []
    wide = Names(lambda: Policy(machine_names=(house,), machines_in_domains=True))
    assert wide.machine_verdict("vm-1.example.com", NamePlace()).violations == ()


UNIQUE = [
    ([], True),  # names are used once
    ([_unique(None)], True),  # also where a convention does not say
    ([_unique(False)], False),  # unless one lets them repeat
    ([_unique(False), _unique(True)], True),  # and none demands the opposite
    ([Convention(name="else", scope=Scope(domains=("example.org",)), unique=False)], True),  # for this name
]


@pytest.mark.parametrize(("conventions", "unique"), UNIQUE)
def test_a_name_is_used_once_unless_its_convention_lets_it_repeat(
    conventions: list[Convention], unique: bool
) -> None:
    """The stricter of two conventions wins."""
    names = Names(lambda: Policy(dns_names=tuple(conventions)))
    assert names.unique("docker.example.com", POOL) is unique


def test_a_name_tells_its_template() -> None:
    """By the group called `number` of a convention that it falls under."""
    counted = Convention(name="counted", pattern=r"web(?P<number>\d{2})\..*")
    names = Names(lambda: Policy(dns_names=(Convention(name="plain"), counted)))
    assert str(names.template("web01.example.com", NamePlace())) == "web{nn}.example.com"
    assert names.template("web.example.com", NamePlace()) is None


BAD = [
    ("(a", "missing )"),  # not closed
    ("(?=a)", "look-around"),  # look-ahead
    (r"(a)\1", "back-references"),  # a back-reference
    ("a{1001}", "repetition size"),  # repeats end at 1000
    ("((a{100}){100}){100}", "repetition size"),  # also nested ones
]


@pytest.mark.parametrize(("pattern", "reason"), BAD)
def test_a_pattern_that_is_not_re2_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    """There is no other engine to fall back to."""
    with pytest.raises(BadPattern) as refused:
        compiled(pattern)
    assert reason in str(refused.value)


def test_a_thousand_repeats_are_taken() -> None:
    """RE2's limit."""
    assert compiled("a{1000}").fullmatch("a" * 1000) is not None


def test_a_pattern_is_compiled_once() -> None:
    """The second use costs nothing."""
    assert compiled("a+b") is compiled("a+b")


def test_a_pattern_matches_the_whole_name() -> None:
    """A part of a name, or a name before a line feed, is not enough."""
    assert compiled("a$").fullmatch("a\n") is None
    assert compiled("a").fullmatch("ab") is None
