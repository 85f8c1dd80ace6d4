"""The command line, from arguments and environment to words and exit codes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import requests
import typer
from typer.core import TyperCommand, TyperGroup

from app.cli import app
from app.emulator import SEED_TOKEN, create_app, running
from tests.cli.said import Said, at, berth
from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]
DEMO_POLICY = str(ROOT / "app/demo/policy.yaml")


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """A NetBox that Berth has never seen, with a container prefix or two and no claim fields."""
    with running(create_app()) as url:
        yield url


def test_version_is_the_distributions() -> None:
    """Nothing else is printed."""
    assert berth("version") == Said(0, f"{version('berth-ipam')}\n", "")


def test_help_lists_the_commands() -> None:
    """Also when no command is named."""
    assert berth("--help").code == 0
    assert "doctor" in berth("--help").out
    assert berth().code == 2


def test_the_package_is_the_command() -> None:
    """`python -m app` for whoever has no scripts installed."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{version('berth-ipam')}\n"


# -- names and policies ---------------------------------------------------------------------------

CHECKS = [
    (("docker.example.com",), 0, "docker.example.com may be used\n", ""),  # RFC 1123 without a policy
    (("docker_1",), 1, "", "name.underscore: a host name has no underscore; use a hyphen: 'docker-1'\n"),
    (("docker-01-nexus.spaceships.work", "--policy", DEMO_POLICY), 0, "may be used", ""),  # by a policy
    (("docker.spaceships.work", "--policy", DEMO_POLICY), 1, "", "name.pattern: names in "),
    (("docker.example.com", "--machine"), 1, "", "name.not_a_label: "),  # as a machine's
    (("docker", "--prefix", "10.0.0.0/8", "--vrf", "blue", "--tenant", "a", "--role", "b"), 0, "may", ""),
    (("docker", "--prefix", "10.0.0.1/8"), 2, "", "10.0.0.1/8 has host bits set"),  # no prefix
    (("docker", "--policy", "/nope"), 2, "", "/nope: cannot be read: No such file or directory"),  # no policy
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "out", "err"), CHECKS)
def test_names_check_says_what_a_name_breaks(
    arguments: tuple[str, ...], code: int, out: str, err: str
) -> None:
    """Exit code 1 for a name that may not be used, 2 for a question that makes no sense."""
    said = berth("names", "check", *arguments)
    assert said.code == code
    assert out in said.out
    assert err in said.err


def test_the_policy_of_the_environment_is_used() -> None:
    """As the service does."""
    assert berth("names", "check", "docker.spaceships.work", BERTH_POLICY_FILE=DEMO_POLICY).code == 1


def test_a_warning_is_told_and_the_name_taken(tmp_path: Path) -> None:
    """A convention that only warns does not change the exit code."""
    file = tmp_path / "policy.yaml"
    file.write_text("names: {dns: [{name: soft, pattern: x, enforce: warn}]}")
    said = berth("names", "check", "docker", "--policy", str(file))
    assert said == Said(
        0, "docker may be used\n", "warning: name.pattern: the name does not match x (convention soft)\n"
    )


def test_policy_check_counts_and_digests() -> None:
    """So that a file can be told from another one in the log."""
    said = berth("policy", "check", DEMO_POLICY)
    assert said.code == 0
    assert "1 conventions, 5 sections for prefixes, 0 clients" in said.out
    assert len(said.out.splitlines()[1].removeprefix("sha256 ")) == 64


def test_policy_check_tells_every_problem(tmp_path: Path) -> None:
    """With file and line, and exit code 1."""
    file = tmp_path / "policy.yaml"
    file.write_text("version: 2\nzzz: 1\n")
    said = berth("policy", "check", str(file))
    assert (said.code, said.out) == (1, "")
    assert said.err == f"{file}:1: version: write 1\n{file}:2: zzz: there is no such field here\n"


def test_policy_check_can_do_without_tokens() -> None:
    """On a machine that does not have them."""
    example = str(ROOT / "deploy/policy.example.yaml")
    assert "CI_BERTH_TOKEN is not set" in berth("policy", "check", example).err
    assert berth("policy", "check", example, "--without-tokens").code == 0


# -- NetBox ---------------------------------------------------------------------------------------


