"""`berth audit`: looking at the audit log."""

import os
from typing import Annotated

import typer

from app.cli.words import NO_WORK_DONE, NOT_AS_IT_SHOULD_BE, complain, explained

audit = typer.Typer(help="Look at the audit log.", no_args_is_help=True)


@audit.callback()
def _group() -> None:
    """Keep `verify` a command of its own; typer would fold a lone one into its group."""


@audit.command()
def verify(
    *,
    against_netbox: Annotated[
        bool,
        typer.Option(
            "--against-netbox", help="Also compare every allocation with NetBox and its change log."
        ),
    ] = False,
) -> None:
    """Say whether the audit log is whole: 0 intact, 1 tampered, 2 incomplete. Reads, and writes nothing."""
    from app.cli import evidence  # noqa: PLC0415 - takes seconds to import

    with explained():
        verdict = evidence.verify(os.environ, complain, against_netbox=against_netbox)
    for line in verdict.notes:
        typer.echo(f"note: {line}")
    typer.echo(f"{verdict.lines} records in {verdict.chains} chains: {_word(verdict.kinds)}")
    if "tampered" in verdict.kinds:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)
    if verdict.kinds:
        raise typer.Exit(NO_WORK_DONE)


def _word(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds, reverse=True)) or "intact"
