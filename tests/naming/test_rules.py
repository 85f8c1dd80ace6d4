"""The rules for names, line by line."""

import ipaddress
import time

import pytest

from app.domain.policy import Convention, NamePlace, Scope
from app.naming import rules
from app.naming.check import check, judge_dns_name, judge_machine_name

HOUSE = Convention(
    name="house",
    scope=Scope(domains=("spaceships.work",)),
    pattern=r"^[a-z0-9-]+-\d{2}-[a-z0-9-]+\.[a-z0-9.-]+$",
    reserved=frozenset({"docker-00-nexus", "docker-99-nexus.spaceships.work"}),
    max_length=40,
)
ELSEWHERE = NamePlace()

L63, L64 = "a" * 63, "a" * 64
N253 = ".".join([L63, L63, L63, "a" * 61])

DNS_NAMES: list[tuple[str, list[str]]] = [
    # -- what a host name is -------------------------------------------------------------------------
    ("docker.example.com", []),  # labels of letters, with dots between them
    ("docker", []),  # a single label is a name
    ("d", []),  # of one character
    ("3com.example.com", []),  # a label may start with a digit (RFC 1123, section 2.1)
    ("a--b.example.com", []),  # two hyphens in a row are only odd
    ("xn--bcher-kva.example", []),  # an A-label is a label
    ("Docker.Example.COM", []),  # capitals are taken as written
    ("1.2.3.4.example.com", []),  # numbers below a domain are labels
    (f"{L63}.example.com", []),  # 63 characters are a label
    (N253, []),  # 253 characters are a name
    # -- what is none --------------------------------------------------------------------------------
    ("", [rules.EMPTY]),  # nothing
    (f"{N253}b", [rules.TOO_LONG]),  # 254 characters
    (f"{L64}.example.com", [rules.LABEL_TOO_LONG]),  # 64 characters in a label (NetBox takes it)
    ("docker.example.com.", [rules.TRAILING_DOT]),  # a dot at the end (NetBox keeps it)
    (".docker.example.com", [rules.EMPTY_LABEL]),  # nothing before the first dot
    ("docker..example.com", [rules.EMPTY_LABEL]),  # nothing between two dots
    (".", [rules.EMPTY_LABEL]),  # nothing but a dot
    ("docker..", [rules.TRAILING_DOT, rules.EMPTY_LABEL]),  # both at once
    ("-docker.example.com", [rules.HYPHEN]),  # a hyphen before a label (NetBox takes it)
    ("docker-.example.com", [rules.HYPHEN]),  # or after it
    ("docker.example.-", [rules.HYPHEN]),  # or instead of it
    ("docker_1.example.com", [rules.UNDERSCORE]),  # an underscore (NetBox takes it)
    ("_sip._tcp.example.com", [rules.UNDERSCORE]),  # a service is no host
    ("*.example.com", [rules.WILDCARD]),  # a wildcard (NetBox takes it)
    ("do*er.example.com", [rules.WILDCARD]),  # wherever the star stands
    ("bücher.example", [rules.IDN]),  # letters beyond ASCII
    ("docker。example.com", [rules.IDN]),  # a full stop that only looks like a dot
    ("\ud800.example.com", [rules.IDN]),  # half of a character
    ("docker 1.example.com", [rules.CHARACTER]),  # a space inside
    (" docker.example.com", [rules.CHARACTER]),  # or before (NetBox would strip it)
    ("docker.example.com\n", [rules.CHARACTER]),  # a line feed
    ("docker\x00.example.com", [rules.CHARACTER]),  # a control character
    ("docker/1.example.com", [rules.CHARACTER]),  # a slash
    ("docker@example.com", [rules.CHARACTER]),  # a mail address
    ("https://docker.example.com", [rules.CHARACTER]),  # a URL
    ("10.0.0.1", [rules.ADDRESS, rules.NUMERIC]),  # an IPv4 address (NetBox takes it)
    ("2001:db8::1", [rules.CHARACTER, rules.ADDRESS]),  # an IPv6 address
    ("10.1", [rules.NUMERIC]),  # what inet_aton takes for 10.0.0.1
    ("docker.0x7f", [rules.NUMERIC]),  # the same in hex
    ("docker.example.0X", [rules.NUMERIC]),  # and the shortest of these
    ("docker.example.123", [rules.NUMERIC]),  # a top-level domain that is a number
    ("5", [rules.NUMERIC]),  # a number alone
    ("-a_b*.é..", [rules.TRAILING_DOT, rules.EMPTY_LABEL, rules.HYPHEN, rules.UNDERSCORE,
                   rules.WILDCARD, rules.IDN]),  # everything at once, in the order of the rules
    # -- the house's convention, inside its domain ----------------------------------------------------
    ("docker-01-nexus.spaceships.work", []),  # what it looks like
    ("DOCKER-01-Nexus.Spaceships.Work", []),  # compared in lower case
    ("docker-01-nexus.lab.spaceships.work", []),  # in a domain below
    ("docker-1-nexus.spaceships.work", [rules.PATTERN]),  # one digit
    ("docker-001-nexus.spaceships.work", [rules.PATTERN]),  # three
    ("docker-nexus.spaceships.work", [rules.PATTERN]),  # none
    ("docker-01.spaceships.work", [rules.PATTERN]),  # nothing after the number
    ("spaceships.work", [rules.PATTERN]),  # the domain itself
    ("docker.spaceships.work.", [rules.TRAILING_DOT, rules.PATTERN]),  # a dot does not lead out of it
    ("docker-01-a..b.spaceships.work", [rules.EMPTY_LABEL]),  # the pattern passes it, RFC 1123 does not
    ("docker_01.spaceships.work", [rules.UNDERSCORE, rules.PATTERN]),  # all that is wrong, at once
    ("docker-00-nexus.spaceships.work", [rules.RESERVED]),  # reserved by its first label
    ("Docker-99-Nexus.spaceships.work", [rules.RESERVED]),  # reserved as a whole
    ("docker-99-nexus.lab.spaceships.work", []),  # the same label elsewhere is not
    ("a-very-long-docker-01-nexus.spaceships.work", [rules.TOO_LONG]),  # longer than the convention's 40
    ("notspaceships.work", []),  # the domain's end alone is not the domain
    ("docker.spaceships.work.example", []),  # nor is its start
    ("docker.example.com", []),  # outside of it only RFC 1123 holds
]  # fmt: skip


