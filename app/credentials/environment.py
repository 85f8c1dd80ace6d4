"""A secret from the environment, which cannot change while the process runs."""


class EnvironmentSource:
    """The value that an environment variable had at start."""

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def read(self) -> str:
        """The secret."""
        return self._value
