"""The shell examples: a machine's hook, and what a portal's server sends."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.program import Desk
from tests.examples.conftest import EXAMPLES, Shell

HOOK = str(EXAMPLES / "curl" / "berth-request.sh")
FORM = str(EXAMPLES / "form" / "post-form.sh")
PREFIX = "192.168.3.0/24"


def test_the_hook_prints_lines_that_a_shell_can_source(shell: Shell, tmp_path: Path) -> None:
    """A machine asks for its address by its name."""
    answer = shell.run("sh", HOOK, "docker-05-web.spaceships.work", BERTH_PREFIX=PREFIX)
    assert answer.returncode == 0, answer.stderr
    (tmp_path / "address").write_text(answer.stdout)
    sourced = shell.run("sh", "-c", '. ./address && echo "$IP $ADDRESS $GATEWAY $DNS_NAME"')
    ip = sourced.stdout.split()[0]
    assert sourced.stdout == f"{ip} {ip}/24 192.168.3.1 docker-05-web.spaceships.work\n"


def test_the_hook_gets_the_same_address_at_every_boot(shell: Shell) -> None:
    """The name is the key."""
    first, second = (
        shell.run("sh", HOOK, "docker-06-web.spaceships.work", BERTH_PREFIX=PREFIX) for _ in "12"
    )
    assert first.stdout.startswith("KEY=docker-06-web.spaceships.work\n")
    assert second.stdout == first.stdout


def test_a_refusal_is_not_sourced(shell: Shell) -> None:
    """What Berth says goes to stderr, so that nothing of it lands in a file of variables."""
    answer = shell.run("sh", HOOK, "bad_name.spaceships.work", BERTH_PREFIX=PREFIX)
    assert answer.returncode == 22
    assert answer.stdout == ""
    assert '"code":"name_refused"' in answer.stderr


def test_the_hook_takes_the_token_from_a_file_and_shows_it_to_nobody(shell: Shell, tmp_path: Path) -> None:
    """User-data writes a file; a list of processes shows arguments."""
    (tmp_path / "token").write_text("demo\n")
    answer = shell.run(
        *("sh", "-x", HOOK, "docker-07-web.spaceships.work"),
        BERTH_PREFIX=PREFIX,
        BERTH_TOKEN="",
        BERTH_TOKEN_FILE=str(tmp_path / "token"),
    )
    assert answer.returncode == 0, answer.stderr
    assert [line for line in answer.stderr.splitlines() if "+ curl" in line and "demo" in line] == []


@pytest.mark.parametrize("missing", ["BERTH_URL", "BERTH_PREFIX"])
def test_the_hook_says_which_variable_is_missing(shell: Shell, missing: str) -> None:
    """Nothing is sent before."""
    answer = shell.run("sh", HOOK, "docker-08-web.spaceships.work", **{"BERTH_PREFIX": PREFIX, missing: ""})
    assert answer.returncode != 0
    assert missing in answer.stderr


def test_a_double_click_on_a_form_is_one_allocation(shell: Shell, desk: Desk) -> None:
    """The order's number is the key, and the person stands in the audit log."""
    fields = (PREFIX, "docker-09-grafana.spaceships.work", "Dashboards & graphs for 100 % of the lab")
    first, second = (shell.run("sh", FORM, *fields, ORDER="RITM0012345", PERSON="ada") for _ in "12")
    assert first.returncode == 0, first.stderr
    assert second.stdout == first.stdout
    made = json.loads(first.stdout)
    assert made["description"] == fields[2]
    assert (made["key"], made["requested_by"], made["reference"]) == ("RITM0012345", "ada", "RITM0012345")
    events = desk.call("GET", "/api/v1/audit?key=RITM0012345").json()["items"]
    assert [(event["event"], event["requested_by"]) for event in events] == [
        ("intent", "ada"),
        ("outcome", "ada"),
    ]


def test_an_empty_field_of_a_form_is_one_that_was_not_filled_in(shell: Shell) -> None:
    """The description is optional, and forms send empty fields."""
    made = shell.run("sh", FORM, PREFIX, "docker-10-web.spaceships.work", ORDER="RITM1", PERSON="ada")
    assert json.loads(made.stdout)["description"] == ""
