"""Terraform itself, run in a folder of a test's own with the modules beside the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULES = Path(__file__).parents[2] / "deploy" / "terraform"
CHANGES = 2
"""What `plan -detailed-exitcode` answers where something is to be done."""
PATIENCE = 90.0
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Run:
    """A command that runs."""

    process: subprocess.Popen[bytes]
    log: Path

    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def end(self) -> tuple[int, str]:
        """Wait for it; its exit code and what it said."""
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        return status, self.log.read_text()


@dataclass(frozen=True)
class Terraform:
    """Runs one configuration against one Berth; nothing of the tester's own configuration gets in."""

    folder: Path
    url: str
    token: str

    def write(self, configuration: str) -> None:
        """Lay out the configuration and the modules, and initialise: nothing is downloaded."""
        for module in MODULES.iterdir():
            shutil.copytree(module, self.folder / module.name, dirs_exist_ok=True)
        (self.folder / "main.tf").write_text(configuration)
        (self.folder / "cli.tfrc").touch()
        self.ok("init", "-input=false")

    def start(self, command: str, *options: str, **variables: Any) -> Run:  # noqa: ANN401 - JSON
        """Begin a command and return while it runs; what it says goes to a file, so that it never waits."""
        log = self.folder / "said.log"
        with log.open("w") as said:
            process = subprocess.Popen(  # noqa: S603 - Terraform
                ["terraform", command, *options, "-no-color"],  # noqa: S607
                env=self._environment(variables),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return Run(process, log)

    def run(self, command: str, *options: str, **variables: Any) -> tuple[int, str]:  # noqa: ANN401 - JSON
        """Run a command to its end; its exit code and what it said."""
        return self.start(command, *options, **variables).end()

    def said(self) -> str:
        """What the last command has said so far."""
        return (self.folder / "said.log").read_text()

    def ok(self, command: str, *options: str, **variables: Any) -> str:  # noqa: ANN401 - JSON
        """Run a command that has to succeed."""
        status, said = self.run(command, *options, **variables)
        assert status == 0, said
        return said

    def apply(self, *options: str, **variables: Any) -> str:  # noqa: ANN401 - JSON
        """Apply without asking; it has to succeed."""
        return self.ok("apply", "-auto-approve", "-input=false", *options, **variables)

    def destroy(self, *options: str, **variables: Any) -> str:  # noqa: ANN401 - JSON
        """Destroy without asking; it has to succeed."""
        return self.ok("destroy", "-auto-approve", "-input=false", *options, **variables)

    def has_changes(self, **variables: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether a plan, which has to succeed, finds something to do."""
        status, said = self.run("plan", "-detailed-exitcode", "-input=false", **variables)
        assert status in {0, CHANGES}, said
        return status == CHANGES

    def output(self, name: str = "out") -> Any:  # noqa: ANN401 - JSON
        """The value of an output, as the state has it."""
        return json.loads(self.ok("output", "-json"))[name]["value"]

    def _environment(self, variables: Mapping[str, Any]) -> dict[str, str]:
        values = {"berth_url": self.url, **variables}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "BERTH_TOKEN": self.token,
            "TF_HTTP_USERNAME": "berth",
            "TF_HTTP_PASSWORD": self.token,
            "TF_CLI_CONFIG_FILE": str(self.folder / "cli.tfrc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **{f"TF_VAR_{name}": _written(value) for name, value in values.items()},
        }


def _written(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else json.dumps(value)
