"""The forms in which an allocation is answered."""

import shlex
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from app.api.documents import AllocationBody
from app.api.examples import ALLOCATION
from app.api.formats import Format, choose, json_bytes, members, render
from app.operations.answers import Allocation

V4 = Allocation(**{**ALLOCATION, "dns_servers": ("192.168.3.53", "192.168.3.54"), "tags": ("a",)})
V6 = replace(
    V4, address="2001:db8::5/64", ip="2001:db8::5", prefix_length=64, family=6, gateway="2001:db8::1"
)


def text(allocation: Allocation, wanted: Format) -> str:
    """An answer as text."""
    return render(allocation, wanted)[0].decode()


def test_text_is_the_address_alone() -> None:
    """Without its mask, with a newline."""
    assert text(V4, Format.TEXT) == "192.168.3.20\n"


def test_proxmox_gets_what_ipconfig_takes() -> None:
    """`qm set --ipconfig0`."""
    assert text(V4, Format.PROXMOX) == "ip=192.168.3.20/24,gw=192.168.3.1\n"
    assert text(V6, Format.PROXMOX) == "ip6=2001:db8::5/64,gw6=2001:db8::1\n"
    assert text(replace(V4, gateway=None), Format.PROXMOX) == "ip=192.168.3.20/24\n"


def test_an_address_that_was_asked_for_without_its_mask_gets_it() -> None:
    """JSON shows it as it was sent; Proxmox would refuse it so, and a shell could not configure anything."""
    bare = replace(V4, address="192.168.3.20")
    assert text(bare, Format.PROXMOX) == text(V4, Format.PROXMOX)
    assert text(bare, Format.ENV) == text(V4, Format.ENV)
    assert '"address":"192.168.3.20",' in text(bare, Format.JSON)


def test_env_is_lines_that_a_shell_sources() -> None:
    """What is absent is empty."""
    assert text(V4, Format.ENV) == (
        "KEY=docker-01-nexus\n"
        "STATE=active\n"
        "IP=192.168.3.20\n"
        "ADDRESS=192.168.3.20/24\n"
        "PREFIX_LENGTH=24\n"
        "NETMASK=255.255.255.0\n"
        "FAMILY=4\n"
        "GATEWAY=192.168.3.1\n"
        "DNS_NAME=docker-01-nexus.spaceships.work\n"
        "DNS_SERVERS='192.168.3.53 192.168.3.54'\n"
        "MAC_ADDRESS=\n"
        "NETBOX_ID=1234567\n"
    )


@pytest.mark.parametrize(
    "evil", ["$(touch /tmp/x)", "`id`", "a'b", 'a"b', "a;b", "a b", "a\nIP=6.6.6.6", "\\"]
)
def test_no_value_runs_in_the_shell_that_sources_it(evil: str) -> None:
    """A DNS name could come from a human's edit in NetBox."""
    script = f'{text(replace(V4, dns_name=evil), Format.ENV)}\nprintf %s "$IP|$DNS_NAME"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == f"192.168.3.20|{evil}"
    assert shlex.quote(evil) in script


def test_json_has_no_room_for_variance() -> None:
    """Members of nested objects are in alphabetical order, and there is no white space."""
    shown = replace(V4, custom_fields={"b": {"z": 1, "a": "ü"}, "a": ["x", None]})
    assert b'"custom_fields":{"a":["x",null],"b":{"a":"\xc3\xbc","z":1}},' in render(shown, Format.JSON)[0]


def test_the_documented_fields_are_those_of_the_answer() -> None:
    """In the same order."""
    assert list(AllocationBody.model_fields) == list(members(V4)) == list(ALLOCATION)


def test_half_a_character_from_upstream_does_not_break_an_answer() -> None:
    """A lone surrogate has no UTF-8."""
    assert json_bytes({"a": "\ud800"}) == b'{"a":"?"}'


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("*/*", Format.JSON),
        ("", Format.JSON),
        ("application/json", Format.JSON),
        ("application/xml", Format.JSON),
        ("text/plain", Format.TEXT),
        ("TEXT/PLAIN; charset=utf-8", Format.TEXT),
        ("text/*", Format.TEXT),
        ("text/plain, application/json", Format.JSON),
        ("text/plain;q=0.9, application/json;q=0.8", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.JSON),
        ("text/plain;q=nonsense", Format.JSON),
    ],
)
def test_accept_prefers_text_or_json(accept: str, wanted: Format) -> None:
    """JSON where both are as welcome."""
    assert choose(None, accept) is wanted


def test_the_query_counts_before_the_header() -> None:
    """`?format=json` is JSON even to a client that prefers text."""
    assert choose(Format.JSON, "text/plain") is Format.JSON


def test_every_format_is_rendered() -> None:
    """None is forgotten."""
    rendered: dict[Format, Any] = {wanted: render(V4, wanted) for wanted in Format}
    assert len({body for body, _ in rendered.values()}) == len(Format)