@pytest.mark.parametrize(("name", "codes"), DNS_NAMES, ids=[ascii(name)[:50] for name, _ in DNS_NAMES])
def test_a_dns_name_is_refused_for_exactly_these_rules(name: str, codes: list[str]) -> None:
    """Every rule that a name breaks is told at once, in one order, and no other."""
    assert [violation.code for violation in check(name, ELSEWHERE, [HOUSE])] == codes


MACHINE_NAMES: list[tuple[str, bool, list[str]]] = [
    ("docker-01-nexus", False, []),  # a machine's name is a label
    (L63, False, []),  # of 63 characters
    (L64, False, [rules.LABEL_TOO_LONG]),  # and not more, though NetBox keeps 64
    ("docker.example.com", False, [rules.NOT_A_LABEL]),  # without a domain
    ("docker_1", False, [rules.UNDERSCORE]),  # by the same rules as a label elsewhere
    ("", False, [rules.EMPTY]),  # nothing
    ("42", False, [rules.NUMERIC]),  # a number alone reads as an address
    ("docker.example.com", True, []),  # where the policy wants whole names
    (f"{L63}.a", True, [rules.TOO_LONG]),  # they end at the 64 characters that NetBox keeps
    ("docker..example.com", True, [rules.EMPTY_LABEL]),  # and are host names
]


@pytest.mark.parametrize(("name", "in_domains", "codes"), MACHINE_NAMES)
def test_a_machine_name_is_refused_for_exactly_these_rules(
    name: str, in_domains: bool, codes: list[str]
) -> None:
    """A virtual machine's name is an RFC 1123 label, or a host name where the policy says so."""
    verdict = judge_machine_name(name, ELSEWHERE, [], in_domains=in_domains)
    assert [violation.code for violation in verdict.violations] == codes
    assert {violation.pointer for violation in verdict.violations} <= {"/name"}


def _detail(name: str) -> str:
    return check(name, ELSEWHERE, [HOUSE])[0].detail


ADVICE = [
    ("docker.example.com.", "leave the dot at the end out: 'docker.example.com'"),  # says what to send
    ("docker_1", "use a hyphen: 'docker-1'"),  # says what to send
    ("bücher.example", "the ASCII form of this name is 'xn--bcher-kva.example'"),  # names the A-label
    ("BÜCHER.example", "'xn--bcher-kva.example'"),  # which is in lower case
    ("straße.example", "'xn--strae-oqa.example'"),  # and keeps the sharp s (RFC 5891)
    ("docker。example", "the ASCII form of this name is 'docker.example'"),  # dots of other scripts are dots
    ("docker\x1b[31m.example", "not '\\x1b', '['"),  # control characters are shown, not sent
    ('a !"#$.example', "not ' ', '!', '\"', ..."),  # three suffice
    ("docker-nexus.spaceships.work", "does not match ^[a-z0-9-]+-\\d{2}-[a-z0-9-]+"),  # the pattern in force
    (f"{L64}.example", f"at most 63 characters between two dots; '{'a' * 40}...' has more"),  # long ones cut
]


@pytest.mark.parametrize(("name", "advice"), ADVICE)
def test_a_refusal_says_what_to_do(name: str, advice: str) -> None:
    """The detail of the first violation holds the advice, printable and short."""
    assert advice in _detail(name)
    assert _detail(name).isprintable()


@pytest.mark.parametrize("name", ["ü_.example", "\ud800.example", "ü" * 254, f"{'ü' * 60}.example"])
def test_a_name_without_an_ascii_form_is_told_so(name: str) -> None:
    """No A-label is named that would be refused in turn, or that takes long to compute."""
    details = [violation.detail for violation in check(name, ELSEWHERE, []) if violation.code == rules.IDN]
    assert details == ["only ASCII letters, digits and hyphens; this name has no ASCII form"]


