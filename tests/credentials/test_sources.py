"""Where tokens come from."""

from pathlib import Path

import pytest

from app.credentials.choice import secret_of
from app.credentials.sources import SecretMissing


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "token"
    path.write_bytes(content)
    return path


async def test_the_environments_token_never_changes() -> None:
    """The environment of a process is fixed at its start."""
    source = secret_of("NETBOX_API_TOKEN", " nbt_a.b\n", None)
    assert source.current() == "nbt_a.b"
    assert await source.refresh() is False


async def test_a_files_token_follows_the_file(tmp_path: Path) -> None:
    """Whoever replaces the file rotates the token; `refresh` says whether it changed."""
    path = _file(tmp_path, b"first\n")
    source = secret_of("NETBOX_API_TOKEN", None, path)
    assert source.current() == "first"
    assert await source.refresh() is False
    path.write_text("second")
    assert await source.refresh() is True
    assert source.current() == "second"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
async def test_a_file_that_turns_bad_keeps_the_token(tmp_path: Path, content: bytes) -> None:
    """A file that is being written does not take the token away."""
    path = _file(tmp_path, b"first")
    source = secret_of("NETBOX_API_TOKEN", None, path)
    path.write_bytes(content)
    assert await source.refresh() is False
    path.unlink()
    assert await source.refresh() is False
    assert source.current() == "first"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"\xff", "cannot be read: it is not UTF-8"), (None, "No such file or directory")],
)
def test_a_missing_secret_is_told_by_its_place(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """And never by what it held."""
    path = tmp_path / "token" if content is None else _file(tmp_path, content)
    with pytest.raises(SecretMissing) as missing:
        secret_of("NETBOX_API_TOKEN", None, path)
    assert str(path) in str(missing.value)
    assert reason in str(missing.value)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_source_at_all_names_both_variables(value: str | None) -> None:
    """One of them has to be set."""
    with pytest.raises(SecretMissing, match="neither NETBOX_API_TOKEN nor NETBOX_API_TOKEN_FILE is set"):
        secret_of("NETBOX_API_TOKEN", value, None)


def test_a_source_does_not_show_its_token(tmp_path: Path) -> None:
    """Not in a repr, so not in a log."""
    sources = [
        secret_of("NETBOX_API_TOKEN", "canary", None),
        secret_of("NETBOX_API_TOKEN", None, _file(tmp_path, b"canary")),
    ]
    assert "canary" not in repr(sources)
