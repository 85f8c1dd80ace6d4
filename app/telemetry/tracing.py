"""Traces for OpenTelemetry: made only where the environment says where they go, and the SDK is installed.

What OpenTelemetry itself reads of the environment (headers, sampling, certificates) holds here too.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

WANTED: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Either of them says where traces go."""
SERVICE: Final = "berth"
QUERY: Final = "url.query"
"""The attribute that FastAPI fills with the query, which can hold whatever a caller has put there."""
HIDDEN: Final = "[redacted]"


def provider(service: str) -> "TracerProvider":
    """What makes traces in the name of a service.

    Raises:
        ImportError: the extra `otel` is not installed.
    """
    from app.telemetry.spans import provider as made  # noqa: PLC0415 - needs the extra

    return made(service)


def tracer_of(
    environ: Mapping[str, str],
    log: structlog.typing.FilteringBoundLogger,
    make: "Callable[[str], TracerProvider]" = provider,
) -> "TracerProvider | None":
    """What makes the traces, and sends them; None where there shall be none, or cannot."""
    if (
        not any(environ.get(name) for name in WANTED)
        or environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    ):
        return None
    try:
        return make(environ.get("OTEL_SERVICE_NAME") or SERVICE)
    except ImportError:
        log.warning("no traces are made: OpenTelemetry is not installed; install berth-ipam[otel]")
        return None
