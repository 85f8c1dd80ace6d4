"""What the policy says of a prefix: the most specific section wins, field by field."""

import ipaddress

import pytest

from app.domain.inventory import Network, inside
from app.domain.policy import (
    Client,
    GatewayRule,
    Policy,
    PrefixRules,
    PrefixSection,
    in_domain,
)

FIRST = GatewayRule("first")
NONE = GatewayRule("none")


def net(text: str) -> Network:
    """A network."""
    return ipaddress.ip_network(text)


def literal(text: str) -> GatewayRule:
    """A gateway that is named."""
    return GatewayRule("literal", text)


POLICY = Policy(
    sections=(
        PrefixSection(record_gateway=True, dns_servers=("1.1.1.1",), default_tags=("berth",)),
        PrefixSection(network=net("10.0.0.0/8"), gateway=FIRST, allow=frozenset({"container"})),
        PrefixSection(network=net("10.1.0.0/16"), gateway=NONE, dns_servers=(), shared_roles=True),
        PrefixSection(network=net("10.2.0.0/16"), gateway=literal("10.2.0.9"), record_gateway=False),
        PrefixSection(network=net("10.3.0.0/16"), vrf="blue", allow=frozenset()),
        PrefixSection(network=net("10.3.0.0/16"), dns_servers=("10.3.0.2",), default_tags=("three",)),
        PrefixSection(network=net("10.3.0.0/16"), vrf=None, dns_servers=("10.3.0.3",)),
        PrefixSection(network=net("fd00::/8"), gateway=GatewayRule("tag", "gateway")),
    )
)

CASES: list[tuple[str, str | None, PrefixRules]] = [
    (  # nothing but the defaults
        "192.168.0.0/24",
        None,
        PrefixRules(record_gateway=True, dns_servers=("1.1.1.1",), default_tags=("berth",)),
    ),
    (  # a section speaks of the prefixes inside it; what it does not say comes from the defaults
        "10.9.0.0/24",
        None,
        PrefixRules(
            gateway=FIRST,
            record_gateway=True,
            dns_servers=("1.1.1.1",),
            allow=frozenset({"container"}),
            default_tags=("berth",),
        ),
    ),
    (  # of its own network, too
        "10.0.0.0/8",
        None,
        PrefixRules(
            gateway=FIRST,
            record_gateway=True,
            dns_servers=("1.1.1.1",),
            allow=frozenset({"container"}),
            default_tags=("berth",),
        ),
    ),
    (  # but not of one around it
        "10.0.0.0/7",
        None,
        PrefixRules(record_gateway=True, dns_servers=("1.1.1.1",), default_tags=("berth",)),
    ),
    (  # `none` and an empty list take away what a wider section says
        "10.1.2.0/24",
        None,
        PrefixRules(
            record_gateway=True, allow=frozenset({"container"}), shared_roles=True, default_tags=("berth",)
        ),
    ),
    (  # a literal gateway, where it lies in the prefix
        "10.2.0.0/24",
        None,
        PrefixRules(
            gateway=literal("10.2.0.9"),
            dns_servers=("1.1.1.1",),
            allow=frozenset({"container"}),
            default_tags=("berth",),
        ),
    ),
    (  # elsewhere it says nothing, and the wider section is heard
        "10.2.1.0/24",
        None,
        PrefixRules(
            gateway=FIRST, dns_servers=("1.1.1.1",), allow=frozenset({"container"}), default_tags=("berth",)
        ),
    ),
    (  # of two sections for a network the one that names the VRF comes first
        "10.3.0.0/24",
        "blue",
        PrefixRules(gateway=FIRST, record_gateway=True, dns_servers=("10.3.0.2",), default_tags=("three",)),
    ),
    (  # the global table can be named
        "10.3.0.0/24",
        None,
        PrefixRules(
            gateway=FIRST,
            record_gateway=True,
            dns_servers=("10.3.0.3",),
            allow=frozenset({"container"}),
            default_tags=("three",),
        ),
    ),
    (  # another VRF gets what is said of whatever VRF
        "10.3.0.0/24",
        "red",
        PrefixRules(
            gateway=FIRST,
            record_gateway=True,
            dns_servers=("10.3.0.2",),
            allow=frozenset({"container"}),
            default_tags=("three",),
        ),
    ),
    (  # families do not mix
        "fd00:3::/64",
        None,
        PrefixRules(
            gateway=GatewayRule("tag", "gateway"),
            record_gateway=True,
            dns_servers=("1.1.1.1",),
            default_tags=("berth",),
        ),
    ),
]


