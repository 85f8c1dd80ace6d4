"""`berth bootstrap` and `berth doctor`: preparing a NetBox, and looking at whether all is well."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from app.cli.words import NO_WORK_DONE, NOT_AS_IT_SHOULD_BE, complain, explained


def bootstrap(
    *,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the administrator's token from standard input.")
    ] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Change nothing; print what an administrator can do by hand.")
    ] = False,
) -> None:
    """Create in NetBox what Berth needs: two custom fields, and the tags that the policy gives.

    An administrator's token is asked for, used once and not kept. Repeating it does no harm.
    """
    from app.cli import upstream  # noqa: PLC0415 - takes seconds to import

    with explained():
        if only_print:
            typer.echo(upstream.instructions(os.environ))
            return
        steps = asyncio.run(upstream.prepare(os.environ, _token(from_stdin=token_stdin)))
    for step in steps:
        typer.echo(f"{step.deed.value:<9} {step.what}{f': {step.detail}' if step.detail else ''}")
    typer.echo(upstream.index_advice())
    if any(step.deed is upstream.Deed.WRONG for step in steps):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def doctor() -> None:
    """Say in plain words what is missing. Exit code 1 if something is."""
    from app.cli import upstream  # noqa: PLC0415 - takes seconds to import

    missing = False
    for check in asyncio.run(upstream.examine(os.environ)):
        missing |= check.required and not check.ok
        mark = "ok" if check.ok else "MISSING" if check.required else "note"
        typer.echo(f"{mark:<8} {check.name}: {check.detail}")
        if check.what_to_do:
            typer.echo(f"{'':<8} -> {check.what_to_do}")
    if missing:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def _token(*, from_stdin: bool) -> str:
    """The administrator's token: typed without being shown, or piped in; never an argument, never kept."""
    if from_stdin:
        token = sys.stdin.readline().strip()
    else:
        token = typer.prompt("An administrator's NetBox token (not shown, not kept)", hide_input=True).strip()
    if not token:
        complain("no token was given")
        raise typer.Exit(NO_WORK_DONE)
    return token
