"""Berth's own certificate: loaded at start, and read again on SIGHUP for the connections that come after."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import Settings, SettingsWrong, variable


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain and its key, in PEM files."""

    certificate: Path
    key: Path
    context: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def load(self) -> str:
        """Read both files; what is wrong with them, or nothing. Then those read before stay in use."""
        try:
            # Into a context of its own first: a key that does not belong to it would spoil the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, _no_password)
            self.context.load_cert_chain(self.certificate, self.key, _no_password)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or "not in PEM"
            return f"{self.certificate} and {self.key} are no certificate and its key ({reason})"
        return ""


def _no_password() -> str:
    raise ValueError("the key has a password, which nobody is there to type")


def certificate_of(settings: Settings) -> Certificate | None:
    """The certificate that the settings name; None where Berth speaks plain HTTP.

    Raises:
        SettingsWrong: it cannot be used.
    """
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    certificate = Certificate(settings.tls_cert_file, settings.tls_key_file)
    certificate.context.minimum_version = ssl.TLSVersion.TLSv1_2
    if problem := certificate.load():
        raise SettingsWrong([f"{variable('tls_cert_file')}: {problem}"])
    return certificate
