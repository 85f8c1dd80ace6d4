"""Logs: JSON, one object a line, or a form for people at a terminal. Secrets are taken out of both.

JSON escapes control characters and everything beyond ASCII; the form for people escapes control characters;
so no value can begin a line of its own or drive the terminal of whoever reads the log.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

REDACTED: Final = "[redacted]"
MAX_DEPTH: Final = 8

SECRET_NAMES = re.compile(
    r"authorization|password|passwd|secret|token|cookie|api_?key|credential|pepper|private_?key",
    re.IGNORECASE,
)
SECRET_VALUES = re.compile(
    r"(?P<scheme>\b(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]{6,}"  # an Authorization header
    r"|\bberth(?:enrol)?_[A-Za-z0-9]+_[A-Za-z0-9]+"  # Berth's API keys and enrolment tokens
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # signed tokens (JWT)
    r"|\bnbt_[A-Za-z0-9]+\.[A-Za-z0-9]+"  # NetBox's tokens, version 2
    r"|\b[0-9a-f]{40}\b"  # NetBox's tokens, version 1
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",  # a password in a URL
    re.IGNORECASE,
)

_SUSPICIOUS = re.compile(r"[_\s:]|eyJ", re.IGNORECASE)
_SUSPICIOUS_LENGTH: Final = 40
"""Of what `SECRET_VALUES` finds, all holds one of these or is so long. Most texts are neither."""
_NAMES_KNOWN: Final = 1024

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Form = Literal["json", "console"]


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of an event, by the names of its fields and by the look of its values."""
    return {name: _redacted(name, value, 0) for name, value in event.items()}


@lru_cache(_NAMES_KNOWN)
def _is_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None


def _without_secrets(text: str) -> str:
    if len(text) < _SUSPICIOUS_LENGTH and not _SUSPICIOUS.search(text):
        return text
    return SECRET_VALUES.sub(lambda found: (found["scheme"] or "") + REDACTED, text)


def _redacted(name: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever is logged
    if value and _is_secret(name):
        return REDACTED
    if isinstance(value, str):
        return _without_secrets(value)
    return REDACTED if depth == MAX_DEPTH else _redacted_inside(value, depth)


def _redacted_inside(value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever is logged
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_redacted("", item, depth + 1) for item in value]
    return value


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Write control characters as escapes, for a terminal. A traceback keeps its lines."""
    return {name: _escaped(name, value) for name, value in event.items()}


def _escaped(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever is logged
    if value is None or isinstance(value, bool | int | float):
        return value
    kept = "\n" if name == "exception" else ""
    return CONTROLS.sub(lambda found: found[0] if found[0] in kept else _escape(found[0]), str(value))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _renderers(form: Form) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return [escape_controls, console]


def for_people(event: Mapping[str, Any]) -> str:
    """An event as a line in the form for people."""
    line: Any = {**event}
    for processor in (redact, *_renderers("console")):
        line = processor(None, "info", line)
    return str(line)


class _Lines(structlog.PrintLogger):
    """Writes lines, and loses what cannot be written (a full disk, a closed pipe): no request fails by it."""

    def msg(self, message: str) -> None:
        """Write a line."""
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def make_logger(
    stream: TextIO | None = None, *, form: Form = "json", level: str = "info"
) -> FilteringBoundLogger:
    """A logger that writes lines to a stream (standard output), independent of any global setting."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(stream or sys.stdout),
        processors=[*_shared(), *_renderers(form)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return logger.bind()  # unbound, it would put itself together for every line anew


def configure_logs(
    stream: TextIO | None = None, *, form: Form = "json", level: str = "info"
) -> FilteringBoundLogger:
    """Make the logger for the process, and send what libraries log to its stream as well."""
    structlog.configure(
        processors=[*_shared(), *_renderers(form)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _Lines(stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form)],
        )
    )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # which may have handlers of their own
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    return make_logger(stream, form=form, level=level)
