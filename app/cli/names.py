"""`berth names`: the naming convention, asked from a shell."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.words import NOT_AS_IT_SHOULD_BE, complain, explained, in_lines, network
from app.domain.errors import NameRefused
from app.domain.inventory import Network
from app.domain.policy import NamePlace, Policy
from app.naming.names import Names
from app.naming.numbers import Template
from app.policyfile import load

names = typer.Typer(help="Ask about names.", no_args_is_help=True)

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", envvar="BERTH_POLICY_FILE", help="The policy file; without, RFC 1123."),
]
Prefix = Annotated[str | None, typer.Option(help="The CIDR of the prefix that the name is for.")]
Vrf = Annotated[str | None, typer.Option(help="The name of its VRF; without, the global table.")]
Tenant = Annotated[str, typer.Option(help="The slug of the address's tenant.")]
Role = Annotated[str, typer.Option(help="The address's role.")]


@names.command()
def check(  # noqa: PLR0913 - one parameter an option
    name: Annotated[str, typer.Argument(help="The name.")],
    *,
    prefix: Prefix = None,
    vrf: Vrf = None,
    tenant: Tenant = "",
    role: Role = "",
    machine: Annotated[bool, typer.Option("--machine", help="It is a virtual machine's name.")] = False,
    policy: PolicyFile = None,
) -> None:
    """Say every rule that a name breaks; nothing is looked up or written. Exit code 1 if there is one."""
    place = NamePlace(network=_network(prefix), vrf=vrf, tenant=tenant, role=role)
    with explained():
        rules = _names(policy)
    verdict = rules.machine_verdict(name, place) if machine else rules.verdict(name, place)
    for line in in_lines(verdict.warnings):
        complain(f"warning: {line}")
    for line in in_lines(verdict.violations):
        complain(line)
    if verdict.violations:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)
    typer.echo(f"{name} may be used")


@names.command("next")
def next_(  # noqa: PLR0913 - one parameter an option
    template: Annotated[str, typer.Argument(help="Such as docker-{nn}-nexus.spaceships.work.")],
    *,
    prefix: Prefix = None,
    vrf: Vrf = None,
    tenant: Tenant = "",
    role: Role = "",
    policy: PolicyFile = None,
) -> None:
    """Print the name with the lowest number that no address in NetBox's VRF has. Nothing is reserved.

    Names that the convention refuses, such as a reserved one, are passed over; exit code 1 if it refuses all.
    What only Berth's ledger knows is not seen, such as a name that is being taken: `POST /api/v1/names/check`
    with `suggest` sees both.
    """
    from app.cli.upstream import next_free  # noqa: PLC0415 - takes seconds to import

    place = NamePlace(network=_network(prefix), vrf=vrf, tenant=tenant, role=role)
    with explained():
        wanted = Template.parse(template, "")
        rules = _names(policy)
        try:
            name = asyncio.run(next_free(wanted, rules, place, os.environ))
        except NameRefused as refused:
            for line in in_lines(refused.errors):
                complain(f"no name of {wanted} may be used: {line}")
            raise typer.Exit(NOT_AS_IT_SHOULD_BE) from None
    for line in in_lines(rules.verdict(name, place).warnings):
        complain(f"warning: {line}")
    typer.echo(name)


def _names(file: Path | None) -> Names:
    policy = Policy.default() if file is None else load(file, None)
    return Names(lambda: policy)


def _network(text: str | None) -> Network | None:
    return None if text is None else network(text)
