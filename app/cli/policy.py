"""`berth policy`: looking at the policy file."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated

import typer

from app.access.rules import allowing, begin, demand
from app.access.tokens import caller_of
from app.cli.words import NO_WORK_DONE, NOT_AS_IT_SHOULD_BE, complain
from app.domain.errors import Forbidden
from app.domain.inventory import Network
from app.domain.policy import Client, Policy
from app.domain.rights import Action, Rule, Site
from app.policyfile import PolicyWrong, load

policy = typer.Typer(help="Look at the policy file.", no_args_is_help=True)


@policy.command()
def check(
    file: Annotated[Path, typer.Argument(help="The policy file.")],
    *,
    without_tokens: Annotated[
        bool, typer.Option("--without-tokens", help="Do not look for the clients' tokens.")
    ] = False,
) -> None:
    """Say whether a policy file is right: every problem with its line. Exit code 1 if there is one."""
    try:
        found = load(file, None if without_tokens else os.environ)
    except PolicyWrong as wrong:
        for problem in wrong.problems:
            complain(problem)
        raise typer.Exit(NOT_AS_IT_SHOULD_BE) from None
    typer.echo(
        f"{file} is right: {len(found.dns_names) + len(found.machine_names)} conventions, "
        f"{len(found.sections)} sections for prefixes, {len(found.clients)} clients"
    )
    typer.echo(f"sha256 {found.sha256}")


@policy.command()
def explain(  # noqa: PLR0913 - one option a part of the question
    *,
    file: Annotated[Path, typer.Option("--file", envvar="BERTH_POLICY_FILE", help="The policy file.")],
    client: Annotated[str, typer.Option("--client", help="The client, by name.")],
    action: Annotated[Action, typer.Option("--action", help="What it wants to do.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Where, a CIDR.")] = "",
    vrf: Annotated[str, typer.Option("--vrf", help="The VRF; by default the global table.")] = "",
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant, by slug.")] = "",
    name: Annotated[str, typer.Option("--name", help="The DNS name, or the machine's.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Whose object; by default its own.")] = "",
) -> None:
    """Say whether a client may do something somewhere, and by which rule. Exit code 1 if it may not."""
    try:
        found = load(file, None)
    except PolicyWrong as wrong:
        for problem in wrong.problems:
            complain(problem)
        raise typer.Exit(NO_WORK_DONE) from None
    caller = caller_of(_client(found, client))
    network = _network(prefix)
    site = Site(network=network, vrf=vrf or None, tenant=tenant, name=name, owner=owner or client)
    try:
        asks = begin(caller, action)
        demand(asks, site, action)
    except Forbidden as refused:
        complain(refused.detail)
        raise typer.Exit(NOT_AS_IT_SHOULD_BE) from None
    for rule in allowing(asks, site, action):
        typer.echo(f"{client} may {action}: {rule.origin} allows it ({rule.where}{_bounds(rule)})")


def _client(found: Policy, name: str) -> Client:
    for each in found.clients:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in found.clients) or "none"
    complain(f"there is no client {name}; there are: {known}")
    raise typer.Exit(NO_WORK_DONE)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text) if text else None
    except ValueError as error:
        complain(f"--prefix: {error}")
        raise typer.Exit(NO_WORK_DONE) from None


def _bounds(rule: Rule) -> str:
    quota = f"; at most {rule.quota} addresses" if rule.quota is not None else ""
    rate = f"; {rule.rate.count} requests in {rule.rate.seconds} s" if rule.rate else ""
    return quota + rate
