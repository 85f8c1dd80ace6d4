"""`berth policy`: looking at the policy file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.words import NOT_AS_IT_SHOULD_BE, complain
from app.policyfile import PolicyWrong, load

policy = typer.Typer(help="Look at the policy file.", no_args_is_help=True)


@policy.callback()
def _group() -> None:
    """Keep `check` a command of its own; typer would fold a lone one into its group."""


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
