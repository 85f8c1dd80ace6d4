"""Which source a secret comes from."""

from pathlib import Path

from app.credentials.environment import EnvironmentSource
from app.credentials.file import FileSource
from app.credentials.infisical import InfisicalPlace, InfisicalSource
from app.credentials.secret import Secret
from app.credentials.sources import SecretMissing, Source


def secret_of(
    variable: str, value: str | None, file: Path | None, infisical: InfisicalPlace | None = None
) -> Secret:
    """The secret that `variable` may hold, a file that `<variable>_FILE` names, or else Infisical.

    Raises:
        SecretMissing: none of them is there, or it cannot be read.
    """
    return Secret(variable, _source(variable, value, file, infisical))


def _source(variable: str, value: str | None, file: Path | None, infisical: InfisicalPlace | None) -> Source:
    if file is not None:
        return FileSource(file)
    if value is not None and value.strip():
        return EnvironmentSource(value)
    if infisical is not None:
        return InfisicalSource(variable, infisical)
    raise SecretMissing(f"neither {variable} nor {variable}_FILE is set")
