"""A secret from a file, as Docker, Kubernetes and systemd hand them out: replaced in place when rotated."""

from pathlib import Path

from app.credentials.sources import SecretMissing

_LONGEST = 64 * 1024


class FileSource:
    """The content of a file, without white space around it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """The secret; raises `SecretMissing` as `read_secret` does."""
        return read_secret(self._path)


def read_secret(path: Path) -> str:
    """The content of a file that holds one secret.

    Raises:
        SecretMissing: it cannot be read, or is empty.
    """
    try:
        with path.open(encoding="utf-8") as file:
            secret = file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SecretMissing(f"the file {path} cannot be read: {reason}") from None
    if not secret:
        raise SecretMissing(f"the file {path} is empty")
    return secret
