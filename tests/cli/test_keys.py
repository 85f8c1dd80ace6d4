"""`berth keys`, which calls a running Berth."""

from collections.abc import Iterator

import pytest

from app.emulator import running
from tests.api.conftest import Rig
from tests.cli.said import Said, berth


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Rig, str]]:
    """A Berth over its in-memory desk, on loopback."""
    rig = Rig()
    with running(rig.app()) as url:  # type: ignore[arg-type]
        yield rig, url


@pytest.fixture
def rig(served: tuple[Rig, str]) -> Rig:
    """Its parts, without a key."""
    served[0].keys.reset()
    return served[0]


def keys(served: tuple[Rig, str], *arguments: str, owner: str = "operator") -> Said:
    """Run the command as an administrator, or as another owner."""
    return berth("keys", *arguments, BERTH_URL=served[1], BERTH_TOKEN=f"secret-of-{owner}")


def test_a_new_key_is_all_that_stdout_holds(served: tuple[Rig, str], rig: Rig) -> None:
    """So that it can go into a file; what it is goes to stderr."""
    said = keys(served, "create", "--client", "ci", "--label", "runner", "--days", "1")
    assert (said.code, said.out) == (0, "berth_key0_secret\n")
    assert said.err == "the key key0 of ci, good until 2026-11-20T21:30:00Z; it is not shown again\n"
    assert rig.keys.keys["key0"].label == "runner"


def test_a_key_is_narrowed_by_options(served: tuple[Rig, str], rig: Rig) -> None:
    """Each may be repeated."""
    options = "--action allocate --action read --prefix 10.0.0.0/8 --name web-.* --quota 2 --from 10.1.0.0/16"
    said = keys(served, "create", "--client", "ci", *options.split())
    assert (said.code, "good until it is revoked" in said.err) == (0, True)
    bounds = rig.keys.keys["key0"].bounds
    assert (bounds.actions, bounds.prefixes, bounds.names) == (
        ("allocate", "read"),
        ("10.0.0.0/8",),
        ("web-.*",),
    )
    assert (bounds.quota, bounds.networks) == (2, ("10.1.0.0/16",))


def test_keys_are_listed_and_revoked(served: tuple[Rig, str], rig: Rig) -> None:
    """By their ids; never with what they are known by."""
    assert keys(served, "list") == Said(0, "there are no API keys\n", "")
    keys(served, "create", "--client", "ci")
    keys(served, "create", "--client", "web", "--label", "image")
    assert keys(served, "revoke", "key0") == Said(0, "key0: revoked\n", "")
    listed = keys(served, "list")
    [revoked, live] = listed.out.splitlines()
    assert revoked.startswith("key0  ci  revoked 20")
    assert live == "key1  web  good until it is revoked, not used yet  image"
    assert keys(served, "list", "--client", "web").out.splitlines() == [live]
    assert "secret" not in listed.out


@pytest.mark.parametrize(
    ("arguments", "owner", "says"),
    [
        (("revoke", "unknown"), "operator", "not_found: "),
        (("create", "--client", "ci", "--prefix", "10.0.0.1/8"), "operator", "  /prefixes/0: "),
        (("create", "--client", "ci", "--name", "("), "operator", "  /names/0: "),
        (("create", "--client", "ci", "--action", "fly"), "operator", "  /actions/0: "),
    ],
)
def test_what_is_refused_is_told(
    served: tuple[Rig, str], rig: Rig, arguments: tuple[str, ...], owner: str, says: str
) -> None:
    """In Berth's words, with exit code 2."""
    assert rig.keys.keys == {}
    said = keys(served, *arguments, owner=owner)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
