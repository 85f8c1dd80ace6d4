"""A user with the least rights for Berth, and taking away what was made."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import preparing
from app.domain.upstream import Rejected
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox.provision import needed
from app.netbox.rights import RIGHTS
from tests.cli.said import Said, at, berth
from tests.netbox_room.conftest import Admin

STDIN = f"{SEED_TOKEN}\n"


@pytest.fixture(params=["4.7", "4.3"])
def admin(request: pytest.FixtureRequest) -> Iterator[Admin]:
    """A NetBox's administrator; 4.3 makes no tokens of its own."""
    with running(create_app(seed=True, version=request.param)) as url, Admin(url, SEED_TOKEN) as admin:
        yield admin


def make_user(admin: Admin, file: Path, *more: str) -> Said:
    """Run the command."""
    words = ("bootstrap", "--token-stdin", "--user", "berth", "--user-token-file", str(file), *more)
    return berth(*words, stdin=STDIN, NETBOX_URL=admin.url)


def listed(admin: Admin, path: str, **query: str) -> list[dict[str, object]]:
    """What NetBox has."""
    answer = admin.get(f"{admin.url}/api/{path}/", params=query)
    assert answer.status_code == 200
    rows: list[dict[str, object]] = answer.json()["results"]
    return rows


def test_the_user_has_every_right_that_berth_needs_and_no_other(admin: Admin, tmp_path: Path) -> None:
    """Berth's own doctor says so, with the token that was made."""
    file = tmp_path / "netbox-token"
    said = make_user(admin, file)
    assert said.code == 0, said.err
    assert f"created   token in {file}" in said.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert token not in said.out
    environ = {**at(admin.url, BERTH_STATE_DIR=str(tmp_path)), "NETBOX_API_TOKEN": token}
    found = berth("doctor", **environ)
    assert found.code == 0, found.out
    assert found.out.count(": granted") == len(RIGHTS)
    assert "excess rights: 0 found" in found.out


def test_repeating_it_makes_no_second_user_and_no_second_token(admin: Admin, tmp_path: Path) -> None:
    """So it can stand in a script; a permission that somebody changed is put right again."""
    file = tmp_path / "netbox-token"
    make_user(admin, file)
    before = file.read_text()
    [wrong] = listed(admin, "users/permissions", name="berth: ipam.prefix")
    url = f"{admin.url}/api/users/permissions/{wrong['id']}/"
    assert admin.patch(url, json={"actions": ["view", "delete"]}).status_code == 200
    again = make_user(admin, file)
    assert again.code == 0
    assert "created" not in again.out
    assert [line for line in again.out.splitlines() if line.startswith("repaired")] == [
        "repaired  permission to view ipam.prefix"
    ]
    assert file.read_text() == before
    assert len(listed(admin, "users/users", username="berth")) == 1


def test_the_token_can_be_bound_to_a_network(admin: Admin, tmp_path: Path) -> None:
    """From elsewhere it is refused, even if it was stolen."""
    file = tmp_path / "netbox-token"
    assert make_user(admin, file, "--allowed-ip", "192.0.2.0/24").code == 0
    environ = {**at(admin.url, BERTH_STATE_DIR=str(tmp_path)), "NETBOX_API_TOKEN": file.read_text().strip()}
    said = berth("doctor", **environ)
    assert said.code == 1
    assert "not permitted to authenticate" in said.out


def test_where_the_token_cannot_be_kept_none_is_made(admin: Admin, tmp_path: Path) -> None:
    """A folder that is not there; a token that nobody knows would be one too many."""
    before = len(listed(admin, "users/tokens"))
    said = make_user(admin, tmp_path / "none" / "netbox-token")
    assert said.code == 2
    assert "none/netbox-token" in said.err
    assert len(listed(admin, "users/tokens")) == before


async def test_a_token_that_netbox_refuses_leaves_no_file(admin: Admin, tmp_path: Path) -> None:
    """An empty file would count as a token the next time."""
    file = tmp_path / "netbox-token"
    with pytest.raises(Rejected):
        await preparing.make_user({"NETBOX_URL": admin.url}, SEED_TOKEN, "x" * 151, file, ())
    assert not file.exists()


def test_the_same_by_hand_makes_the_same_user(admin: Admin, tmp_path: Path) -> None:
    """The commands are run as they are printed; whoever keeps the administrator's token to themselves can."""
    printed = berth("bootstrap", "--print", "--user", "berth", NETBOX_URL=admin.url).out
    script = printed.partition("and its token:\n")[2]
    script = re.sub(r"^AUTHORIZATION=.*$", f'AUTHORIZATION="Token {SEED_TOKEN}"', script, flags=re.MULTILINE)
    ended = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert ended.returncode == 0, ended.stderr
    made = json.loads(ended.stdout)
    if "token" not in made:  # 4.3 makes a token and never shows it: one is taken from its pages there
        assert len(listed(admin, "users/permissions")) == len(needed())
        return
    environ = {**at(admin.url, BERTH_STATE_DIR=str(tmp_path))}
    environ["NETBOX_API_TOKEN"] = f"nbt_{made['key']}.{made['token']}"
    found = berth("doctor", **environ)
    assert found.out.count(": granted") == len(RIGHTS)
    assert "excess rights: 0 found" in found.out


def test_uninstall_takes_the_fields_away_and_leaves_the_addresses(admin: Admin) -> None:
    """What was allocated stays in use; only the key is gone."""
    pool = admin.make("ipam/prefixes", prefix="10.1.0.0/24")["id"]
    made = admin.make(f"ipam/prefixes/{pool}/available-ips", custom_fields={"berth_key": "web"})
    said = berth("uninstall", "--token-stdin", "--yes", stdin=STDIN, NETBOX_URL=admin.url)
    assert said.code == 0, said.err
    assert "removed   custom field berth_key" in said.out
    assert "1 addresses had a key" in said.out
    assert "DROP INDEX" in said.out
    [left] = listed(admin, "ipam/ip-addresses", address=str(made["address"]))
    assert "berth_key" not in left["custom_fields"]  # type: ignore[operator]
    again = berth("uninstall", "--token-stdin", "--yes", stdin=STDIN, NETBOX_URL=admin.url)
    assert again.code == 0
    assert "missing   custom field berth_owner" in again.out


def test_uninstall_asks_first(admin: Admin) -> None:
    """Whoever does not say yes keeps everything."""
    said = berth("uninstall", "--token-stdin", stdin=f"{STDIN}n\n", NETBOX_URL=admin.url)
    assert said.code == 1
    assert "Go on?" in said.out
    assert len(listed(admin, "extras/custom-fields")) == 2
