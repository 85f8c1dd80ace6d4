"""Whoever follows a link, or types a command from a page, gets somewhere."""

import re
from pathlib import Path

import pytest
import typer.main

from app.cli import app
from app.settings import Settings, variable
from tests.docs.pages import DOCS, PAGES, ROOT, anchors, commands, links, name_of

OTHERS = {"BERTH_URL", "BERTH_PREFIX", "BERTH_CI_TOKEN"}
"""Variables of examples, which are not Berth's own."""
TOOLING = DOCS / "how-to" / "run-the-tests.md"

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """A page that was renamed, or a heading that was reworded, leaves no link behind."""
    for link in links(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@each_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    """A page that says which test holds a promise is believed."""
    for file, name in re.findall(r"`(tests/[a-z_/]+\.py)::(\w+)`", page.read_text()):
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), name


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    """`make` with a target that is gone would be the first thing that a newcomer sees."""
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands(page.read_text()):
        if found := re.match(r"make ([a-z][a-z-]*)", command):
            assert found[1] in targets, command


@each_page
def test_every_command_of_berth_that_is_named_exists(page: Path) -> None:
    """A page names no command that the program does not have."""
    known = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - a group's, which mypy cannot know
    for command in commands(page.read_text()):
        if found := re.match(r"berth ([a-z]+)", command):
            assert found[1] in known, command


@pytest.mark.parametrize("page", [page for page in PAGES if page != TOOLING], ids=name_of)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """A variable on a page is a setting, or belongs to an example."""
    known = {variable(field) for field in Settings.model_fields} | OTHERS
    named = set(re.findall(r"\bBERTH_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named <= known


def test_the_index_leads_to_every_page() -> None:
    """A page that the index does not name is found by nobody; some folders have indexes of their own."""
    index = DOCS / "index.md"
    indexes = (index, DOCS / "decisions" / "README.md", DOCS / "operate" / "README.md")
    named = {(page.parent / link).resolve() for page in indexes for link in links(page.read_text())}
    assert {page for page in PAGES if page.is_relative_to(DOCS)} <= named | {index}
