"""The program that reads one secret from Infisical: asked on standard input, answering on standard output.

It imports nothing of Berth's. The SDK's errors may quote what it sent and what came back: none of their text
is passed on but the status that the server answered.
"""

import json
import re
import resource
import sys
from contextlib import suppress
from typing import Any, Final

from infisical_client import (
    AuthenticationOptions,
    ClientSettings,
    GetSecretOptions,
    InfisicalClient,
    UniversalAuthMethod,
)

_HIDDEN: Final = "<hidden-by-infisical>"
_STATUS: Final = re.compile(r"\(status (\d{3}) ")
_WORDS: Final = {
    "Failed to authenticate": "the client id or the client secret is not accepted (401)",
    "not found": "there is no such secret there, or this identity may not see it (404)",
    "error decoding": "the answer is not Infisical's",
    "error trying to connect": "no connection comes about",
    "builder error": "the address is none that can be called",
}


def _read(asked: dict[str, str]) -> dict[str, str]:
    who = UniversalAuthMethod(client_id=asked["client_id"], client_secret=asked["client_secret"])
    auth = AuthenticationOptions(universal_auth=who)
    client = InfisicalClient(ClientSettings(site_url=asked["site_url"], cache_ttl=0, auth=auth))
    options = GetSecretOptions(
        environment=asked["environment"],
        project_id=asked["project_id"],
        secret_name=asked["name"],
        path=asked["path"],
    )
    return _checked(client.getSecret(options=options))


def _checked(secret: Any) -> dict[str, str]:  # noqa: ANN401 - the SDK ships no types
    if secret.is_fallback:
        return {"problem": "it was refused, and the SDK answered with something else"}
    if secret.secret_value == _HIDDEN:
        return {"problem": "this identity may see that it exists, and not its value"}
    return {"value": secret.secret_value}


def _problem(error: BaseException) -> str:
    text = str(error)
    if status := _STATUS.search(text):
        return f"the server answered {status[1]}"
    known = (words for part, words in _WORDS.items() if part in text)
    return next(known, f"the SDK failed ({type(error).__name__})")


def main() -> None:
    """Answer one question."""
    with suppress(OSError, ValueError):  # a sandbox may forbid it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.read())
    try:
        answer = _read(asked)
    except BaseException as error:  # noqa: BLE001 - a panic of the SDK's is a BaseException
        answer = {"problem": _problem(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
