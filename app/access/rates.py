"""How fast requests may come, counted by each process for itself: two replicas allow twice as much."""

import time
from dataclasses import dataclass, field

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.access.rules import rules_of
from app.domain.commands import Caller
from app.domain.errors import RateLimited
from app.domain.rights import Rate, Rule


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts the requests of each owner under each rule that has a rate."""

    _limiter: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )

    def take(self, caller: Caller) -> None:
        """Count a request. Of the rules that allow what it is about, one that still has room is enough.

        Raises:
            RateLimited: none has; `retry_after` is when the first has again, in seconds.
        """
        rules = [rule for rule in rules_of(caller) if rule.actions.intersection(caller.doing)]
        rates = [(rule, rule.rate) for rule in rules if rule.rate is not None]
        if rates and len(rates) == len(rules):
            waits = [self._wait(caller.owner, rule, rate) for rule, rate in rates]
            if all(waits):
                raise RateLimited(retry_after=min(waits))
        self._take_narrowed(caller)

    def _take_narrowed(self, caller: Caller) -> None:
        narrowing = caller.narrowing
        if narrowing is None or narrowing.rate is None:
            return
        if wait := self._wait(f"{caller.owner} {caller.credential}", narrowing, narrowing.rate):
            raise RateLimited(retry_after=wait)

    def _wait(self, who: str, rule: Rule, rate: Rate) -> float:
        """Seconds until there is room again; 0 where the request was counted."""
        item = RateLimitItemPerSecond(rate.count, rate.seconds)
        if self._limiter.hit(item, who, rule.origin):
            return 0.0
        return max(1.0, self._limiter.get_window_stats(item, who, rule.origin).reset_time - time.time())