def test_names_next_finds_the_lowest_free_number(netbox: str) -> None:
    """Among the names that NetBox has."""
    assert berth("names", "next", "docker-{nn}-nexus.spaceships.work", **at(netbox)) == Said(
        0, "docker-03-nexus.spaceships.work\n", ""
    )


def test_names_next_needs_no_token_of_berth(netbox: str) -> None:
    """It speaks to NetBox alone."""
    environ = {**at(netbox), "BERTH_TOKEN": ""}
    assert berth("names", "next", "fresh-{n}.example.com", **environ).out == "fresh-1.example.com\n"


def take(url: str, *names: str) -> None:
    """Give addresses of the global table these names."""
    answer = requests.post(
        f"{url}/api/ipam/ip-addresses/",
        json=[{"address": f"10.200.{len(name)}.{n}/16", "dns_name": name} for n, name in enumerate(names)],
        headers={"Authorization": f"Token {SEED_TOKEN}"},
        timeout=10,
    )
    assert answer.status_code == 201, answer.text


def test_names_next_goes_on_where_many_are_taken(netbox: str) -> None:
    """However many there are."""
    take(netbox, *(f"many-{n:02}" for n in range(1, 25)))
    assert berth("names", "next", "many-{nn}", **at(netbox)).out == "many-25\n"


def test_names_next_ends_with_the_last_number(netbox: str) -> None:
    """And says that all are taken."""
    take(netbox, *(f"all-of-them-{n}" for n in range(1, 10)))
    said = berth("names", "next", "all-of-them-{n}", **at(netbox))
    assert said == Said(2, "", "Every number of all-of-them-{n} is taken.\n")


def test_names_next_looks_into_the_vrf(netbox: str) -> None:
    """A name that is taken in the global table is free there; the VRF has to exist."""
    template = "docker-{nn}-nexus.spaceships.work"
    inside = berth("names", "next", template, "--vrf", "management", **at(netbox))
    assert inside.out == "docker-01-nexus.spaceships.work\n"
    said = berth("names", "next", "docker-{nn}-nexus.spaceships.work", "--vrf", "nope", **at(netbox))
    assert said == Said(2, "", "NetBox has 0 VRFs called 'nope'.\n")


def test_names_next_offers_no_name_that_would_be_refused(netbox: str) -> None:
    """The convention is asked, too."""
    said = berth("names", "next", "docker-{n}.spaceships.work", "--policy", DEMO_POLICY, **at(netbox))
    assert (said.code, said.out) == (1, "")
    assert "no name of docker-{n}.spaceships.work may be used: name.pattern" in said.err


RULES = r"""
version: 1
names:
  dns:
    - {name: ours, scope: {domains: [example.org]}, reserved: [box-1], pattern: 'box-[0-9][.]example[.]org'}
    - {name: short, scope: {domains: [example.org]}, max_length: 10, enforce: warn}
    - {name: lean, scope: {domains: [example.org], tenants: [lean]}, pattern: 'thin-.*', max_length: 5}
"""


def test_names_next_passes_over_what_is_reserved(netbox: str, tmp_path: Path) -> None:
    """As the API does; what the convention only warns of is told."""
    file = tmp_path / "policy.yaml"
    file.write_text(RULES)
    said = berth("names", "next", "box-{n}.example.org", "--policy", str(file), **at(netbox))
    assert (said.code, said.out) == (0, "box-2.example.org\n")
    assert said.err.startswith("warning: name.too_long: at most 10 characters")


def test_names_next_tells_everything_that_is_wrong(netbox: str, tmp_path: Path) -> None:
    """Not just the first rule; also what a convention for a tenant says."""
    file = tmp_path / "policy.yaml"
    file.write_text(RULES)
    arguments = ("box-{n}.example.org", "--policy", str(file), "--tenant", "lean", "--role", "vip")
    said = berth("names", "next", *arguments, **at(netbox))
    assert (said.code, said.out) == (1, "")
    codes = [line.split(": ")[1] for line in said.err.splitlines()]
    assert codes == ["name.reserved", "name.pattern", "name.too_long"], said.err


def test_names_next_refuses_what_is_no_template(netbox: str) -> None:
    """Before anything is looked up."""
    said = berth("names", "next", "docker-nexus", **at(netbox))
    assert said.code == 2
    assert said.err.startswith("name_pattern.malformed: write the number as one {n}")


