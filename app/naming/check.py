"""A name against RFC 1123 and the conventions it falls under: everything that is wrong, at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.errors import Violation
from app.domain.policy import Convention, NamePlace, in_domain
from app.naming.patterns import fits
from app.naming.rules import (
    DOMAIN,
    HOST_RULES,
    LABEL_RULES,
    MACHINE_RULES,
    MAX_NAME,
    PATTERN,
    RESERVED,
    TOO_LONG,
    Rule,
)

DNS_NAME = "/dns_name"
MACHINE_NAME = "/name"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a name. `violations` refuse it; `warnings` are what the policy only warns of."""

    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()


def check(name: str, place: NamePlace, conventions: Iterable[Convention]) -> list[Violation]:
    """Every rule that refuses a DNS name."""
    return list(judge_dns_name(name, place, conventions).violations)


def judge_dns_name(
    name: str, place: NamePlace, conventions: Iterable[Convention], pointer: str = DNS_NAME
) -> Verdict:
    """All that is to be said of a DNS name. `pointer` is where the request has it."""
    return _judge(name, place, conventions, HOST_RULES, pointer)


def judge_machine_name(
    name: str,
    place: NamePlace,
    conventions: Iterable[Convention],
    pointer: str = MACHINE_NAME,
    *,
    in_domains: bool = False,
) -> Verdict:
    """All that is to be said of a virtual machine's name: a label, or a whole DNS name if `in_domains`."""
    return _judge(name, place, conventions, MACHINE_RULES if in_domains else LABEL_RULES, pointer)


def covering(name: str, place: NamePlace, conventions: Iterable[Convention]) -> list[Convention]:
    """The conventions that a name falls under. A dot at its end, or capitals, do not take it out of them."""
    return [each for each in conventions if each.scope.covers(_plain(name), place)]


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _judge(
    name: str,
    place: NamePlace,
    conventions: Iterable[Convention],
    rules: Sequence[tuple[str, Rule]],
    pointer: str,
) -> Verdict:
    broken = [Violation(pointer, code, detail) for code, rule in rules if (detail := rule(name))]
    warnings: list[Violation] = []
    for convention in covering(name, place, conventions):
        found = [Violation(pointer, code, detail) for code, detail in _breaches(_plain(name), convention)]
        (broken if convention.refuse else warnings).extend(found)
    return Verdict(tuple(broken), tuple(warnings))


def _breaches(name: str, convention: Convention) -> Iterator[tuple[str, str]]:
    """What a plain name breaks of one convention, with what people are told."""
    told, called = convention.messages, f"(convention {convention.name})"
    if convention.pattern and len(name) <= MAX_NAME and not fits(convention.pattern, name):
        yield PATTERN, told.get("pattern", f"the name does not match {convention.pattern} {called}")
    if convention.domains and not in_domain(name, convention.domains):
        domains = ", ".join(convention.domains)
        yield DOMAIN, told.get("domain", f"the name has to lie in {domains} {called}")
    if not convention.reserved.isdisjoint((name, name.partition(".")[0])):
        yield RESERVED, told.get("reserved", f"the name is reserved {called}")
    limit = convention.max_length
    if limit is not None and len(name) > limit:
        yield TOO_LONG, told.get("too_long", f"at most {limit} characters {called}")