def test_a_convention_speaks_in_its_own_words() -> None:
    """A rule's message for people replaces Berth's."""
    words = {"pattern": "see the wiki", "domain": "ours only", "reserved": "taken", "too_long": "shorter"}
    convention = Convention(
        name="all",
        pattern="x",
        domains=("example.com",),
        reserved=frozenset({"gateway"}),
        max_length=3,
        messages=words,
    )
    found = [(each.code, each.detail) for each in check("gateway", ELSEWHERE, [convention])]
    assert found == [
        ("name.pattern", "see the wiki"),
        ("name.domain", "ours only"),
        ("name.reserved", "taken"),
        ("name.too_long", "shorter"),
    ]


def test_a_convention_without_words_names_itself() -> None:
    """Whoever is refused can look the convention up by its name."""
    convention = Convention(name="lab", domains=("lab.example",), reserved=frozenset({"gw"}), max_length=1)
    details = [each.detail for each in check("gw", ELSEWHERE, [convention])]
    assert details == [
        "the name has to lie in lab.example (convention lab)",
        "the name is reserved (convention lab)",
        "at most 1 characters (convention lab)",
    ]


def test_a_convention_that_warns_refuses_nothing() -> None:
    """With `enforce: warn` a breach is told beside what refuses."""
    convention = Convention(name="soft", pattern="nothing", refuse=False)
    verdict = judge_dns_name("docker_1", ELSEWHERE, [convention])
    assert [each.code for each in verdict.violations] == [rules.UNDERSCORE]
    assert [each.code for each in verdict.warnings] == [rules.PATTERN]


LAB = ipaddress.ip_network("10.99.0.0/24")
SCOPES: list[tuple[Scope, NamePlace, bool]] = [
    (Scope(), NamePlace(), True),  # no scope: everywhere
    (Scope(domains=("example.com",)), NamePlace(), True),  # by the domain of the name
    (Scope(domains=("example.org",)), NamePlace(), False),  # and not in another
    (Scope(networks=(LAB,)), NamePlace(network=LAB), True),  # by prefix
    (Scope(networks=(LAB,)), NamePlace(network=ipaddress.ip_network("10.99.0.0/28")), True),  # and inside it
    (Scope(networks=(LAB,)), NamePlace(network=ipaddress.ip_network("10.99.0.0/16")), False),  # not around it
    (Scope(networks=(LAB,)), NamePlace(network=ipaddress.ip_network("fd00::/64")), False),  # nor elsewhere
    (Scope(networks=(LAB,)), NamePlace(), False),  # nor nowhere
    (Scope(vrfs=("blue",)), NamePlace(vrf="blue"), True),  # by VRF
    (Scope(vrfs=("blue",)), NamePlace(), False),  # not in the global table
    (Scope(vrfs=(None,)), NamePlace(), True),  # which can be meant
    (Scope(tenants=("fleet",)), NamePlace(tenant="fleet"), True),  # by tenant
    (Scope(tenants=("fleet",)), NamePlace(), False),  # not without one
    (Scope(roles=("loopback",)), NamePlace(role="loopback"), True),  # by role
    (Scope(roles=("loopback",)), NamePlace(role="secondary"), False),  # not with another
    (Scope(vrfs=("blue",), tenants=("fleet",)), NamePlace(vrf="blue"), False),  # all of it has to fit
]


@pytest.mark.parametrize(("scope", "place", "holds"), SCOPES)
def test_a_convention_holds_in_its_scope(scope: Scope, place: NamePlace, holds: bool) -> None:
    """Every part of a scope that is set has to fit; a scope without parts fits everywhere."""
    convention = Convention(name="none", scope=scope, pattern="nothing")
    assert bool(check("docker.example.com", place, [convention])) is holds


def test_conventions_add_up() -> None:
    """A name under two conventions has to keep both."""
    both = [Convention(name="first", max_length=3), Convention(name="second", domains=("example.org",))]
    assert [each.code for each in check("docker.example.com", ELSEWHERE, both)] == [
        rules.TOO_LONG,
        rules.DOMAIN,
    ]


EVIL = ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "([a-z0-9]+)*b", "a{1,1000}a{1,1000}b", r"(\w+\.?)+b"]


@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_takes_linear_time(pattern: str) -> None:
    """What takes a backtracking engine for ever is done at once, on the longest name there is."""
    convention = Convention(name="evil", pattern=pattern)
    check("warm", ELSEWHERE, [convention])
    started = time.perf_counter()
    assert [each.code for each in check("a" * 63, ELSEWHERE, [convention])] == [rules.PATTERN]
    check(".".join(["a" * 63] * 3 + ["a" * 61]), ELSEWHERE, [convention])
    assert time.perf_counter() - started < 1.0


def test_a_name_that_is_too_long_meets_no_pattern() -> None:
    """A pattern sees at most 253 characters."""
    convention = Convention(name="evil", pattern="nothing")
    assert [each.code for each in check("a." * 500 + "a", ELSEWHERE, [convention])] == [rules.TOO_LONG]
