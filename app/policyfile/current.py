"""The policy in force, which can be read again while Berth runs."""

from collections.abc import Mapping
from pathlib import Path

from app.domain.policy import Policy
from app.policyfile.load import PolicyWrong, load


class CurrentPolicy:
    """Gives the policy in force. Without a file it is `Policy.default()` for good.

    Raises:
        PolicyWrong: the file cannot be used at start.
    """

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._policy = Policy.default() if path is None else load(path, environ)

    def __call__(self) -> Policy:
        """The policy in force."""
        return self._policy

    def reload(self) -> tuple[str, ...]:
        """Read the file again. What is wrong with it is returned, and the old policy stays in force."""
        if self._path is None:
            return ()
        try:
            self._policy = load(self._path, self._environ)
        except PolicyWrong as wrong:
            return wrong.problems
        return ()
