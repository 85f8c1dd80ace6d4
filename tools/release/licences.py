"""Under which licences the packages are that Berth ships with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ALLOWED: Final = (
    "3-Clause BSD",
    "Apache",
    "MIT",
    "BSD",
    "0BSD",
    "ISC",
    "PSF",
    "Python Software Foundation",
    "MPL",  # file by file, and nothing is changed
    "Mozilla Public License 2.0",
    "LGPL-3.0",  # psycopg: used as a library, and not changed
)
"""Beginnings of the names of licences that go with Apache-2.0."""
READ: Final = {"infisical-python": "MIT"}
"""Packages that name no licence and bring its text: what a person read there."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package with its version and its licence, as it says itself."""

    name: str
    version: str
    licence: str

    @property
    def allowed(self) -> bool:
        """Whether each of its licences is, or, of several to choose from, one."""
        words = re.split(r" AND | OR |; ", self.licence)
        fits = [any(word.strip(" ()").startswith(name) for name in ALLOWED) for word in words]
        return any(fits) if " OR " in self.licence else all(fits)


def shipped(uv: str) -> list[Package]:
    """Every package of the lock file that is installed with Berth, tools of the developers left out."""
    words = "--quiet --locked --no-dev --all-extras --no-emit-project --no-hashes --no-annotate --no-header"
    lock = subprocess.run(  # noqa: S603 - our own tool
        [uv, "export", *words.split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = {line.partition("==")[0].strip().lower() for line in lock.stdout.splitlines() if "==" in line}
    program = str(Path(sys.executable).with_name("pip-licenses"))
    command = [program, "--from=mixed", "--format=json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own tool
    packages = [
        Package(each["Name"], each["Version"], READ.get(each["Name"], each["License"]))
        for each in json.loads(found.stdout)
    ]
    return [each for each in packages if each.name.lower().replace("_", "-") in wanted]


def report(packages: Iterable[Package]) -> str:
    """The report, in Markdown."""
    rows = "\n".join(f"| {each.name} | {each.version} | {each.licence} |" for each in packages)
    return f"# Licences of what Berth is made of\n\n| package | version | licence |\n|---|---|---|\n{rows}\n"
