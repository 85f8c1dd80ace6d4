"""Tokens, callers and what they may do."""

import hashlib

import pytest

from app.access.rules import Action, demand, may
from app.access.tokens import StaticTokens, digest, owner_client
from app.domain.commands import Caller
from app.domain.errors import Forbidden, NotOwner
from app.domain.policy import Client, Policy

CI = Client(name="ci", digests=(digest("old"), digest("new")))
TOKENS = StaticTokens((owner_client("default", "secret"),), lambda: Policy(clients=(CI,)))


async def test_the_settings_token_is_an_operators() -> None:
    """It may do everything."""
    assert await TOKENS.authenticate("secret", "") == Caller(owner="default", operator=True)


@pytest.mark.parametrize("token", ["old", "new"])
async def test_a_client_has_as_many_tokens_as_it_likes(token: str) -> None:
    """So that one can be replaced while the other still works."""
    assert await TOKENS.authenticate(token, "") == Caller(owner="ci")


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


OWN = Caller(owner="ci")
OPERATOR = Caller(owner="default", operator=True)

RIGHTS = [
    (OWN, Action.READ, "ci", True),  # an owner reads its own
    (OWN, Action.READ, "fleet", False),  # not another's
    (OWN, Action.READ, None, False),  # nor everybody's
    (OWN, Action.ALLOCATE, "ci", True),  # it allocates for itself
    (OWN, Action.ALLOCATE, "fleet", False),  # not for another
    (OWN, Action.CHANGE, "ci", True),  # changes its own
    (OWN, Action.CHANGE, "fleet", False),  # not another's
    (OWN, Action.CONFIRM, "ci", True),  # confirms its own
    (OWN, Action.RELEASE, "ci", True),  # releases its own
    (OWN, Action.RELEASE, "fleet", False),  # not another's
    (OWN, Action.FORCE, "ci", False),  # and forces nothing
    (OPERATOR, Action.READ, "ci", True),  # an operator reads everything
    (OPERATOR, Action.READ, None, True),  # at once
    (OPERATOR, Action.CHANGE, "ci", False),  # but does not change another's
    (OPERATOR, Action.RELEASE, "ci", False),  # nor releases it
    (OPERATOR, Action.FORCE, "ci", True),  # except by force
]


@pytest.mark.parametrize(("caller", "action", "owner", "allowed"), RIGHTS)
def test_who_may_do_what(caller: Caller, action: Action, owner: str | None, allowed: bool) -> None:
    """An owner acts on its own; an operator sees everything and may force."""
    assert may(caller, action, owner) is allowed


def test_what_is_another_owners_is_refused_as_that() -> None:
    """So that the caller learns that the key exists, and not under it."""
    with pytest.raises(NotOwner):
        demand(OWN, Action.RELEASE, "fleet")


@pytest.mark.parametrize(("action", "owner"), [(Action.FORCE, "ci"), (Action.READ, None)])
def test_what_is_for_operators_is_refused_as_forbidden(action: Action, owner: str | None) -> None:
    """With what to ask for."""
    with pytest.raises(Forbidden, match="operator: true"):
        demand(OWN, action, owner)


def test_what_is_allowed_passes() -> None:
    """Without a word."""
    demand(OWN, Action.RELEASE, "ci")
    assert may(OWN, Action.RELEASE, "ci")
