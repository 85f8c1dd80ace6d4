"""What NetBox says about itself."""

import re
from typing import Final

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import ServerFacts
from app.netbox.cache import Cache
from app.netbox.resilience import Line
from app.netbox.translate import Row
from app.netbox.wire import Question, Reply

OLDEST: Final = (4, 3, 0)
_KEPT_SECONDS: Final = 300.0
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class Facts:
    """`GET /api/status/`, remembered for five minutes: NetBox may be upgraded while Berth runs."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._cache = Cache(_KEPT_SECONDS, line.clock)

    async def __call__(self) -> ServerFacts:
        """The version, and whether it is the emulator. Raises as every read does."""
        return await self._cache.get("facts", self._fetch)

    async def reply(self) -> Reply:
        """The answer itself, not remembered."""
        return await self._line.ask(Question(method="GET", path="status/", endpoint="status/"))

    async def _fetch(self) -> ServerFacts:
        reply = await self.reply()
        return facts_of(reply)


def facts_of(reply: Reply) -> ServerFacts:
    """The facts in a status answer; suffixes such as `-Docker-3.1` or `-beta1` are passed over."""
    text = Row(reply.data, "its status").text("netbox-version")
    match = _VERSION.match(text)
    if match is None:
        raise NetBoxNonsense(f"NetBox calls its version {text[:40]!r}")
    major, minor, patch = (int(part or 0) for part in match.groups())
    return ServerFacts((major, minor, patch), emulator=reply.emulator)
