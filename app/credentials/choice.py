"""Which source a token comes from."""

from pathlib import Path

from app.credentials.environment import EnvironmentToken
from app.credentials.file import FileToken
from app.credentials.sources import SecretMissing, TokenSource


def token_source(variable: str, value: str | None, file: Path | None) -> TokenSource:
    """The source for a token that `variable` may hold, or a file that `<variable>_FILE` names.

    Raises:
        SecretMissing: neither is there, or the file cannot be read.
    """
    if file is not None:
        return FileToken(file)
    if value is not None and value.strip():
        return EnvironmentToken(value)
    raise SecretMissing(f"neither {variable} nor {variable}_FILE is set")
