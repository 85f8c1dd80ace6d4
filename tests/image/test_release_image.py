"""The image as `make release` builds it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.tools import run
from tools.release.__main__ import build_image, release
from tools.release.version import NotReady

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]
MOUNTS = '[containers]\nvolumes = ["/etc/ssl/certs:/etc/ssl/certs:ro"]\n'


def member(archive: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON
    """A file of the archive."""
    found = archive.extractfile(name)
    assert found
    return json.load(found)


def test_the_released_image_is_an_archive_that_names_version_and_revision(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built on a base by its digest; this machine's certificates are lent to it for the building."""
    (tmp_path / "containers.conf").write_text(MOUNTS)
    monkeypatch.setenv("CONTAINERS_CONF", str(tmp_path / "containers.conf"))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    digest = run("podman", "inspect", base, "--format", "{{.Digest}}").strip()
    try:
        build_image("0.0.0", f"{base.rpartition(':')[0]}@{digest}", tmp_path)
    finally:
        run("podman", "rmi", "--force", "--ignore", "localhost/berth:0.0.0")
    with tarfile.open(tmp_path / "berth-0.0.0.tar") as archive:
        [manifest] = member(archive, "manifest.json")
        labels = member(archive, manifest["Config"])["config"]["Labels"]
    assert {tag.rpartition("/")[2] for tag in manifest["RepoTags"]} == {"berth:0.0.0"}
    assert labels["org.opencontainers.image.version"] == "0.0.0"
    assert labels["org.opencontainers.image.revision"] == run("git", "rev-parse", "HEAD").strip()


def test_a_base_without_a_digest_is_refused() -> None:
    """What a tag names may be another image tomorrow."""
    with pytest.raises(NotReady, match="by its digest"):
        release("9.9.9", "python:3.12-slim")
