"""The pages that people read, taken apart: links, headings, blocks of code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


def name_of(page: Path) -> str:
    """What a page is called in the name of a test."""
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _FENCED.sub("", text)


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in one language."""
    return [found[2] for found in _FENCED.finditer(text) if found[1] == language]


def links(text: str) -> list[str]:
    """Where the text leads to, other sites left out."""
    targets = _LINK.findall(_CODE.sub("", prose(text)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def headings(text: str, mark: str = "") -> list[str]:
    """The headings; with a mark such as `###`, those of that level."""
    if mark:
        return re.findall(rf"^{mark} (.+)$", prose(text), re.MULTILINE)
    return _HEADING.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives to the headings."""
    bare = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).lower() for heading in headings(text))
    return {re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-") for heading in bare}


def commands(text: str) -> Iterator[str]:
    """What the text tells people to type: lines of shell blocks without comments, and code in sentences."""
    for language in ("sh", "bash", ""):
        for block in blocks(text, language):
            yield from (line.partition(" #")[0].strip() for line in block.splitlines())
    yield from _CODE.findall(prose(text))
