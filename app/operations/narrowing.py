"""What an API key is narrowed to, as the rule that it may do at most."""

import ipaddress
from functools import lru_cache, partial

from app.domain.credentials import Bounds
from app.domain.rights import Action, NamePattern, Rule
from app.naming.patterns import fits


@lru_cache(maxsize=1024)
def narrowing_of(bounds: Bounds) -> Rule | None:
    """The rule; None where the key may do all that its client may."""
    if not bounds.narrows:
        return None
    return Rule(
        actions=frozenset(map(Action, bounds.actions)) or frozenset(Action),
        networks=tuple(ipaddress.ip_network(each) for each in bounds.prefixes),
        names=tuple(NamePattern(each, partial(fits, each)) for each in bounds.names),
        quota=bounds.quota,
        origin="API key",
    )
