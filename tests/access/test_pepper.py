"""Where the pepper comes from."""

import stat
from pathlib import Path

import pytest

from app.credentials.pepper import FILE, pepper_of
from app.credentials.sources import SecretMissing


def test_a_pepper_that_is_set_is_taken(tmp_path: Path) -> None:
    """And none is made."""
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    assert pepper_of("set", None, tmp_path) == b"set"
    assert pepper_of(None, file, tmp_path) == b"from a file"
    assert not (tmp_path / FILE).exists()


def test_a_single_process_makes_one_and_keeps_it(tmp_path: Path) -> None:
    """Where nobody else can read it."""
    made = pepper_of(None, None, tmp_path / "new")
    assert made is not None
    assert (len(made), pepper_of(None, None, tmp_path / "new")) == (64, made)
    assert stat.S_IMODE((tmp_path / "new" / FILE).stat().st_mode) == 0o600
    assert pepper_of(None, None, tmp_path / "other") != made


def test_several_processes_make_none() -> None:
    """Each would make its own."""
    assert pepper_of(None, None, None) is None


@pytest.mark.parametrize("spoil", ["empty", "folder"])
def test_a_pepper_that_cannot_be_read_stops_the_start(tmp_path: Path, spoil: str) -> None:
    """Rather than to void all keys by another one."""
    if spoil == "empty":
        (tmp_path / FILE).write_text("")
    else:
        (tmp_path / FILE).mkdir()
    with pytest.raises(SecretMissing, match=FILE):
        pepper_of(None, None, tmp_path)
