"""Programs that some tests need and Python does not bring."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]


def tool(name: str, where: str) -> str:
    """The program's path. Without it the test is skipped on a desk, and fails in CI.

    Args:
        name: what it is called.
        where: where one gets it.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found:
        return found
    message = f"{name} is missing ({where})"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def run(*command: str, environ: Mapping[str, str] | None = None, seconds: int = 100) -> str:
    """What a command says on both of its streams; it has to succeed."""
    ended = subprocess.run(  # noqa: S603 - what the tests name
        command,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout
