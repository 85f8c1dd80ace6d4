"""`python -m tools.release VERSION [--image BASE]`: check, write the version, and fill dist/."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tools.release import licences
from tools.release.changelog import cut
from tools.release.contract import Change, compare
from tools.release.version import NotReady, Version, check

ROOT: Final = Path(__file__).parents[2]
DIST: Final = ROOT / "dist"
DOCUMENT: Final = "openapi/berth.v1.json"
VERSIONED: Final = {
    "Dockerfile": r"(?<=ARG VERSION=)\S+",
    "deploy/compose/compose.yaml": r"(?<=image: berth:)\S+",
    "deploy/kubernetes/base/kustomization.yaml": r"(?<=newTag: )\S+",
}
"""Files that name the version beside pyproject.toml, and what it stands behind."""


def run(*command: str) -> str:
    """What a command says on standard output.

    Raises:
        NotReady: it failed; with what it said.
    """
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if ended.returncode:
        raise NotReady(f"{' '.join(command)} failed:\n{ended.stderr or ended.stdout}")
    return ended.stdout


def uv() -> str:
    """The uv of `make setup`."""
    return shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")


def last_release() -> str | None:
    """The newest tag that is a version."""
    tags = run("git", "tag", "--list", "v[0-9]*", "--sort=-version:refname", "--merged").split()
    return tags[0] if tags else None


def changes_since(tag: str | None) -> list[Change]:
    """What changed in the API since a tag."""
    if tag is None:
        return []
    old: Any = json.loads(run("git", "show", f"{tag}:{DOCUMENT}"))
    return compare(old, json.loads((ROOT / DOCUMENT).read_text()))


def write_version(version: str, day: str) -> None:
    """Everywhere where it stands."""
    changelog = ROOT / "CHANGELOG.md"
    text = cut(changelog.read_text(), version, day)
    run(uv(), "version", "--quiet", "--no-sync", version)
    changelog.write_text(text)
    for name, pattern in VERSIONED.items():
        file = ROOT / name
        file.write_text(re.sub(pattern, version, file.read_text()))


def build(version: str) -> None:
    """Fill dist/: wheel and source, the OpenAPI document, the bill of materials, the licences."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(uv(), "build", "--quiet", "--out-dir", str(DIST))
    for document in ("berth.v1.json", "berth.v1.yaml"):
        shutil.copy(ROOT / "openapi" / document, DIST)
    bill = (
        "export --quiet --locked --no-dev --extra otel --preview-features sbom-export --format cyclonedx1.5"
    )
    run(uv(), *bill.split(), "--output-file", str(DIST / f"berth-{version}.cdx.json"))
    (DIST / "licences.md").write_text(licences.report(licences.shipped(uv())))


def build_image(version: str, base: str, into: Path) -> None:
    """The image, from a base by its digest, as an archive in a folder, which any engine loads."""
    revision = run("git", "rev-parse", "HEAD").strip()
    words = f"bud --quiet --format docker --build-arg PYTHON={base} --build-arg VERSION={version}"
    words += f" --build-arg REVISION={revision} --tag berth:{version} ."
    run("buildah", *words.split())
    archive = into / f"berth-{version}.tar"
    run("buildah", "push", f"berth:{version}", f"docker-archive:{archive}:berth:{version}")


def release(version: str, base: str) -> None:
    """All of it.

    Raises:
        NotReady: something stands in the way; nothing was written before the checks were over.
    """
    if base and not re.search(r"@sha256:[0-9a-f]{64}$", base):
        raise NotReady(
            f"{base} may be another image tomorrow: name it by its digest, python:3.12-slim@sha256:…"
        )
    if run("git", "status", "--porcelain"):
        raise NotReady("the work tree has changes that are not committed")
    wanted, tag = Version.parse(version), last_release()
    changes = changes_since(tag)
    check(wanted, Version.parse(tag) if tag else None, changes)
    print(f"the API since {tag or 'the beginning'}: {len(changes)} changes")
    print(*changes, sep="\n", end="\n" if changes else "")
    write_version(str(wanted), datetime.now(UTC).date().isoformat())
    build(str(wanted))
    if base:
        build_image(str(wanted), base, DIST)
    print(*sorted(str(file.relative_to(ROOT)) for file in DIST.iterdir() if file.name[0] != "."), sep="\n")
    print(f"left to do: commit this, run .ci/run, git tag v{wanted}, and push tag, image and files")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("version", help="three numbers, such as 1.2.3")
    parser.add_argument("--image", default="", metavar="BASE", help="also build the image, on this base")
    given = parser.parse_args()
    try:
        release(given.version, given.image)
    except NotReady as reason:
        sys.exit(f"no release: {reason}")


if __name__ == "__main__":
    main()
