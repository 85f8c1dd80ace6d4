"""The changelog at a release: what stands under Unreleased becomes the release's."""

from __future__ import annotations

import re

from tools.release.version import NotReady

_HEAD = "## [Unreleased]\n"


def cut(text: str, version: str, day: str) -> str:
    """The changelog with the entries of this release under its version and its day (YYYY-MM-DD).

    Raises:
        NotReady: nothing stands under Unreleased, or the version is there already.
    """
    if f"## [{version}]" in text:
        raise NotReady(f"CHANGELOG.md has {version} already")
    before, head, after = text.partition(_HEAD)
    entries = re.split(r"^## \[", after, maxsplit=1, flags=re.MULTILINE)[0]
    if not head or not re.search(r"^- ", entries, re.MULTILINE):
        raise NotReady(
            "CHANGELOG.md has nothing under [Unreleased]: write what changed for those who use Berth"
        )
    return f"{before}{_HEAD}\n## [{version}] - {day}\n{after}"
