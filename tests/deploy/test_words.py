"""What stands in deploy/ is understood by the Berth of this commit."""

import re
from pathlib import Path

import pytest

from app.policyfile import load
from app.settings import Settings, variable
from tests.tools import ROOT

pytestmark = pytest.mark.deploy
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
OF_EXAMPLES = {"BERTH_URL", "BERTH_PREFIX", "BERTH_CI_TOKEN", "BERTH_HOSTNAME"}
"""Variables of scripts that call Berth, which it does not read itself."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(path: Path) -> None:
    """A misspelt one would be ignored, and its default would rule."""
    named = set(re.findall(r"\b(?:BERTH|INFISICAL)_[A-Z0-9_]*[A-Z0-9]\b", path.read_text()))
    assert named <= {variable(field) for field in Settings.model_fields} | OF_EXAMPLES


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name.startswith("policy") and path.suffix == ".yaml"],
    ids=lambda path: str(path.relative_to(DEPLOY)),
)
def test_every_policy_is_right(path: Path) -> None:
    """As `berth policy check FILE --without-tokens` says."""
    load(path, None)
