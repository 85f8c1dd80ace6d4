"""The pepper under which API keys are kept: from the settings, or beside the database of a single process."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from app.credentials.file import read_secret

FILE = "pepper"


def pepper_of(value: str | None, file: Path | None, folder: Path | None) -> bytes | None:
    """The pepper that is set, or the one in a file of the folder, which is made if it is not there.

    Args:
        value: what the settings say.
        file: where they say that it is.
        folder: the folder of a database that one process alone has; None where several share one, each of
            which would make its own.

    Returns:
        The pepper; None if there is none.

    Raises:
        SecretMissing: a file cannot be read or made.
    """
    if file is not None:
        return read_secret(file).encode()
    if value is not None:
        return value.encode()
    return None if folder is None else _beside(folder / FILE)


def _beside(path: Path) -> bytes:
    """The pepper in a file that only Berth can read; a new one if there is no such file."""
    with suppress(OSError):  # it is there, or cannot be made: reading it says which
        path.parent.mkdir(parents=True, exist_ok=True)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    return read_secret(path).encode()
