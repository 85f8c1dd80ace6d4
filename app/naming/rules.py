"""What every name has to keep, whatever the policy says: RFC 1123 host names, and what NetBox takes.

NetBox's own rule for a DNS name (letters, digits, `-`, `_`, `*`, dots between; a dot at the end; at most 255
characters; measured on 4.3.7 and 4.7.3) is laxer in all but the characters; ours is the stricter of the two.
A virtual machine's name has at most 64 characters in NetBox.

Each rule is a function from a name to what is wrong with it (None: nothing); `HOST_RULES` lists them.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from string import ascii_letters, digits
from typing import TypeAlias

EMPTY = "name.empty"
TOO_LONG = "name.too_long"
TRAILING_DOT = "name.trailing_dot"
EMPTY_LABEL = "name.empty_label"
LABEL_TOO_LONG = "name.label_too_long"
HYPHEN = "name.hyphen"
UNDERSCORE = "name.underscore"
WILDCARD = "name.wildcard"
IDN = "name.idn"
CHARACTER = "name.character"
ADDRESS = "name.address"
NUMERIC = "name.numeric"
NOT_A_LABEL = "name.not_a_label"
PATTERN = "name.pattern"
DOMAIN = "name.domain"
RESERVED = "name.reserved"

MAX_NAME = 253
"""RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters in writing."""
MAX_LABEL = 63
MAX_MACHINE = 64
"""NetBox: VirtualMachine.name."""

_TOLD_ELSEWHERE = "_*"
_BAD = re.compile(rf"[^{ascii_letters}{digits}.{_TOLD_ELSEWHERE}\-\x80-\U0010ffff]")
_SHOWN = 40
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))

Rule: TypeAlias = Callable[[str], str | None]


def empty(name: str) -> str | None:
    """There has to be a name."""
    return None if name else "send a name"


def too_long(name: str) -> str | None:
    """At most 253 characters."""
    return _longer(name, MAX_NAME)


def too_long_for_machine(name: str) -> str | None:
    """At most 64 characters, which is what NetBox keeps of a virtual machine's name."""
    return _longer(name, MAX_MACHINE)


def trailing_dot(name: str) -> str | None:
    """No dot at the end: NetBox would keep it, and the name would be another one."""
    return (
        f"leave the dot at the end out: {_show(name.rstrip('.'))}"
        if name.strip(".") != "" and name.endswith(".")
        else None
    )


def empty_label(name: str) -> str | None:
    """Something has to stand before, between and after the dots."""
    labels = name.removesuffix(".").split(".")
    return "nothing stands before, after or between two dots" if name and "" in labels else None


def label_too_long(name: str) -> str | None:
    """At most 63 characters between two dots."""
    long = [label for label in name.split(".") if len(label) > MAX_LABEL]
    return f"at most {MAX_LABEL} characters between two dots; {_show(*long)} has more" if long else None


def hyphen(name: str) -> str | None:
    """No hyphen at either end of a label."""
    bad = [label for label in name.split(".") if label.startswith("-") or label.endswith("-")]
    return f"a label neither starts nor ends with a hyphen; {_show(*bad)} does" if bad else None


def underscore(name: str) -> str | None:
    """No underscore: NetBox takes it, host names have none."""
    return (
        f"a host name has no underscore; use a hyphen: {_show(name.replace('_', '-'))}"
        if "_" in name
        else None
    )


def wildcard(name: str) -> str | None:
    """No wildcard: an address has one name."""
    return "a wildcard names no host; send the name of the one that gets the address" if "*" in name else None


def idn(name: str) -> str | None:
    """Letters beyond ASCII are written in their A-label form (RFC 5890), which the refusal names."""
    if name.isascii():
        return None
    ascii_form = to_ascii(name)
    if ascii_form is None:
        return "only ASCII letters, digits and hyphens; this name has no ASCII form"
    return f"only ASCII letters, digits and hyphens; the ASCII form of this name is {_show(ascii_form)}"


def character(name: str) -> str | None:
    """Of ASCII: letters, digits, hyphens, and dots between labels."""
    bad = dict.fromkeys(_BAD.findall(name))
    return f"only letters, digits, hyphens and dots between them; not {_show(*bad)}" if bad else None


def address(name: str) -> str | None:
    """Nothing that reads as an IP address."""
    try:
        ipaddress.ip_address(name.strip("."))
    except ValueError:
        return None
    return "this is an address; send the name that it shall have"


def numeric(name: str) -> str | None:
    """The last label is no number: programs take such a name for an address (RFC 3696, section 2)."""
    last = name.removesuffix(".").rpartition(".")[2].lower()
    decimal = last.isascii() and last.isdecimal()
    hexadecimal = last.startswith("0x") and set(last[2:]) <= set("0123456789abcdef")
    return (
        f"the last label is a number, {_show(last)}, which reads as an address"
        if decimal or hexadecimal
        else None
    )


def not_a_label(name: str) -> str | None:
    """A virtual machine's name is a single label."""
    first = name.partition(".")[0]
    return (
        f"the name of a machine has no dot; its domain belongs into the DNS name: {_show(first)}"
        if "." in name
        else None
    )


HOST_RULES: tuple[tuple[str, Rule], ...] = (
    (EMPTY, empty),
    (TOO_LONG, too_long),
    (TRAILING_DOT, trailing_dot),
    (EMPTY_LABEL, empty_label),
    (LABEL_TOO_LONG, label_too_long),
    (HYPHEN, hyphen),
    (UNDERSCORE, underscore),
    (WILDCARD, wildcard),
    (IDN, idn),
    (CHARACTER, character),
    (ADDRESS, address),
    (NUMERIC, numeric),
)
"""A DNS name."""

LABEL_RULES: tuple[tuple[str, Rule], ...] = (
    (EMPTY, empty),
    (NOT_A_LABEL, not_a_label),
    (LABEL_TOO_LONG, label_too_long),
    (HYPHEN, hyphen),
    (UNDERSCORE, underscore),
    (WILDCARD, wildcard),
    (IDN, idn),
    (CHARACTER, character),
    (NUMERIC, numeric),
)
"""A virtual machine's name."""

MACHINE_RULES: tuple[tuple[str, Rule], ...] = (
    (TOO_LONG, too_long_for_machine),
    *(rule for rule in HOST_RULES if rule[0] != TOO_LONG),
)
"""A virtual machine's name where the policy wants whole DNS names."""


def to_ascii(name: str) -> str | None:
    """The A-label form of a name (RFC 5891: normalised, lower case, Punycode), if that is a host name.

    Punycode takes quadratic time, so what is too long anyway is not looked at.
    """
    if len(name) > MAX_NAME:
        return None
    text = unicodedata.normalize("NFKC", name.translate(_DOTS).lower())
    if any(unicodedata.category(each) == "Cs" for each in text):
        return None
    ascii_form = ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in text.split(".")
    )
    broken = any(rule(ascii_form) for code, rule in HOST_RULES if code != IDN)
    return None if broken else ascii_form


def _longer(name: str, limit: int) -> str | None:
    return f"at most {limit} characters; this name has {len(name)}" if len(name) > limit else None


def _show(*parts: str) -> str:
    """Parts of a name as they are quoted to people: printable whatever they hold, and short."""
    shown = [ascii(part if len(part) <= _SHOWN else f"{part[:_SHOWN]}...") for part in parts[:3]]
    return ", ".join(shown) + (", ..." if len(parts) > len(shown) else "")
