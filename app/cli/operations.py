"""`berth operations`: operations on virtual machines that are not over, seen and mended by operators."""

import os
from typing import Annotated
from urllib.parse import quote

import typer

from app.cli.words import NOT_AS_IT_SHOULD_BE, explained

operations = typer.Typer(help="See and mend operations on virtual machines that are not over.")

PATH = "/api/v1/operations"
OperationId = Annotated[str, typer.Argument(help="The operation's id, as `berth operations` prints it.")]


@operations.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    """List them where no other command is named."""
    if context.invoked_subcommand is None:
        list_()


@operations.command("list")
def list_() -> None:
    """List the operations on virtual machines that are not over, and what stands in their way."""
    from app.cli.remote import remote  # noqa: PLC0415 - takes time to import

    with explained():
        found = list(remote(os.environ).pages(PATH))
    for each in found:
        words = (each.get(name) for name in ("id", "key", "owner", "action", "state"))
        typer.echo(f"{'  '.join(map(str, words))}  since {each.get('since')}")
        typer.echo(f"    after {each.get('step')}: {each.get('reason') or 'it is being worked on'}")
    if not found:
        typer.echo("every operation is over")


@operations.command()
def retry(operation: OperationId) -> None:
    """Try an operation again: finish it, or undo what it had made. Exit code 1 if it is still stuck."""
    if _mend(operation, "retry") == "still stuck":
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


@operations.command()
def abandon(operation: OperationId) -> None:
    """Give an operation up: its key is free, and what is in NetBox stays there."""
    _mend(operation, "abandon")


def _mend(operation: str, how: str) -> str:
    from app.cli.remote import remote  # noqa: PLC0415 - takes time to import

    with explained():
        outcome = remote(os.environ).post(f"{PATH}/{quote(operation, safe='')}/{how}")
    typer.echo(f"{outcome.get('key')}: {outcome.get('result')}. {outcome.get('detail')}")
    return str(outcome.get("result"))