def test_bootstrap_gives_netbox_what_berth_needs(bare: str, tmp_path: Path) -> None:
    """The fields, and the policy's tags; a second time there is nothing to do."""
    file = tmp_path / "policy.yaml"
    file.write_text(
        "defaults: {default_tags: [terraform]}\nclients: {ci: {token_env: NO, roles: [auditor]}}\n"
    )
    environ = {"NETBOX_URL": bare, "BERTH_POLICY_FILE": str(file)}
    first = berth("bootstrap", "--token-stdin", stdin=f"{SEED_TOKEN}\n", **environ)
    assert first.code == 0
    assert [line.split() for line in first.out.splitlines()[:3]] == [
        ["created", "custom", "field", "berth_key"],
        ["created", "custom", "field", "berth_owner"],
        ["created", "tag", "terraform"],
    ]
    assert "CREATE INDEX CONCURRENTLY" in first.out
    assert "DROP INDEX CONCURRENTLY" in first.out
    second = berth("bootstrap", "--token-stdin", stdin=f"{SEED_TOKEN}\n", **environ)
    assert [line.split()[0] for line in second.out.splitlines()[:3]] == ["found", "found", "found"]


def test_bootstrap_asks_for_the_token_without_showing_it(netbox: str) -> None:
    """And keeps it nowhere."""
    said = berth("bootstrap", stdin=f"{SEED_TOKEN}\n", NETBOX_URL=netbox)
    assert said.code == 0
    assert "An administrator's NetBox token (not shown, not kept)" in said.out
    assert SEED_TOKEN not in said.out + said.err


def test_bootstrap_without_a_token_does_nothing(netbox: str) -> None:
    """An empty line is none."""
    assert berth("bootstrap", "--token-stdin", stdin="\n", NETBOX_URL=netbox) == Said(
        2, "", "no token was given\n"
    )


def test_bootstrap_with_a_wrong_token_says_so(netbox: str) -> None:
    """In NetBox's words, with exit code 2."""
    said = berth("bootstrap", "--token-stdin", stdin="wrong\n", NETBOX_URL=netbox)
    assert (said.code, said.out) == (2, "")
    assert "token" in said.err.lower()


def test_bootstrap_can_only_print(bare: str) -> None:
    """What an administrator can do by hand, and how to undo it; no token is asked for."""
    said = berth("bootstrap", "--print", NETBOX_URL=bare)
    assert said.code == 0
    for part in (f"{bare}/api/extras/custom-fields/", "Customization", "CREATE INDEX", "DROP INDEX"):
        assert part in said.out


def test_bootstrap_prints_the_tags_of_the_policy(bare: str, tmp_path: Path) -> None:
    """Without a policy there are none; a broken policy prints nothing."""
    assert "extras/tags" not in berth("bootstrap", "--print", NETBOX_URL=bare).out
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\ntags: {domains: {spaceships.work: [production-dns]}}\n")
    said = berth("bootstrap", "--print", NETBOX_URL=bare, BERTH_POLICY_FILE=str(file))
    assert '{"name": "production-dns", "slug": "production-dns"}' in said.out
    file.write_text("nonsense: 1\n")
    said = berth("bootstrap", "--print", NETBOX_URL=bare, BERTH_POLICY_FILE=str(file))
    assert (said.code, said.out) == (2, "")


def test_bootstrap_reports_a_field_that_it_cannot_mend(bare: str, tmp_path: Path) -> None:
    """With exit code 1: a tag without letters has no slug."""
    file = tmp_path / "policy.yaml"
    file.write_text("defaults: {default_tags: ['!']}\n")
    said = berth("bootstrap", "--token-stdin", stdin=SEED_TOKEN, NETBOX_URL=bare, BERTH_POLICY_FILE=str(file))
    assert said.code == 1
    assert "wrong     tag !: it has neither letters nor digits" in said.out


