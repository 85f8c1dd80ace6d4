"""Tokens, callers and what they may do."""

import hashlib
from dataclasses import replace

import pytest

from app.access.tokens import StaticTokens, digest, owner_client
from app.domain.commands import Caller
from app.domain.policy import Client, Policy
from app.domain.rights import ROLES

CI = Client(name="ci", digests=(digest("old"), digest("new")), rules=ROLES["allocator"])
TOKENS = StaticTokens((owner_client("default", "secret"),), lambda: Policy(clients=(CI,)))


async def test_the_settings_token_is_an_operators() -> None:
    """It may do everything."""
    assert await TOKENS.authenticate("secret", "") == Caller(owner="default", operator=True)


@pytest.mark.parametrize("token", ["old", "new"])
async def test_a_client_has_as_many_tokens_as_it_likes(token: str) -> None:
    """So that one can be replaced while the other still works."""
    assert await TOKENS.authenticate(token, "") == Caller(owner="ci", rules=ROLES["allocator"])


@pytest.mark.parametrize(
    "token", ["", "Secret", "secret ", "sécret", "\ud800", hashlib.sha256(b"secret").hexdigest()]
)
async def test_any_other_token_is_nobodys(token: str) -> None:
    """A digest is not a token, and odd characters do no harm."""
    assert await TOKENS.authenticate(token, "") is None


async def test_without_tokens_nobody_is_known() -> None:
    """Also by default."""
    assert await StaticTokens().authenticate("secret", "") is None


async def test_a_token_in_two_places_belongs_to_the_settings() -> None:
    """The first place counts."""
    twice = Client(name="ci", digests=(digest("secret"),))
    tokens = StaticTokens((owner_client("default", "secret"),), lambda: Policy(clients=(twice,)))
    assert await tokens.authenticate("secret", "") == Caller(owner="default", operator=True)


async def test_clients_follow_the_policy_in_force() -> None:
    """A token that is taken out of the policy is refused at once."""
    policies = [Policy(clients=(CI,)), Policy()]
    tokens = StaticTokens((), lambda: policies[0])
    assert await tokens.authenticate("new", "") is not None
    policies.pop(0)
    assert await tokens.authenticate("new", "") is None


def test_no_token_is_kept() -> None:
    """Neither in a repr nor anywhere else."""
    assert "secret" not in repr(TOKENS)


async def test_a_clients_rules_come_with_its_token() -> None:
    """And whether it is an operator follows from them."""
    boss = Client(name="boss", digests=(digest("b"),), rules=ROLES["operator"])
    tokens = StaticTokens((), lambda: Policy(clients=(boss, replace(CI, rules=ROLES["auditor"]))))
    assert await tokens.authenticate("b", "") == Caller(owner="boss", operator=True, rules=ROLES["operator"])
    assert await tokens.authenticate("new", "") == Caller(owner="ci", rules=ROLES["auditor"])
