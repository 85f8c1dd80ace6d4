"""A secret from Infisical, read by its SDK in a process of its own.

The SDK holds Python's global lock for the whole call and knows no timeout, so that a server which does not
answer would stop every request: a child process with a hard end reads the secret. The SDK answers with an
environment variable of the secret's name where Infisical refuses it: the child's environment is empty. Its
cache never lets go of a value that is asked for often, and its access token is never renewed: each reading
is a new client without a cache.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.credentials.sources import SecretMissing

CHILD: Final = (sys.executable, "-I", str(Path(__file__).with_name("infisical_child.py")))
_PASSED_ON: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""All that the child gets of the environment: the certificates of a private authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfisicalPlace:
    """Where in Infisical secrets are, and who reads them (universal authentication).

    `client_secret` is asked at each reading, so that it can be rotated as well. `seconds` limits a reading.
    """

    url: str
    client_id: str
    client_secret: Callable[[], str] = field(repr=False)
    project: str
    environment: str
    path: str
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class InfisicalSource:
    """The secret of one name at a place."""

    name: str
    place: InfisicalPlace

    def read(self) -> str:
        """The secret as Infisical has it now, at the latest after the place's seconds.

        Raises:
            SecretMissing: Infisical refuses it, does not have it, does not answer, or answers nonsense.
        """
        answer = self._answer(self._asked())
        value = answer.get("value")
        if not isinstance(value, str) or not value.strip():
            raise self._missing(str(answer.get("problem") or "it is empty"))
        return value.strip()

    def _asked(self) -> str:
        place = self.place
        return json.dumps(
            {
                "site_url": place.url.rstrip("/").removesuffix("/api").rstrip("/"),
                "client_id": place.client_id,
                "client_secret": place.client_secret(),
                "project_id": place.project,
                "environment": place.environment,
                "path": place.path,
                "name": self.name,
            }
        )

    def _answer(self, asked: str) -> dict[str, Any]:
        """What the child says. Whatever it writes besides may hold a secret, and is not passed on."""
        environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            child = subprocess.run(  # noqa: S603 - our own file, by the Python that runs us
                CHILD,
                input=asked,
                env=environ,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.place.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._missing(f"no answer within {self.place.seconds:g} s") from None
        try:
            answer = json.loads(child.stdout)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._missing(f"the SDK ended with status {child.returncode} and said nothing")
        return answer

    def _missing(self, reason: str) -> SecretMissing:
        place = self.place
        where = f"{place.path} of environment {place.environment}, project {place.project}"
        return SecretMissing(f"{self.name} cannot be read from Infisical at {place.url} ({where}): {reason}")
