"""From the file's models to the domain's frozen values, and what is checked across several fields."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TypeAlias

from app.domain.commands import UNSET
from app.domain.identity import ClaimMapping, Issuer
from app.domain.policy import Client, Convention, NamePlace, Policy, PrefixSection, Scope
from app.domain.rights import OWN, PLACELESS, ROLES, NamePattern, Rule
from app.naming.check import judge_dns_name, judge_machine_name
from app.naming.patterns import fits
from app.policyfile.models import (
    ClientModel,
    DnsConventionModel,
    IssuerModel,
    MachineConventionModel,
    MessagesModel,
    NamesModel,
    PolicyModel,
    PrefixModel,
    RuleModel,
    RulesModel,
    ScopeModel,
)

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the policy, and where."""

    path: Path
    detail: str


def freeze(model: PolicyModel, digests: Mapping[str, tuple[str, ...]], sha256: str) -> Policy:
    """The policy. `digests` holds those of the clients' tokens, by client."""
    names = model.names or NamesModel()
    sections = [_section(each) for each in model.prefixes or ()]
    if model.defaults is not None:
        sections.append(_section(model.defaults))
    return Policy(
        sha256=sha256,
        sections=tuple(sections),
        dns_names=tuple(_convention(each) for each in names.dns or ()),
        machine_names=tuple(_convention(each) for each in names.machines or ()),
        machines_in_domains=names.machine_form == "host",
        domain_tags=_domain_tags(model),
        clients=tuple(
            Client(
                name=name,
                digests=digests.get(name, ()),
                default_tags=tuple(client.default_tags or ()),
                rules=_rules(name, client, model),
            )
            for name, client in (model.clients or {}).items()
        ),
        issuers=tuple(_issuer(each, model) for each in model.issuers or ()),
    )


def problems(model: PolicyModel) -> Iterator[Problem]:
    """What is wrong although every field by itself is right."""
    yield from _prefix_problems(model.prefixes or ())
    yield from _default_problems(model.defaults)
    names = model.names or NamesModel()
    for kind, conventions in (("dns", names.dns or ()), ("machines", names.machines or ())):
        yield from _convention_problems(("names", kind), conventions, names)
    for role, rules in (model.roles or {}).items():
        if role in ROLES:
            yield Problem(("roles", role), f"{role} is a role of Berth's own; call yours otherwise")
        yield from _rule_problems(("roles", role), rules)
    for name, client in (model.clients or {}).items():
        yield from _client_problems(name, client, model)
    yield from _issuer_problems(model)


def _client_problems(name: str, client: ClientModel, model: PolicyModel) -> Iterator[Problem]:
    here = ("clients", name)
    if client.roles is None and client.rules is None:
        yield Problem(here, f"say what it may do: roles ({', '.join(ROLES)}, or your own) or rules")
    for index, role in enumerate(client.roles or ()):
        yield from _unknown((*here, "roles", index), "role", role, [*ROLES, *(model.roles or {})])
    yield from _rule_problems((*here, "rules"), client.rules or ())


def _rule_problems(here: Path, rules: Iterable[RuleModel]) -> Iterator[Problem]:
    for index, each in enumerate(rules):
        for action in sorted(PLACELESS.intersection(each.actions)):
            if each.prefixes or each.vrfs or each.tenants or each.names:
                detail = (
                    f"`{action}` is of no place: allow it in a rule without prefixes, vrfs, tenants and names"
                )
                yield Problem((*here, index, "actions"), detail)


def _unknown(path: Path, kind: str, name: str, known: Sequence[str]) -> Iterator[Problem]:
    """A problem where a name is none of those that there are."""
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known) or 'none'}"
        yield Problem(path, f"there is no {kind} {name}{hint}")


def _issuer_problems(model: PolicyModel) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, each in enumerate(model.issuers or ()):
        here = ("issuers", index)
        if each.issuer in seen:
            yield Problem((*here, "issuer"), f"{each.issuer} has an entry already")
        seen.add(each.issuer)
        for number, mapping in enumerate(each.clients):
            at = (*here, "clients", number)
            yield from _unknown((*at, "client"), "client", mapping.client, [*(model.clients or {})])
            for place, role in enumerate(mapping.roles or ()):
                yield from _unknown((*at, "roles", place), "role", role, [*ROLES, *(model.roles or {})])


def _rules(name: str, client: ClientModel, model: PolicyModel) -> tuple[Rule, ...]:
    """The rules of a client's roles, and its own."""
    own = _numbered(f"client {name}", client.rules or ())
    return (*_of_roles(client.roles or (), model), *own)


def _of_roles(roles: Iterable[str], model: PolicyModel) -> Iterator[Rule]:
    for role in roles:
        yield from ROLES.get(role, ())
        yield from _numbered(role, (model.roles or {}).get(role, ()))


