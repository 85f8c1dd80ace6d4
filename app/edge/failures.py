"""Wrong tokens from one address: counted, and after a number of them nothing is looked up for a while.

Berth's tokens cannot be guessed; this keeps whoever tries from costing anything, and makes it seen. A
request without a token is not counted, for curl and Ansible send one to be asked for Basic credentials.
Each process counts for itself.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.edge.errors import TooManyFailures

FAILURES: Final = 20
_MINUTE: Final = 60.0
_ONE_SITE: Final = 64
"""Whoever has one IPv6 address has 2^64 of them."""


@dataclass(frozen=True, slots=True)
class FailedLogins:
    """Counts wrong tokens by address, at most so many a minute; 0 counts none.

    `told` hears of an address once for each minute in which it has reached the limit.
    """

    most: int = FAILURES
    told: Callable[[str], None] = lambda _address: None
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))

    def check(self, address: str) -> None:
        """Refuse whoever has failed too often, before anything is looked up.

        Raises:
            TooManyFailures: it has; `retry_after` is when a token is looked at again.
        """
        if self.most and not self._limiter.test(self._item, _site(address)):
            raise TooManyFailures(retry_after=_MINUTE)

    def count(self, address: str) -> None:
        """A token from this address was wrong."""
        if self.most:
            self._limiter.hit(self._item, _site(address))
            if not self._limiter.test(self._item, _site(address)):
                self.told(address)

    @property
    def _item(self) -> RateLimitItemPerMinute:
        return RateLimitItemPerMinute(self.most)


def _site(address: str) -> str:
    """What one caller can be taken to have: an IPv4 address, or a /64 of IPv6."""
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is None:
        return str(ipaddress.ip_network((host, _ONE_SITE), strict=False))
    return str(host)