def test_doctor_finds_a_prepared_netbox_well(netbox: str, tmp_path: Path) -> None:
    """Every check has a line."""
    said = berth("doctor", **at(netbox, BERTH_STATE_DIR=str(tmp_path), BERTH_POLICY_FILE=DEMO_POLICY))
    assert said.code == 0
    marks = {line.split()[1].rstrip(":"): line.split()[0] for line in said.out.splitlines()}
    assert (marks["policy"], marks["ledger"], marks["reachable"], marks["claim"]) == ("ok", "ok", "ok", "ok")
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_what_to_do(tmp_path: Path) -> None:
    """About NetBox, the policy, the ledger and the variables, as far as it gets; exit code 1."""
    with running(create_app()) as url:
        said = berth(
            "doctor", **at(url, BERTH_STATE_DIR="/proc/nope", BERTH_POLICY_FILE="/nope", BERTH_PROT="1")
        )
    assert said.code == 1
    assert "note     settings: BERTH_PROT is no setting of Berth; did you mean BERTH_PORT?" in said.out
    assert "MISSING  policy: /nope: cannot be read: No such file or directory" in said.out
    assert "MISSING  claim fields" in said.out
    assert "berth bootstrap" in said.out


def test_doctor_knows_a_folder_that_cannot_be_written(netbox: str, tmp_path: Path) -> None:
    """A file in its place, for one."""
    (tmp_path / "file").write_text("")
    said = berth("doctor", **at(netbox, BERTH_STATE_DIR=str(tmp_path / "file")))
    assert said.code == 1
    assert f"MISSING  ledger: {tmp_path}/file is no folder" in said.out


def test_doctor_knows_a_database_that_cannot_be_reached(netbox: str) -> None:
    """In one line, and without the password."""
    url = "postgresql://berth:hush@127.0.0.1:1/berth"
    told = berth("doctor", **at(netbox, BERTH_DATABASE_URL=url))
    assert told.code == 1
    [line] = [line for line in told.out.splitlines() if "ledger" in line]
    assert line.startswith("MISSING  ledger: postgresql://berth:***@127.0.0.1:1/berth cannot be used: ")
    assert "Connection refused" in line
    assert "hush" not in told.out + told.err


@pytest.mark.postgres
def test_doctor_finds_a_database_that_takes_connections(netbox: str, cluster: Cluster) -> None:
    """On a server of its own."""
    told = berth("doctor", **at(netbox, BERTH_DATABASE_URL=cluster.new()))
    assert "takes connections" in told.out
    assert "MISSING  ledger" not in told.out


def test_doctor_without_settings_names_them() -> None:
    """One line a variable."""
    said = berth("doctor")
    assert said.code == 1
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["MISSING", "settings:", "NETBOX_URL"],
        ["MISSING", "settings:", "NETBOX_API_TOKEN_FILE:"],
        ["MISSING", "settings:", "BERTH_POLICY_FILE:"],
    ]


def test_doctor_misses_a_token_file(tmp_path: Path) -> None:
    """By its name."""
    environ = {
        "NETBOX_URL": "http://127.0.0.1:9",
        "NETBOX_API_TOKEN_FILE": str(tmp_path / "token"),
        "BERTH_TOKEN": "secret",
    }
    said = berth("doctor", **environ)
    assert said.code == 1
    assert f"MISSING  token: the file {tmp_path}/token cannot be read" in said.out


def test_an_unreachable_netbox_is_told_in_plain_words() -> None:
    """With exit code 2."""
    said = berth("names", "next", "docker-{n}", **at("http://127.0.0.1:9"))
    assert (said.code, said.out) == (2, "")
    assert "NetBox" in said.err


# -- serving --------------------------------------------------------------------------------------


def test_serve_does_not_start_with_wrong_settings() -> None:
    """It says what is wrong with all of them, with exit code 2."""
    said = berth("serve", NETBOX_URL="https://netbox.example.com", BERTH_PORT="x")
    assert (said.code, said.out) == (2, "")
    assert "BERTH_PORT: write a whole number" in said.err
    assert "set either NETBOX_API_TOKEN or NETBOX_API_TOKEN_FILE" in said.err


def test_serve_does_not_start_with_a_wrong_policy() -> None:
    """And names a variable that looks misspelt."""
    said = berth("serve", **at("https://netbox.example.com", BERTH_POLICY_FILE="/nope", BERTH_HOTS="x"))
    assert said.code == 2
    assert said.err.splitlines() == [
        "BERTH_HOTS is no setting of Berth; did you mean BERTH_HOST?",
        "/nope: cannot be read: No such file or directory",
    ]


