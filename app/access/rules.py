"""Who may do what: a caller's rules and what its credential is narrowed to, against an action and a place.

Three questions are asked on the way of a request. The door asks whether any rule allows its action at all
(`begin`); the operation, when place and name are known, whether one of them is about these (`demand`); and
whoever reads an object, whether it may be this caller's business (`reaches`).
"""

from dataclasses import replace

from app.domain.commands import Caller
from app.domain.errors import Forbidden
from app.domain.inventory import Network
from app.domain.rights import ALL, OWN, Action, Limit, Rule, Site

_EVERYTHING = Rule(actions=frozenset(Action) - {Action.OPERATE, Action.KEYS}, origin="token")
_AS_OPERATOR = Rule(actions=frozenset(Action), owners=frozenset({OWN, ALL}), origin="token")
_ASK = "Ask an administrator of Berth for a role that has it."


def rules_of(caller: Caller) -> tuple[Rule, ...]:
    """The rules that hold for a caller, within what its credential is narrowed to."""
    rules = caller.rules
    if rules is None:
        rules = (_AS_OPERATOR,) if caller.operator else (_EVERYTHING,)
    if caller.narrowing is None:
        return rules
    within = caller.narrowing.actions
    return tuple(replace(rule, actions=rule.actions & within) for rule in rules)


def allows(caller: Caller, *actions: Action) -> bool:
    """Whether any rule allows one of the actions, somewhere."""
    return any(rule.actions.intersection(actions) for rule in rules_of(caller))


def begin(caller: Caller, *actions: Action) -> Caller:
    """The caller, about to do one of these.

    Raises:
        Forbidden: no rule of its allows any of them.
    """
    if not allows(caller, *actions):
        wanted = " or ".join(f"`{action}`" for action in actions)
        raise Forbidden(f"No rule that holds for {caller.owner} allows {wanted}. {_ASK}")
    return replace(caller, doing=actions)


def demand(caller: Caller, site: Site, *actions: Action) -> None:
    """Refuse one of the actions, where no rule allows any of them at a place.

    Where nobody asked (a restart, the reconciler), nothing is refused.

    Raises:
        Forbidden: says which rules there are, and that none of them is about this place and name.
    """
    if not caller.doing:
        return
    wanted = frozenset(actions)
    if not _covering(caller, site, wanted):
        raise Forbidden(_missing(caller, site, wanted))
    narrowing = caller.narrowing
    if narrowing is not None and not narrowing.covers(site):
        raise Forbidden(f"This credential is narrowed to {narrowing.where}, and {_told(site)} is not in it.")


def is_allowed(caller: Caller, site: Site, *actions: Action) -> bool:
    """Whether `demand` lets it pass."""
    try:
        demand(caller, site, *actions)
    except Forbidden:
        return False
    return True


def reaches_into(caller: Caller, network: Network, vrf: str | None, *actions: Action) -> bool:
    """Whether one of the actions is allowed in a prefix, under some name."""
    narrowing = caller.narrowing
    rules = [rule for rule in rules_of(caller) if rule.actions.intersection(actions)]
    within = narrowing is None or narrowing.reaches_into(network, vrf)
    return within and any(rule.reaches_into(network, vrf) for rule in rules)


def reaches(caller: Caller, owner: str | None) -> bool:
    """Whether what an owner has is this request's business; None stands for everybody's."""
    if owner == caller.owner and owner is not None:
        return True
    owners = _reach(caller, *caller.doing)
    return ALL in owners or owner in owners


def owners_of(caller: Caller, wanted: str | None, action: Action) -> frozenset[str] | None:
    """The owners whose objects an action is about: the one asked for, or all; None: everybody's."""
    others = _reach(caller, action)
    if wanted is None:
        return None if ALL in others else others | {caller.owner}
    return frozenset({wanted} if wanted == caller.owner or others & {wanted, ALL} else ())


def _reach(caller: Caller, *actions: Action) -> frozenset[str]:
    rules = [rule for rule in rules_of(caller) if rule.actions.intersection(actions)]
    return frozenset(owner for rule in rules for owner in rule.owners if owner != OWN)


def limits(caller: Caller, site: Site, *actions: Action) -> tuple[tuple[Limit, ...], ...]:
    """How many addresses may be held: of each group, one limit that is not reached is enough."""
    groups: list[tuple[Limit, ...]] = []
    rules = _covering(caller, site, frozenset(actions)) if caller.doing else []
    if rules and all(rule.quota is not None for rule in rules):
        groups.append(tuple(Limit(rule.quota or 0, rule.networks) for rule in rules))
    narrowing = caller.narrowing
    if narrowing is not None and narrowing.quota is not None:
        groups.append((Limit(narrowing.quota, (), caller.credential),))
    return tuple(groups)


def _covering(caller: Caller, site: Site, wanted: frozenset[Action]) -> list[Rule]:
    return [rule for rule in rules_of(caller) if rule.actions & wanted and rule.covers(site)]


def _missing(caller: Caller, site: Site, wanted: frozenset[Action]) -> str:
    actions = " or ".join(f"`{action}`" for action in Action if action in wanted)
    near = [rule for rule in rules_of(caller) if rule.actions & wanted]
    if not near:
        return f"No rule that holds for {caller.owner} allows {actions}. {_ASK}"
    there = "; ".join(f"{rule.origin}: {rule.where}" for rule in near)
    return (
        f"No rule that holds for {caller.owner} allows {actions} for {_told(site)}. It is allowed with "
        f"these: {there}."
    )


def _told(site: Site) -> str:
    parts = [
        f"prefix {site.network}" if site.network else "",
        f"VRF {site.vrf}" if site.vrf else "",
        f"tenant {site.tenant}" if site.tenant else "",
        f"name {site.name}" if site.name else "",
    ]
    return ", ".join(part for part in parts if part) or "what has no name"
