"""An allocation in the forms that shells and Proxmox take, and through curl itself."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.spaces import PLAIN_V6, ROUTED, Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk


def curl(desk: Desk, *arguments: str, path: str = "/api/v1/allocations") -> str:
    """Run curl as people do; it fails where the answer is no success."""
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]
    authorization = ["-H", f"Authorization: Bearer {desk.token}"]
    return subprocess.run(  # noqa: S603 - curl with a test's own arguments
        [*command, *authorization, *arguments, f"{desk.url}{path}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_a_shell_gets_the_bare_address(alice: Desk, spaces: Spaces) -> None:
    """By Accept or by ?format=text."""
    name, prefix = key(), spaces.prefix()
    answer = alice.post({"key": name, "prefix": prefix}, Accept="text/plain")
    assert (answer.text, answer.headers["content-type"]) == (
        f"{hosts(prefix)[0]}\n",
        "text/plain; charset=utf-8",
    )
    assert alice.get(name, "?format=text").text == answer.text
    assert alice.get(name, Accept="text/html, */*").json()["ip"] == hosts(prefix)[0]


def test_env_can_be_sourced_by_a_real_shell(alice: Desk, spaces: Spaces) -> None:
    """Whatever stands in the name of a key: values are quoted."""
    prefix, name = spaces.prefix(ROUTED), key()
    text = alice.post({"key": name, "prefix": prefix, "dns_name": spaces.name()}, "?format=env").text
    script = f'set -eu\n{text}\necho "$IP|$ADDRESS|$PREFIX_LENGTH|$GATEWAY|$KEY|$DNS_SERVERS|$MAC_ADDRESS|"'
    shell = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)  # noqa: S607
    gateway, first = hosts(prefix)[:2]
    assert shell.stdout == f"{first}|{first}/28|28|{gateway}|{name}|172.20.0.53 172.20.0.54||\n"


@pytest.mark.parametrize(("within", "length", "six"), [(ROUTED, 28, ""), (PLAIN_V6, 120, "6")])
def test_proxmox_gets_its_own_form(alice: Desk, spaces: Spaces, within: str, length: int, six: str) -> None:
    """What `qm set --ipconfig0` takes."""
    prefix = spaces.prefix(within, length)
    text = alice.post({"key": key(), "prefix": prefix}, "?format=proxmox").text
    addresses = hosts(prefix)
    routed = f"ip={addresses[1]}/28,gw={addresses[0]}\n"
    assert text == (f"ip6={addresses[0]}/120\n" if six else routed)


def test_curl_d_labels_json_as_a_form(alice: Desk, spaces: Spaces) -> None:
    """And is understood all the same, twice with one answer."""
    body = json.dumps({"key": key(), "prefix": spaces.prefix()})
    answers = [curl(alice, "-d", body) for _ in range(2)]
    assert answers[0] == answers[1]
    assert json.loads(answers[0])["state"] == "active"


def test_curl_sends_a_real_form(alice: Desk, spaces: Spaces) -> None:
    """Without any JSON: a name and a prefix are enough."""
    prefix, name = spaces.prefix(), spaces.name()
    text = curl(alice, "-H", "Accept: text/plain", "-d", f"prefix={prefix}", "-d", f"dns_name={name}")
    assert text == f"{hosts(prefix)[0]}\n"


def test_curl_json_and_retry_work_in_a_provisioner(alice: Desk, spaces: Spaces) -> None:
    """PUT when a machine is made, DELETE when it goes, and DELETE again."""
    path = f"/api/v1/allocations/{key()}"
    body = json.dumps({"prefix": spaces.prefix()})
    made: dict[str, Any] = json.loads(
        curl(alice, "--retry", "5", "-X", "PUT", "--json", body, "-L", path=path)
    )
    assert made["state"] == "active"
    assert [curl(alice, "--retry", "5", "-X", "DELETE", path=path) for _ in range(2)] == ["", ""]


def test_curl_says_what_was_refused(alice: Desk) -> None:
    """A 4xx with a short text that says what to do."""
    with pytest.raises(subprocess.CalledProcessError) as failure:
        curl(alice, "--json", '{"prefix": "198.51.100.0/24"}')
    assert failure.value.returncode == 22
    assert "Idempotency-Key" in json.loads(failure.value.stdout)["detail"]
