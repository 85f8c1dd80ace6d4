"""What stands in files that travel: no machine's paths, nothing that has drifted from its source."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, name_of

SHIPPED = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
TEXTS = sorted([*PAGES, *SHIPPED, ROOT / "Dockerfile", ROOT / ".dockerignore"])

FORBIDDEN = re.compile(
    r"/work/|/root\b|/home/\w|/mnt/"  # somebody's machine
    r"|\bpypi\.org|\bpythonhosted\b|\bregistry\.(npmjs|terraform)|\bproxy\.golang",  # packages
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_no_machine_and_no_package_registry_is_named(path: Path) -> None:
    """Files are read elsewhere, where those paths and hosts mean nothing."""
    assert not FORBIDDEN.findall(path.read_text())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_terraform_and_yaml_on_a_page_stand_in_the_examples(page: Path) -> None:
    """What is shown is what the tests run; user-data, which no example holds, begins with #cloud-config."""
    sources = "\n".join(path.read_text() for path in SHIPPED)
    for language in ("hcl", "yaml"):
        for block in blocks(page.read_text(), language):
            if page.name == "policy.md" or block.startswith("#cloud-config"):
                continue
            assert block in sources


def test_the_licence_is_apache_2() -> None:
    """The file holds the whole text of the licence that the project file names."""
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
