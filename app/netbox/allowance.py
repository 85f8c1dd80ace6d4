"""What a gateway in front of NetBox lets us ask, by its `X-RateLimit-*` headers; NetBox itself sends none.

There is no standard for these headers. What most gateways mean: so many calls in a window (`Limit`), so many
left of them (`Remaining`), and when the window ends (`Reset`), in seconds from now or as a Unix time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_A_UNIX_TIME: Final = 1e9
"""What is larger is no number of seconds to wait: those would be thirty years."""
_LONGEST: Final = 300.0
_NEAR_ZERO: Final = 0.1
_FEW: Final = 5.0
_GUESS: Final = 60.0
"""Seconds that a window lasts which does not say so."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many calls are left of `limit`, for `seconds` more; NaN where a header is missing or senseless."""

    remaining: float
    limit: float
    seconds: float

    @property
    def pause(self) -> float:
        """Seconds to wait before the next call: 0 while there is plenty.

        Near zero (a tenth of the limit, or five) what is left is spread over the rest of the window; when
        nothing is left, the rest of the window is waited for. At most 300 seconds.
        """
        few = max(_FEW, self.limit * _NEAR_ZERO) if self.limit == self.limit else _FEW
        if self.remaining > few:
            return 0.0
        rest = self.seconds if self.seconds == self.seconds else _GUESS
        return min(_LONGEST, rest / (self.remaining + 1))


def allowance_of(headers: Mapping[str, str], now: float) -> Allowance | None:
    """What an answer's headers say; None if they do not say how many are left. `now` is a Unix time."""
    remaining = _number(headers.get("X-RateLimit-Remaining"))
    if math.isnan(remaining):
        return None
    reset = _number(headers.get("X-RateLimit-Reset"))
    seconds = max(0.0, reset - now) if reset > _A_UNIX_TIME else reset
    return Allowance(remaining, _number(headers.get("X-RateLimit-Limit")), seconds)


def _number(text: str | None) -> float:
    """A number that is finite and not negative, of the first item of a list; else NaN."""
    try:
        value = float((text or "").partition(",")[0].partition(";")[0])
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value >= 0 else math.nan
