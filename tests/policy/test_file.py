"""The policy file: what is taken, and what is said about what is not."""

import hashlib
import ipaddress
from pathlib import Path

import pytest

from app.access.tokens import digest
from app.domain.commands import UNSET
from app.domain.errors import Violation
from app.domain.policy import Client, Convention, GatewayRule, NamePlace, Policy, PrefixSection, Scope
from app.domain.rights import ROLES, Action, NamePattern, Rate, Rule
from app.naming.names import Names
from app.policyfile import CurrentPolicy, PolicyWrong, load

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "demo": ROOT / "app/demo/policy.yaml",
    "example": ROOT / "deploy/policy.example.yaml",
    "roles": ROOT / "deploy/examples/policy/roles.yaml",
    "ci": ROOT / "deploy/examples/policy/ci.yaml",
}
PRESENT = {"CI_TOKEN": "secret\n"}


def write(folder: Path, text: str) -> Path:
    """A policy file."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> list[str]:
    """What is said about a text, without the file's name."""
    path = write(folder, text)
    with pytest.raises(PolicyWrong) as wrong:
        load(path, PRESENT)
    assert str(wrong.value) == "\n".join(wrong.value.problems)
    return [line.removeprefix(f"{path}:").strip() for line in wrong.value.problems]


WHOLE = """
version: 1
clients:
  ci:
    token_env: CI_TOKEN
    token_sha256: [ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789]
    default_tags: [terraform]
    roles: [auditor, web-team]
    rules:
      - {actions: [keys]}
  root: {token_file: FILE, roles: [operator]}
roles:
  web-team:
    - actions: [allocate, read]
      prefixes: [10.20.0.0/16]
      vrfs: [blue, null]
      tenants: [web]
      names: ['web-\\d+\\.example\\.com']
      owners: [own, shop]
      quota: 20
      rate: 600/minute
names:
  machine_form: host
  dns:
    - name: house
      scope:
        domains: [.Spaceships.Work]
        prefixes: [10.0.0.0/8, "fd00::/8"]
        vrfs: [blue, null]
        tenants: [no]
        roles: [loopback]
      pattern: '[a-z]+-\\d{2}\\..*'
      allowed_domains: [spaceships.work]
      reserved: [Gateway]
      max_length: 40
      enforce: warn
      messages: {pattern: see the wiki}
      examples: [docker-01.spaceships.work]
    - {name: repeat, unique: off}
    - {name: once, unique: vrf}
  machines:
    - {name: machines, pattern: 'vm-.*', examples: [vm-1.example.com]}
defaults: {record_gateway: true}
prefixes:
  - {prefix: 10.0.0.0/24, vrf: null, gateway: 10.0.0.1, dns_servers: [10.0.0.2], allow: [children, container]}
  - {prefix: 10.0.0.0/24, vrf: blue, gateway: first, shared_roles: true, default_tags: [lab]}
  - {prefix: 10.0.0.0/24, gateway: none, dns_servers: [], allow: []}
  - {prefix: "fd00::/64", gateway: {custom_field: gw}}
  - {prefix: "fd00:1::/64", gateway: {role: vip}}
  - {prefix: "fd00:2::/64", gateway: {tag: gateway}}
tags:
  domains: {example.com: [production-dns]}
"""


def test_every_field_ends_up_in_the_policy(tmp_path: Path) -> None:
    """Frozen, in the domain's words."""
    (tmp_path / "token").write_text("root's\n")
    text = WHOLE.replace("FILE", str(tmp_path / "token"))
    policy = load(write(tmp_path, text), PRESENT)
    network = ipaddress.ip_network("10.0.0.0/24")
    assert policy == Policy(
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        sections=(
            PrefixSection(
                network=network,
                vrf=None,
                gateway=GatewayRule("literal", "10.0.0.1"),
                dns_servers=("10.0.0.2",),
                allow=frozenset({"children", "container"}),
            ),
            PrefixSection(
                network=network,
                vrf="blue",
                gateway=GatewayRule("first"),
                shared_roles=True,
                default_tags=("lab",),
            ),
            PrefixSection(
                network=network, vrf=UNSET, gateway=GatewayRule("none"), dns_servers=(), allow=frozenset()
            ),
            PrefixSection(
                network=ipaddress.ip_network("fd00::/64"), gateway=GatewayRule("custom_field", "gw")
            ),
            PrefixSection(network=ipaddress.ip_network("fd00:1::/64"), gateway=GatewayRule("role", "vip")),
            PrefixSection(network=ipaddress.ip_network("fd00:2::/64"), gateway=GatewayRule("tag", "gateway")),
            PrefixSection(record_gateway=True),
        ),
        dns_names=(
            Convention(
                name="house",
                scope=Scope(
                    domains=("spaceships.work",),
                    networks=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")),
                    vrfs=("blue", None),
                    tenants=("no",),
                    roles=("loopback",),
                ),
                pattern=r"[a-z]+-\d{2}\..*",
                domains=("spaceships.work",),
                reserved=frozenset({"gateway"}),
                max_length=40,
                refuse=False,
                messages={"pattern": "see the wiki"},
            ),
            Convention(name="repeat", unique=False),
            Convention(name="once", unique=True),
        ),
        machine_names=(Convention(name="machines", pattern="vm-.*"),),
        machines_in_domains=True,
        domain_tags={"example.com": ("production-dns",)},
        clients=(
            Client(
                name="ci",
                digests=(
                    "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
                    digest("secret"),
                ),
                default_tags=("terraform",),
                rules=(
                    *ROLES["auditor"],
                    Rule(
                        actions=frozenset({Action.ALLOCATE, Action.READ}),
                        networks=(ipaddress.ip_network("10.20.0.0/16"),),
                        vrfs=("blue", None),
                        tenants=("web",),
                        names=(NamePattern(r"web-\d+\.example\.com", str.isascii),),
                        owners=frozenset({"own", "shop"}),
                        quota=20,
                        rate=Rate(600, 60),
                        origin="web-team #1",
                    ),
                    Rule(actions=frozenset({Action.KEYS}), origin="client ci #1"),
                ),
            ),
            Client(name="root", digests=(digest("root's"),), rules=ROLES["operator"]),
        ),
    )


def test_an_empty_file_is_the_default_but_for_its_digest(tmp_path: Path) -> None:
    """What is not said is as without a file."""
    assert load(write(tmp_path, "# nothing\n"), {}) == Policy(
        sha256=hashlib.sha256(b"# nothing\n").hexdigest()
    )


def test_null_counts_as_left_out(tmp_path: Path) -> None:
    """Except for a VRF, where it is the global table."""
    policy = load(write(tmp_path, "names: null\nprefixes:\n  - {prefix: 10.0.0.0/8, gateway: null}\n"), {})
    assert policy.sections == (PrefixSection(network=ipaddress.ip_network("10.0.0.0/8")),)


NO_TAG = "could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"
NO_SCOPE = "uniqueness cannot depend on tenants or roles; scope it by domain, prefix or VRF"
NO_DOT = "the name of a machine has no dot; its domain belongs into the DNS name: 'x'"
NO_ROLE = "say what it may do: roles (allocator, operator, auditor, administrator, or your own) or rules"
NO_PLACE = "allow it in a rule without prefixes, vrfs, tenants and names"
NO_RATE = "write a number of requests and a time, such as 10/second, 600/minute or 5000/hour"
NO_GATEWAY = "write an address, `first`, `none`, or one of {custom_field: name}, {role: name}, {tag: slug}"