@pytest.mark.parametrize(("network", "vrf", "rules"), CASES)
def test_the_most_specific_section_wins_field_by_field(
    network: str, vrf: str | None, rules: PrefixRules
) -> None:
    """A field that a section leaves out comes from the next wider one."""
    assert POLICY.prefix_rules(net(network), vrf) == rules


def test_the_order_of_sections_does_not_matter() -> None:
    """Only how specific they are."""
    turned = Policy(sections=tuple(reversed(POLICY.sections)))
    assert [turned.prefix_rules(net(network), vrf) for network, vrf, _ in CASES] == [
        rules for _, _, rules in CASES
    ]


def test_without_a_policy_nothing_is_allowed_or_known() -> None:
    """No gateway, no name servers, nothing open, no file."""
    assert Policy.default().prefix_rules(net("10.0.0.0/24"), None) == PrefixRules()
    assert Policy.default().sha256 == ""


TAGGED = Policy(
    sections=(PrefixSection(network=net("10.0.0.0/8"), default_tags=("lab", "shared")),),
    domain_tags={"example.com": ("production-dns",), "example.org": ("other",)},
    clients=(Client(name="ci", default_tags=("terraform", "shared")), Client(name="fleet")),
)

TAGS = [
    ("10.0.0.0/24", "docker.example.com", "ci", ("lab", "shared", "production-dns", "terraform")),  # of all
    ("10.0.0.0/24", "", "", ("lab", "shared")),  # of the prefix alone
    ("192.168.0.0/24", "Docker.EXAMPLE.com", "", ("production-dns",)),  # of the domain, in any case
    ("192.168.0.0/24", "docker.example.net", "ci", ("terraform", "shared")),  # of the client
    ("192.168.0.0/24", "docker.example.net", "fleet", ()),  # of nothing
]


@pytest.mark.parametrize(("network", "name", "owner", "tags"), TAGS)
def test_default_tags_add_up(network: str, name: str, owner: str, tags: tuple[str, ...]) -> None:
    """The prefix's, the domain's and the owner's, each once."""
    assert TAGGED.default_tags(net(network), None, name, owner) == tags


def test_every_tag_of_the_policy_can_be_listed() -> None:
    """For whoever creates them in NetBox."""
    assert TAGGED.all_tags() == ("lab", "other", "production-dns", "shared", "terraform")
    assert Policy(sections=(PrefixSection(gateway=FIRST),)).all_tags() == ()


def test_a_network_is_inside_itself_and_what_is_around_it() -> None:
    """Of the same family."""
    assert inside(net("10.0.0.0/8"), net("10.0.0.0/8"))
    assert inside(net("10.1.0.0/16"), net("10.0.0.0/8"))
    assert not inside(net("10.0.0.0/8"), net("10.1.0.0/16"))
    assert not inside(net("11.0.0.0/16"), net("10.0.0.0/8"))
    assert not inside(net("::/96"), net("0.0.0.0/0"))


def test_a_name_is_in_a_domain_or_is_it() -> None:
    """The end of a label is not enough."""
    assert in_domain("example.com", ["example.org", "example.com"])
    assert in_domain("a.example.com", ["example.com"])
    assert not in_domain("anexample.com", ["example.com"])
    assert not in_domain("a.example.com", [])