def test_serve_says_that_the_port_of_the_metrics_is_taken(tmp_path: Path) -> None:
    """In one sentence, before it says that it is ready, and without serving anything."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        environ = at("http://127.0.0.1:9", BERTH_STATE_DIR=str(tmp_path), BERTH_METRICS_PORT=port)
        done = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        2,
        f"BERTH_METRICS_PORT: port {port} of 127.0.0.1 cannot be listened on (Address already in use)\n",
    )
    assert "ready" not in done.stdout


def test_demo_says_that_its_port_is_taken(tmp_path: Path) -> None:
    """And what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = berth("demo", "--port", port, "--folder", str(tmp_path))
    assert said.code == 2
    assert f"Port {port} is taken" in said.err


def test_openapi_writes_both_files(tmp_path: Path) -> None:
    """The same document that is checked in."""
    assert berth("openapi", str(tmp_path)).code == 0
    written = json.loads((tmp_path / "berth.v1.json").read_text())
    assert written == json.loads((ROOT / "openapi/berth.v1.json").read_text())
    assert (tmp_path / "berth.v1.yaml").exists()


# -- the docs -------------------------------------------------------------------------------------


def commands(group: TyperGroup, name: str) -> Iterator[tuple[str, TyperCommand]]:
    """Every command under a group, with its whole name."""
    for each, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{name} {each}")
        elif isinstance(command, TyperCommand):
            yield f"{name} {each}", command


def test_the_docs_describe_every_command_and_option() -> None:
    """With the words that --help prints."""
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    found = dict(commands(group, "berth"))
    assert "berth names check" in found
    for name, command in found.items():
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        assert " ".join((command.help or "").split()) in " ".join(section.split()), name
        for parameter in command.params:
            option = parameter.opts[0]
            shown = option if option.startswith("-") else option.upper()
            assert f"| `{shown}` | {getattr(parameter, 'help', '')} |" in section, (name, shown)


RIGHTS = """\
clients:
  web: {token_env: WEB_TOKEN, roles: [web-team, auditor]}
roles:
  web-team:
    - {actions: [allocate], prefixes: [192.168.3.0/24], quota: 20, rate: 10/second}
    - {actions: [release], owners: [shop]}
"""
BOUNDS = "prefixes 192.168.3.0/24; at most 20 addresses; 10 requests in 1 s"


@pytest.mark.parametrize(
    ("asked", "code", "out", "err"),
    [
        ("web allocate --prefix 192.168.3.0/25", 0,
         f"web may allocate: web-team #1 allows it ({BOUNDS})\n", ""),
        ("web read", 0, "web may read: auditor allows it (everywhere)\n", ""),
        ("web allocate --prefix 10.0.0.0/8", 1, "", "allows `allocate` for prefix 10.0.0.0/8. It is"),
        ("web keys", 1, "", "No rule that holds for web allows `keys`."),
        ("web release --owner shop", 0, "web may release: web-team #2 allows it (everywhere)\n", ""),
        ("web release --owner other", 1, "", "that another owner has. It is allowed with these: "),
        ("web release", 1, "", "web-team #2: everywhere; owners shop."),
        ("nobody read", 2, "", "there is no client nobody; there are: web"),
        ("web read --prefix 10.0.0.1/8", 2, "", "--prefix: 10.0.0.1/8 has host bits set"),
        ("web fly", 2, "", "'fly' is not one of"),
    ],
)  # fmt: skip
def test_policy_explain_says_which_rule_allows_it(
    tmp_path: Path, asked: str, code: int, out: str, err: str
) -> None:
    """Or what is missing; without the tokens, which whoever asks need not have."""
    file = tmp_path / "policy.yaml"
    file.write_text(RIGHTS)
    client, action, *more = asked.split()
    said = berth("policy", "explain", "--file", str(file), "--client", client, "--action", action, *more)
    assert (said.code, said.out) == (code, out)
    assert err in said.err


def test_policy_explain_tells_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    """As `policy check` does."""
    file = tmp_path / "policy.yaml"
    file.write_text("clients: {web: {token_env: WEB_TOKEN}}")
    said = berth("policy", "explain", "--client", "web", "--action", "read", BERTH_POLICY_FILE=str(file))
    assert (said.code, said.out) == (2, "")
    assert "say what it may do" in said.err
