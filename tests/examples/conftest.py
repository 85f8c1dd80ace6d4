"""The examples are run as people run them: with sh and curl, against a Berth that was started for them."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.program import BERTH, Desk, Program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy" / "examples"
TOKEN = "demo"


@dataclass(frozen=True)
class Shell:
    """Runs scripts with the variables of somebody who calls this Berth."""

    url: str
    folder: Path
    token: str = TOKEN

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a folder of its own."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "BERTH_URL": self.url,
            "BERTH_TOKEN": self.token,
        }
        return subprocess.run(  # noqa: S603 - the project's own examples
            command,
            env={**environ, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


def demonstration(folder: Path) -> Program:
    """Return `berth demo`, not yet started, on a port of its own."""
    program = Program([BERTH, "demo"], {}, folder)
    program.command += ["--port", str(program.port), "--folder", str(folder / "state")]
    return program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The demonstration, fresh for each file of tests."""
    program = demonstration(tmp_path_factory.mktemp("demo"))
    program.start()
    yield program
    program.stop_if_running()


@pytest.fixture
def desk(program: Program) -> Desk:
    """Looks at what the examples have done."""
    return Desk(program.url, TOKEN)


@pytest.fixture
def shell(program: Program, tmp_path: Path) -> Shell:
    """Runs the examples."""
    return Shell(program.url, tmp_path)