def _issuer(given: IssuerModel, model: PolicyModel) -> Issuer:
    return Issuer(
        url=given.issuer,
        audiences=_several(given.audience),
        algorithms=tuple(given.algorithms or ("RS256",)),
        jwks_uri=given.jwks_uri or "",
        mappings=tuple(
            ClaimMapping(
                client=each.client,
                claims={claim: _several(value) for claim, value in each.claims.items()},
                rules=None if each.roles is None else tuple(_of_roles(each.roles, model)),
            )
            for each in given.clients
        ),
    )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _numbered(origin: str, models: Iterable[RuleModel]) -> Iterator[Rule]:
    for number, each in enumerate(models, 1):
        yield Rule(
            actions=frozenset(each.actions),
            networks=tuple(each.prefixes or ()),
            vrfs=tuple(each.vrfs or ()),
            tenants=tuple(each.tenants or ()),
            names=tuple(NamePattern(text, partial(fits, text)) for text in each.names or ()),
            owners=frozenset(each.owners or (OWN,)),
            quota=each.quota,
            rate=each.rate,
            origin=f"{origin} #{number}",
        )


def _section(rules: RulesModel) -> PrefixSection:
    given = rules if isinstance(rules, PrefixModel) else None
    return PrefixSection(
        network=given.prefix if given else None,
        vrf=given.vrf if given and "vrf" in given.model_fields_set else UNSET,
        gateway=rules.gateway,
        record_gateway=rules.record_gateway,
        dns_servers=None if rules.dns_servers is None else tuple(rules.dns_servers),
        allow=None if rules.allow is None else frozenset(rules.allow),
        shared_roles=rules.shared_roles,
        default_tags=None if rules.default_tags is None else tuple(rules.default_tags),
    )


def _convention(model: MachineConventionModel) -> Convention:
    scope = model.scope or ScopeModel()
    unique = model.unique if isinstance(model, DnsConventionModel) else None
    return Convention(
        name=model.name,
        scope=Scope(
            domains=tuple(scope.domains or ()),
            networks=tuple(scope.prefixes or ()),
            vrfs=tuple(scope.vrfs or ()),
            tenants=tuple(scope.tenants or ()),
            roles=tuple(scope.roles or ()),
        ),
        pattern=model.pattern or "",
        domains=tuple(model.allowed_domains or ()),
        reserved=frozenset(model.reserved or ()),
        max_length=model.max_length,
        refuse=model.enforce != "warn",
        unique=None if unique is None else unique == "vrf",
        messages=(model.messages or MessagesModel()).model_dump(exclude_none=True),
    )


def _domain_tags(model: PolicyModel) -> dict[str, tuple[str, ...]]:
    domains = model.tags.domains if model.tags else None
    return {domain: tuple(tags) for domain, tags in (domains or {}).items()}


def _prefix_problems(prefixes: Iterable[PrefixModel]) -> Iterator[Problem]:
    seen: set[object] = set()
    for index, each in enumerate(prefixes):
        place = (each.prefix, each.vrf, "vrf" in each.model_fields_set)
        if place in seen:
            yield Problem(("prefixes", index, "prefix"), f"{each.prefix} has an entry for this VRF already")
        seen.add(place)
        if each.gateway is not None and not each.gateway.speaks_of(each.prefix):
            detail = f"{each.gateway.value} does not lie in {each.prefix}"
            yield Problem(("prefixes", index, "gateway"), detail)


def _default_problems(defaults: RulesModel | None) -> Iterator[Problem]:
    if defaults is not None and defaults.gateway is not None and defaults.gateway.kind == "literal":
        yield Problem(("defaults", "gateway"), "one address cannot be the gateway of every prefix")


def _convention_problems(
    path: Path, models: Iterable[MachineConventionModel], names: NamesModel
) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, model in enumerate(models):
        here = (*path, index)
        if model.name in seen:
            yield Problem((*here, "name"), f"another convention is called {model.name}")
        seen.add(model.name)
        scope = model.scope or ScopeModel()
        if isinstance(model, DnsConventionModel) and model.unique and (scope.tenants or scope.roles):
            detail = "uniqueness cannot depend on tenants or roles; scope it by domain, prefix or VRF"
            yield Problem((*here, "unique"), detail)
        for number, example in enumerate(model.examples or ()):
            for detail in _breaches(model, example, names):
                yield Problem((*here, "examples", number), detail)


def _breaches(model: MachineConventionModel, example: str, names: NamesModel) -> Iterator[str]:
    """What an example breaks of the convention, wherever that holds."""
    unscoped = _convention(model.model_copy(update={"scope": None, "messages": None, "enforce": None}))
    if isinstance(model, DnsConventionModel):
        verdict = judge_dns_name(example, NamePlace(), [unscoped])
    else:
        verdict = judge_machine_name(
            example, NamePlace(), [unscoped], in_domains=names.machine_form == "host"
        )
    return (each.detail for each in verdict.violations)
