"""Who may do what: a caller's rules and what its credential is narrowed to, against an action and a place.

Three questions are asked on the way of a request. The door asks whether any rule allows its action at all
(`begin`); whoever finds an object, whether it may be this caller's business (`reaches`); and the operation,
when place, name and owner are known, whether one rule allows it whole (`demand`). A door that forgets to ask
opens nothing: `demand` asks by the action alone then.
"""

from dataclasses import replace
from typing import Final

from app.domain.commands import Caller
from app.domain.errors import Forbidden
from app.domain.inventory import Network
from app.domain.rights import ALL, OWN, PLACELESS, Action, Limit, Rule, Site

_MAKES: Final = frozenset({Action.ALLOCATE, Action.REGISTER})
"""What is made is always one's own, whatever `owners` a rule has."""
_EVERYTHING = (Rule(actions=frozenset(Action) - {Action.OPERATE, Action.KEYS}, origin="token"),)
_AS_OPERATOR = (
    Rule(actions=frozenset(Action), origin="token"),
    Rule(actions=frozenset({Action.READ, Action.AUDIT}), owners=frozenset({OWN, ALL}), origin="token"),
)
_ASK = "Ask an administrator of Berth for a role that has it."


def rules_of(caller: Caller) -> tuple[Rule, ...]:
    """The rules that hold for a caller, within what its credential is narrowed to.

    What is narrowed to places allows nothing that is in no place.
    """
    rules = caller.rules
    if rules is None:
        rules = _AS_OPERATOR if caller.operator else _EVERYTHING
    within = _actions(caller.narrowing) if caller.narrowing else frozenset(Action)
    return tuple(replace(rule, actions=_actions(rule) & within) for rule in rules)


def allows(caller: Caller, *actions: Action) -> bool:
    """Whether any rule allows one of the actions, somewhere."""
    return any(rule.actions.intersection(actions) for rule in rules_of(caller))


def allows_everywhere(caller: Caller, action: Action) -> bool:
    """Whether a rule allows the action without being narrowed to a place or a name."""
    narrowed = caller.narrowing is not None and not caller.narrowing.everywhere
    return not narrowed and any(rule.everywhere and action in rule.actions for rule in rules_of(caller))


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

    Of several actions, those count that the request is about.

    Raises:
        Forbidden: says which rules there are, and that none of them is about this place and name.
    """
    if not allowing(caller, site, *actions):
        raise Forbidden(_missing(caller, site, _asked(caller, actions)))
    check_credential(caller, site)


def allowing(caller: Caller, site: Site, *actions: Action) -> list[Rule]:
    """The rules each of which allows one of the actions at a place; a narrowing is not looked at."""
    wanted = _asked(caller, actions)
    return [rule for rule in rules_of(caller) if _allows_whole(caller, rule, site, wanted)]


def check_credential(caller: Caller, site: Site) -> None:
    """Refuse what lies outside of what the caller's credential is narrowed to.

    Raises:
        Forbidden: says to what it is.
    """
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
    """Whether what an owner has can be this request's business; None stands for everybody's."""
    if owner == caller.owner and owner is not None:
        return True
    owners = _reach(caller, *(frozenset(caller.doing) - _MAKES - {Action.OPERATE}))
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
    rules = allowing(caller, site, *actions)
    if rules and all(rule.quota is not None for rule in rules):
        groups.append(tuple(Limit(rule.quota or 0, rule.networks) for rule in rules))
    narrowing = caller.narrowing
    if narrowing is not None and narrowing.quota is not None:
        groups.append((Limit(narrowing.quota, (), caller.credential),))
    return tuple(groups)


def _actions(rule: Rule) -> frozenset[Action]:
    return rule.actions if rule.everywhere else rule.actions - PLACELESS


def _asked(caller: Caller, actions: tuple[Action, ...]) -> frozenset[Action]:
    return frozenset(actions).intersection(caller.doing) or frozenset(actions)


def _allows_whole(caller: Caller, rule: Rule, site: Site, wanted: frozenset[Action]) -> bool:
    """Whether one rule allows the action, the place, the name, and whose it is. Force is for everybody's."""
    allowed = rule.actions & wanted
    if not allowed or not rule.covers(site):
        return False
    if site.owner is None or Action.OPERATE in allowed:
        return True
    if site.owner == caller.owner:
        return bool(rule.owners & {OWN, ALL, site.owner})
    return bool(allowed - _MAKES and rule.owners & {ALL, site.owner})


def _missing(caller: Caller, site: Site, wanted: frozenset[Action]) -> str:
    actions = " or ".join(f"`{action}`" for action in Action if action in wanted)
    near = [rule for rule in rules_of(caller) if rule.actions & wanted]
    if not near:
        return f"No rule that holds for {caller.owner} allows {actions}. {_ASK}"
    there = "; ".join(f"{rule.origin}: {rule.where}{_whose(rule)}" for rule in near)
    others = " that another owner has" if site.owner not in (None, caller.owner) else ""
    return (
        f"No rule that holds for {caller.owner} allows {actions} for {_told(site)}{others}. It is allowed "
        f"with these: {there}."
    )


def _whose(rule: Rule) -> str:
    return "" if rule.owners == {OWN} else f"; owners {', '.join(sorted(rule.owners))}"


def _told(site: Site) -> str:
    parts = [
        f"prefix {site.network}" if site.network else "",
        f"VRF {site.vrf}" if site.vrf else "",
        f"tenant {site.tenant}" if site.tenant else "",
        f"name {site.name}" if site.name else "",
    ]
    return ", ".join(part for part in parts if part) or "what has no name"
