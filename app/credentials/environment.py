"""A token from the environment, which cannot change while the process runs."""


class EnvironmentToken:
    """The value that an environment variable had at start."""

    def __init__(self, value: str) -> None:
        self._token = value.strip()

    def current(self) -> str:
        """The token."""
        return self._token

    async def refresh(self) -> bool:
        """False: the environment of a process does not change."""
        return False
