"""The policy's page of the reference is complete."""

from pathlib import Path

import pytest

from app.naming import rules
from app.policyfile import models

PAGE = (Path(__file__).parents[2] / "docs/reference/policy.md").read_text(encoding="utf-8")
MODELS: dict[str, type[models.Strict]] = {
    "The file": models.PolicyModel,
    "`clients`": models.ClientModel,
    "A rule": models.RuleModel,
    "`issuers`": models.IssuerModel,
    "Whose token it is": models.MappingModel,
    "`names`": models.NamesModel,
    "A convention": models.DnsConventionModel,
    "`scope`": models.ScopeModel,
    "`messages`": models.MessagesModel,
    "`defaults`": models.RulesModel,
    "`tags`": models.TagsModel,
}
CODES = sorted(
    value
    for name, value in vars(rules).items()
    if name.isupper() and isinstance(value, str) and value.startswith("name.")
)


def section(title: str) -> str:
    """A section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("title", MODELS)
def test_every_field_has_its_line(title: str) -> None:
    """With the words that the code has for it."""
    for name, field in MODELS[title].model_fields.items():
        assert f"| `{name}` | {field.description} |" in section(title), name


def test_the_fields_of_a_prefix_have_their_lines() -> None:
    """Those that `defaults` does not have; the others are there."""
    for name, field in models.PrefixModel.model_fields.items():
        if name not in models.RulesModel.model_fields:
            assert f"| `{name}` | {field.description} |" in section("`prefixes`"), name


def test_a_machines_convention_has_no_field_of_its_own() -> None:
    """So that one table does for both."""
    assert set(models.MachineConventionModel.model_fields) < set(models.DnsConventionModel.model_fields)


def test_no_model_was_forgotten() -> None:
    """Every model of the file is in one of the tables."""
    known = {*MODELS.values(), models.PrefixModel, models.MachineConventionModel, models.Strict}
    found = {
        each for each in vars(models).values() if isinstance(each, type) and issubclass(each, models.Strict)
    }
    assert found == known


@pytest.mark.parametrize("code", CODES)
def test_every_rule_has_its_line(code: str) -> None:
    """By its code."""
    assert len(CODES) == 16
    assert f"| `{code}` |" in section("Rules")
