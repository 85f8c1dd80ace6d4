"""What claims make of a caller."""

import pytest

from app.domain.identity import ClaimMapping, Claims, Issuer
from app.domain.inventory import Json

CASES: list[tuple[str, Json, bool]] = [
    ("acme/web", "acme/web", True),
    ("acme/web", "acme/website", False),  # to the letter
    ("acme/web", "Acme/web", False),  # and case
    ("acme/*", "acme/web", True),
    ("acme/*", "acme/", True),
    ("acme/*", "acmes/web", False),
    ("*", "", True),  # there, and anything
    ("*", None, False),  # not there
    ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main", True),
    ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main2", False),
    ("a*b*c", "a-b-b-c", True),
    ("a*b*c", "a-c", False),
    ("a*a", "a", False),  # one letter cannot be both ends
    ("*ab*ab", "abab", True),
    ("*ab*ab", "xab", False),
    ("acme.web", "acme-web", False),  # a dot is a dot
    ("allocators", ["staff", "allocators"], True),  # one of a list
    ("allocators", ["staff", 7, None], False),
    ("7", 7, True),
    ("true", True, True),
    ("1", True, False),
    ("x", {"x": 1}, False),
]


@pytest.mark.parametrize(("pattern", "value", "fits"), CASES)
def test_a_claim_has_a_pattern_or_not(pattern: str, value: Json, fits: bool) -> None:
    """Only `*` is special."""
    claims: Claims = {} if value is None else {"claim": value}
    assert ClaimMapping(client="ci", claims={"claim": ("nobody", pattern)}).covers(claims) is fits


def test_every_claim_has_to_fit_and_there_has_to_be_one() -> None:
    """A mapping without any claim would take every repository of a public issuer."""
    both = ClaimMapping(client="ci", claims={"a": ("1",), "b": ("2",)})
    assert both.covers({"a": "1", "b": "2"})
    assert not both.covers({"a": "1", "b": "3"})
    assert not ClaimMapping(client="ci", claims={}).covers({"a": "1"})


def test_the_first_mapping_that_fits_counts() -> None:
    """They are read from the top."""
    narrow = ClaimMapping(client="prod", claims={"ref": ("main",)})
    wide = ClaimMapping(client="ci", claims={"ref": ("*",)})
    issuer = Issuer(url="https://id.example", audiences=("berth",), mappings=(narrow, wide))
    assert issuer.mapping({"ref": "main"}) is narrow
    assert issuer.mapping({"ref": "topic"}) is wide
    assert issuer.mapping({}) is None
