"""A release, made for real in a copy of the repository; and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.tools import ROOT
from tools.release import licences
from tools.release.__main__ import VERSIONED, uv
from tools.release.changelog import cut
from tools.release.version import NotReady

BREAKING = ("openapi/berth.v1.json", '"/api/v1/tenants"', '"/api/v1/lodgers"')


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tracked files as they are now, committed in a repository of their own, and released as 0.0.1."""
    folder = tmp_path / "berth"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    for name in names.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "v0.0.1")
    return folder


def git(folder: Path, *words: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607


def commit(folder: Path) -> None:
    """Everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All of it")


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """What `make release` runs."""
    command = [sys.executable, "-m", "tools.release", version]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.deploy
def test_a_release_is_checked_written_and_built(copy: Path) -> None:
    """Wheel and source, the OpenAPI document, a valid bill of materials, the licences; one version."""
    said = release(copy, "0.2.0")
    assert said.returncode == 0, said.stderr
    made = {path.name for path in (copy / "dist").iterdir()}
    wheel, bill = "berth_ipam-0.2.0-py3-none-any.whl", "berth-0.2.0.cdx.json"
    assert made >= {wheel, "berth_ipam-0.2.0.tar.gz", bill, "berth.v1.json", "berth.v1.yaml", "licences.md"}
    text = (copy / "dist" / bill).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    assert len(json.loads(text)["components"]) > 40
    assert re.search(r"^## \[0\.2\.0\] - \d{4}-\d\d-\d\d$", (copy / "CHANGELOG.md").read_text(), re.MULTILINE)
    for name in VERSIONED:
        assert "0.2.0" in (copy / name).read_text(), name
    assert "git tag v0.2.0" in said.stdout


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("meddle", "version", "why"),
    [
        (lambda folder: (folder / "README.md").write_text("x"), "0.2.0", "not committed"),
        (lambda folder: replace(folder, *BREAKING), "0.0.2", "0.1.0 or higher"),
        (lambda folder: replace(folder, "CHANGELOG.md", "\n- ", "\n"), "0.2.0", "nothing under"),
        (lambda _: None, "0.0.1", "0.0.2 or higher"),
    ],
    ids=["unclean", "breaking", "unsaid", "old"],
)
def test_what_is_not_ready_is_not_released(
    copy: Path, meddle: Callable[[Path], None], version: str, why: str
) -> None:
    """And nothing is written."""
    meddle(copy)
    if "not committed" not in why:
        git(copy, "commit", "--quiet", "--all", "--allow-empty", "--message", "Meddled")
    said = release(copy, version)
    assert said.returncode == 1
    assert re.search(why, said.stderr)
    assert not (copy / "dist").exists()


def replace(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file."""
    file = folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_the_changelog_is_cut_below_the_unreleased() -> None:
    """What stands there becomes the release's."""
    text = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n\n## [0.1.0] - 2026-01-01\n"
    assert cut(text, "0.2.0", "2026-02-01") == text.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2026-02-01\n"
    )
    with pytest.raises(NotReady, match="already"):
        cut(text, "0.1.0", "2026-02-01")
    with pytest.raises(NotReady, match="nothing under"):
        cut(text.replace("- This.", ""), "0.2.0", "2026-02-01")


def test_every_place_that_names_the_version_names_this_one() -> None:
    """The image that compose and Kubernetes ask for is the one that is built."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, pattern in VERSIONED.items():
        assert re.findall(pattern, (ROOT / name).read_text()) == [version] * 1, name


def test_every_package_that_ships_has_a_licence_that_goes_with_ours() -> None:
    """Read from the packages themselves; what names none was read by a person."""
    packages = licences.shipped(uv())
    assert len(packages) > 40
    assert [each for each in packages if not each.allowed] == []
    assert not licences.Package("x", "1", "GPL-3.0").allowed
    assert not licences.Package("x", "1", "MIT; GPL-3.0").allowed
    assert licences.Package("x", "1", "MIT OR GPL-3.0").allowed


def test_everything_that_is_installed_is_locked_by_its_hash() -> None:
    """So that what is installed tomorrow is what was tested today."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    packages = [each for each in lock["package"] if "registry" in each["source"]]
    assert len(packages) > 100
    for package in packages:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files
        assert all(each["hash"].startswith("sha256:") for each in files), package["name"]