WRONG = [
    # -- what is no document
    ("a: b: c", ["1: mapping values are not allowed here"]),  # no YAML
    ("a: [", ["1: expected the node content, but found '<stream end>'"]),  # half of one
    ("a: 1\na: 2", ["2: a stands here a second time"]),  # a key twice
    ("tags:\n  domains: {a: [x], a: [y]}", ["2: a stands here a second time"]),  # at any depth
    ("--- {}\n--- {}", ["2: but found another document"]),  # two documents
    ("a: \x00", ["unacceptable character #x0000: special characters are not allowed"]),  # binary
    ("[" * 1000, ["it is nested too deeply"]),  # a bomb
    ("!!python/name:os.system", [f"1: {NO_TAG}"]),  # code
    ("- 1", ["1: the file: write fields, one a line"]),  # a list
    # -- fields
    ("nmaes: {}", ["1: nmaes: there is no such field here; did you mean names?"]),  # misspelt
    ("\nzzz: {}", ["2: zzz: there is no such field here"]),  # unknown
    ("names:\n  tags: {}", ["2: names tags: there is no such field here"]),  # in the wrong place
    ("version: 2", ["1: version: write 1"]),  # another format
    ("prefixes: {}", ["1: prefixes: write a list, such as [a, b]"]),  # no list
    ("names: 5", ["1: names: write fields, one a line"]),  # no fields
    ("clients: []", ["1: clients: write fields, one a line"]),  # a list of clients
    # -- clients
    ("clients: {a: {}}",
     [f"1: clients a: {NO_ROLE}"]),
    ("clients: {a: {token_env: CI_TOKEN, roles: [alocator]}}",
     ["1: clients a roles #1: there is no role alocator; did you mean allocator?"]),  # misspelt
    ("clients: {a: {token_env: CI_TOKEN, roles: [zzz]}}",
     ["1: clients a roles #1: there is no role zzz; there are allocator, operator, auditor, administrator"]),
    ("clients: {a: {token_env: CI_TOKEN, roles: []}}",
     ["1: clients a roles: leave it out rather than empty"]),  # nothing is allowed by itself
    # -- roles
    ("roles: {auditor: [{actions: [read]}]}",
     ["1: roles auditor: auditor is a role of Berth's own; call yours otherwise"]),
    ("roles: {a: []}", ["1: roles a: leave it out rather than empty"]),
    ("roles: {a: [{}]}", ["1: roles a #1 actions: is missing"]),
    ("roles: {a: [{actions: [fly]}]}",
     [f"1: roles a #1 actions #1: write one of {', '.join(Action)}"]),
    ("roles: {a: [{actions: [read], names: ['(a']}]}",
     ["1: roles a #1 names #1: missing ): (a (patterns are RE2: no look-around, no back-references)"]),
    ("roles: {a: [{actions: [read], quota: -1}]}",
     ["1: roles a #1 quota: greater than or equal to 0"]),
    ("roles: {a: [{actions: [read, audit, keys], vrfs: [blue]}]}",
     [f"1: roles a #1 actions: `{action}` is of no place: {NO_PLACE}" for action in ("audit", "keys")]),
    ("clients: {a: {token_env: CI_TOKEN, rules: [{actions: [audit], names: [a]}]}}",
     [f"1: clients a rules #1 actions: `audit` is of no place: {NO_PLACE}"]),
    ("roles: {a: [{actions: [read], rate: fast}]}", [f"1: roles a #1 rate: {NO_RATE}"]),
    ("roles: {a: [{actions: [read], rate: 0/second}]}", [f"1: roles a #1 rate: {NO_RATE}"]),
    ("clients: {a b: {token_env: CI_TOKEN, roles: [auditor]}}",
     ["1: clients a b: write letters, digits, dots, hyphens and underscores, at most 64"]),  # no name
    ("clients: {a: {token_sha256: [secret], roles: [auditor]}}",
     ["1: clients a token_sha256 #1: write 64 hex digits, as `printf %s TOKEN | sha256sum` prints them"]),
    ("clients: {a: {token_env: NOPE, roles: [auditor]}}",
     ["1: clients a: the environment variable NOPE is not set"]),
    ("clients: {a: {token_file: /nope, roles: [auditor]}}",
     ["1: clients a: the file /nope cannot be read: No such file or directory"]),
    ("defaults: {record_gateway: yes}",
     ["1: defaults record_gateway: write true or false"]),  # YAML 1.1's yes is text
    ("clients:\n  a: {token_env: CI_TOKEN, roles: [auditor]}\n  b: {token_env: CI_TOKEN, roles: [auditor]}",
     ["3: clients b: has the same token as a"]),  # whose would it be?
    # -- names
    ("names: {dns: [{}]}", ["1: names dns #1 name: is missing"]),  # a convention without a name
    ("names:\n  dns:\n    - name: a\n      pattern: '(a'",
     ["4: names dns #1 pattern: missing ): (a (patterns are RE2: no look-around, no back-references)"]),
    ("names: {dns: [{name: a, pattern: 5}]}",
     ["1: names dns #1 pattern: write text (in quotes, if it looks like a number)"]),
    ("names: {dns: [{name: a}, {name: a}]}", ["1: names dns #2 name: another convention is called a"]),
    ("names: {dns: [{name: a, max_length: 254}]}",
     ["1: names dns #1 max_length: less than or equal to 253"]),  # longer than a name can be
    ("names: {dns: [{name: a, enforce: off}]}", ["1: names dns #1 enforce: write 'refuse' or 'warn'"]),
    ("names: {dns: [{name: a, scope: {domains: []}}]}",
     ["1: names dns #1 scope domains: leave it out rather than empty"]),  # would narrow nothing
    ("names: {dns: [{name: a, scope: {domains: [a_b]}}]}",
     ["1: names dns #1 scope domains #1: a host name has no underscore; use a hyphen: 'a-b'"]),
    ("names: {dns: [{name: a, scope: {tenants: [t]}, unique: off}]}",
     [f"1: names dns #1 unique: {NO_SCOPE}"]),
    ("names: {dns: [{name: a, scope: {roles: [t]}, unique: vrf}]}",
     [f"1: names dns #1 unique: {NO_SCOPE}"]),
    ("names: {dns: [{name: a, pattern: x, enforce: warn, examples: [x, y_]}]}",
     ["1: names dns #1 examples #2: a host name has no underscore; use a hyphen: 'y-'",
      "1: names dns #1 examples #2: the name does not match x (convention a)"]),  # examples are held to it
    ("names: {machines: [{name: a, examples: [x.y]}]}",
     [f"1: names machines #1 examples #1: {NO_DOT}"]),
    ("names: {machines: [{name: a, unique: off}]}",
     ["1: names machines #1 unique: there is no such field here"]),  # NetBox holds machines unique
    # -- prefixes
    ("prefixes:\n  - gateway: first", ["2: prefixes #1 prefix: is missing"]),  # of what?
    ("prefixes: [{prefix: 10.0.0.1/8}]",
     ["1: prefixes #1 prefix: 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?"]),
    ("prefixes: [{prefix: ten}]",
     ["1: prefixes #1 prefix: 'ten' does not appear to be an IPv4 or IPv6 network"]),
    ("prefixes: [{prefix: 10.0.0.0/8, vrf: 7}]",
     ["1: prefixes #1 vrf: write text (in quotes, if it looks like a number)"]),  # VRFs go by name
    ("prefixes:\n  - prefix: 10.0.0.0/8\n  - prefix: 10.0.0.0/8",
     ["3: prefixes #2 prefix: 10.0.0.0/8 has an entry for this VRF already"]),
    ("prefixes: [{prefix: 10.0.0.0/24, gateway: 10.0.1.1}]",
     ["1: prefixes #1 gateway: 10.0.1.1 does not lie in 10.0.0.0/24"]),
    ("prefixes: [{prefix: 10.0.0.0/24, allow: [child]}]",
     ["1: prefixes #1 allow #1: write 'children', 'container', 'deprecated' or 'utilized'"]),
    ("prefixes: [{prefix: 10.0.0.0/24, dns_servers: [dns]}]",
     ["1: prefixes #1 dns_servers #1: 'dns' does not appear to be an IPv4 or IPv6 address"]),
    ("defaults: {gateway: 10.0.0.1}",
     ["1: defaults gateway: one address cannot be the gateway of every prefix"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problems"), WRONG, ids=[repr(text[:60]) for text, _ in WRONG])
def test_what_is_wrong_is_told_with_its_line_and_field(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    """And with what to do."""
    assert refusal(tmp_path, text) == problems


GATEWAYS = [
    "second",
    "5",
    "[first]",
    "{}",
    "{dns: x}",
    "{tag: x, role: y}",
    "{tag: ''}",
    "{tag: 5}",
    "10.0.0.0/24",
]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_that_is_no_rule_is_told_the_rules(tmp_path: Path, gateway: str) -> None:
    """All of them."""
    assert refusal(tmp_path, f"defaults: {{gateway: {gateway}}}") == [f"1: defaults gateway: {NO_GATEWAY}"]


@pytest.mark.parametrize(
    "text",
    [
        "clients: {a: {token_sha256: [5]}, 5: {token_env: CI_TOKEN}}",
        "names: {dns: [{name: a, reserved: [5], scope: {domains: [5], prefixes: [5]}}]}",
        "defaults: {dns_servers: [5]}",
    ],
)
def test_numbers_are_no_text(tmp_path: Path, text: str) -> None:
    """What looks like a number has to be quoted, wherever text is due."""
    assert all(line.startswith("1: ") for line in refusal(tmp_path, text))


def test_all_problems_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    """One round is enough to mend a file."""
    text = "zzz: 1\nversion: 2\nnames:\n  dns: 5\nprefixes:\n  - prefix: ten\n"
    assert [line.partition(":")[0] for line in refusal(tmp_path, text)] == ["1", "2", "4", "6"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With the reason of the operating system."""
    with pytest.raises(PolicyWrong, match=r"policy\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "policy.yaml", {})


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Rather than guessed at."""
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(PolicyWrong, match="is not UTF-8"):
        load(path, {})


def test_a_file_that_is_far_too_large_is_refused(tmp_path: Path) -> None:
    """Four mebibytes hold any policy."""
    with pytest.raises(PolicyWrong, match="is larger than 4194304 bytes"):
        load(write(tmp_path, "#" * 4_194_305), {})


def test_a_check_without_an_environment_leaves_tokens_out(tmp_path: Path) -> None:
    """Whoever checks a file on a laptop does not have them."""
    text = "clients: {a: {token_env: NOPE, roles: [auditor]}, b: {token_file: /nope, roles: [auditor]}}"
    policy = load(write(tmp_path, text), None)
    assert policy.clients == (
        Client(name="a", rules=ROLES["auditor"]),
        Client(name="b", rules=ROLES["auditor"]),
    )


def test_no_token_is_in_the_policy(tmp_path: Path) -> None:
    """Only its digest is."""
    policy = load(write(tmp_path, "clients: {a: {token_env: CI_TOKEN, roles: [auditor]}}"), PRESENT)
    assert "secret" not in repr(policy)


def test_a_policy_is_read_again(tmp_path: Path) -> None:
    """And holds at once."""
    path = write(tmp_path, "names: {dns: [{name: before}]}")
    current = CurrentPolicy(path, {})
    assert [each.name for each in current().dns_names] == ["before"]
    write(tmp_path, "names: {dns: [{name: after}]}")
    assert current.reload() == ()
    assert [each.name for each in current().dns_names] == ["after"]


def test_a_broken_file_keeps_the_old_policy(tmp_path: Path) -> None:
    """And says what is wrong."""
    path = write(tmp_path, "names: {dns: [{name: before}]}")
    current = CurrentPolicy(path, {})
    before = current()
    write(tmp_path, "version: 2")
    assert current.reload() == (f"{path}:1: version: write 1",)
    assert current() is before


def test_without_a_file_there_is_nothing_to_reload() -> None:
    """The default holds for good."""
    current = CurrentPolicy(None, {})
    assert current.reload() == ()
    assert current() == Policy.default()


def test_a_broken_file_at_start_is_an_error(tmp_path: Path) -> None:
    """There is no old policy to keep."""
    with pytest.raises(PolicyWrong):
        CurrentPolicy(write(tmp_path, "version: 2"), {})


HOUSE_NAMES = [("docker-01-nexus.spaceships.work", True), ("docker.spaceships.work", False)]


@pytest.mark.parametrize(("name", "good"), HOUSE_NAMES)
@pytest.mark.parametrize("which", ["demo", "example"])
def test_the_shipped_policies_hold_the_convention(which: str, name: str, good: bool) -> None:
    """Both can be loaded, and refuse in words for people."""
    policy = load(SHIPPED[which], {"CI_BERTH_TOKEN": "x"})
    violations = Names(lambda: policy).verdict(name, NamePlace()).violations
    assert violations == (
        ()
        if good
        else (
            Violation(
                "/dns_name",
                "name.pattern",
                f"names in spaceships.work look like {HOUSE_NAMES[0][0]}: service, number, purpose",
            ),
        )
    )


def test_the_demos_prefixes_have_their_gateways() -> None:
    """Recorded by Berth, first in each."""
    policy = load(SHIPPED["demo"], {})
    for prefix in ("192.168.3.0/24", "192.168.4.0/24", "10.99.0.0/24", "fd00:3::/64"):
        rules = policy.prefix_rules(ipaddress.ip_network(prefix), None)
        assert (rules.gateway, rules.record_gateway) == (GatewayRule("first"), True)
    assert policy.all_tags() == ()


def test_the_example_of_roles_is_right() -> None:
    """As the how-to has it; whoever looks at it has no tokens."""
    rules = {client.name: client.rules for client in load(SHIPPED["roles"], None).clients}
    assert {name: len(found or ()) for name, found in rules.items()} == {"web": 2, "portal": 1}
