"""Logs: one object a line, without secrets."""

import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.logs import REDACTED, SECRET_VALUES, Form, configure_logs, make_logger


def logged(form: Form = "json", level: str = "info", **fields: Any) -> str:  # noqa: ANN401
    """What a line says."""
    stream = io.StringIO()
    make_logger(stream, form=form, level=level).info("happened", **fields)
    return stream.getvalue()


@given(st.from_regex(SECRET_VALUES), st.text(alphabet="a-. ", max_size=3))
def test_no_secret_is_too_plain_to_be_looked_for(secret: str, around: str) -> None:
    """Texts without a suspicious character are passed over, and none that is a secret is among them."""
    text = f"{around}{secret}{around}"
    assert json.loads(logged(detail=text))["detail"] == SECRET_VALUES.sub(
        lambda found: (found["scheme"] or "") + REDACTED, text
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Bearer abc"),
        ("netbox_token", "abc"),
        ("password", "hunter2"),
        ("api_key", "abc"),
        ("apikey", "abc"),
        ("Cookie", "session=abc"),
        ("pepper", "abc"),
        ("client_secret", {"nested": "abc"}),
    ],
)
def test_a_secret_is_told_by_its_name(name: str, value: object) -> None:
    """Whatever it looks like."""
    assert json.loads(logged("json", "info", **{name: value}))[name] == REDACTED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdef.ghi", f"Authorization: Bearer {REDACTED}"),
        ("Token 0123456789abcdef", f"Token {REDACTED}"),
        ("key berth_7f3a_9xYz1234 used", f"key {REDACTED} used"),
        ("nbt_abc123.def456", REDACTED),
        ("0123456789abcdef0123456789abcdef01234567", REDACTED),
        ("postgresql://berth:hunter2@db/berth", f"postgresql://{REDACTED}@db/berth"),
        ("a token is missing", "a token is missing"),
        ("berth_key and berth_owner", "berth_key and berth_owner"),
    ],
)
def test_a_secret_is_told_by_its_look(text: str, shown: str) -> None:
    """Wherever it stands; ordinary words stay."""
    assert json.loads(logged(detail=text, nested=[{"x": text}])) | {"timestamp": ""} == {
        "event": "happened",
        "level": "info",
        "timestamp": "",
        "detail": shown,
        "nested": [{"x": shown}],
    }


def test_an_exception_is_redacted_too() -> None:
    """Its text often quotes what failed."""
    stream = io.StringIO()
    error = RuntimeError("GET with Bearer abcdef123456 failed")
    make_logger(stream).error("failed", exc_info=error)
    assert json.loads(stream.getvalue())["exception"] == f"RuntimeError: GET with Bearer {REDACTED} failed"


@pytest.mark.parametrize("evil", ["a\r\nb", "\x1b[31m", "\u2028", "\u202e", "\ud800"])
def test_no_value_begins_a_line_or_drives_a_terminal(evil: str) -> None:
    """JSON escapes control characters and everything beyond ASCII."""
    text = logged(key=evil)
    assert text.count("\n") == 1
    assert text.isascii()
    assert json.loads(text)["key"] == evil


def test_the_console_form_is_for_people() -> None:
    """One line, without JSON, and as free of secrets."""
    text = logged(form="console", key="web-01", token="abc")
    assert "happened" in text
    assert "key=web-01" in text
    assert f"token={REDACTED}" in text or f"token='{REDACTED}'" in text


@pytest.mark.parametrize("evil", ["a\nb", "\x1b[31m"])
def test_the_console_form_escapes_control_characters(evil: str) -> None:
    """A terminal is just what they are aimed at."""
    text = logged(form="console", key=evil)
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_levels_are_kept() -> None:
    """What is below is not written."""
    assert logged(level="warning") == ""


@pytest.fixture
def restored() -> Iterator[None]:
    """Puts the global settings back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_what_libraries_log_has_the_same_form() -> None:
    """And is as free of secrets."""
    stream = io.StringIO()
    configure_logs(stream)
    logging.getLogger("uvicorn.error").warning("with Bearer %s", "abcdef123456")
    structlog.get_logger().info("direct")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["logger"], first["level"]) == (
        f"with Bearer {REDACTED}",
        "uvicorn.error",
        "warning",
    )
    assert second["event"] == "direct"


class Full(io.StringIO):
    """A stream on a disk that has no room left."""

    def flush(self) -> None:
        """Refuse."""
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_that_cannot_be_written_is_lost_and_breaks_nothing(form: Form) -> None:
    """A full disk under the log, or a pipe whose reader has gone."""
    full, closed = Full(), io.StringIO()
    with pytest.raises(OSError, match="No space left"):
        print("a line", file=full, flush=True)
    closed.close()
    for stream in (full, closed):
        make_logger(stream, form=form).error("happened")
