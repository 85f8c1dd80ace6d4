"""`berth bootstrap`, `uninstall` and `doctor`: preparing a NetBox, undoing it, and looking at it."""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.words import NO_WORK_DONE, NOT_AS_IT_SHOULD_BE, complain, explained

if TYPE_CHECKING:
    from app.netbox.setup import Step


def bootstrap(
    *,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the administrator's token from standard input.")
    ] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Change nothing; print what an administrator can do by hand.")
    ] = False,
    user: Annotated[
        str, typer.Option(help="Also make a NetBox user of this name, with the least rights and a token.")
    ] = "",
    user_token_file: Annotated[
        Path, typer.Option(help="The file for that user's token; one that is there is left alone.")
    ] = Path("netbox-token"),
    allowed_ip: Annotated[
        list[str] | None, typer.Option(help="A network that this token may be used from; may be repeated.")
    ] = None,
) -> None:
    """Create in NetBox what Berth needs: two custom fields, and the tags that the policy gives.

    An administrator's token is asked for, used once and not kept. Repeating it does no harm.
    """
    from app.cli import preparing, upstream  # noqa: PLC0415 - takes seconds to import

    with explained():
        if only_print:
            typer.echo(upstream.instructions(os.environ, user))
            return
        token = _token(from_stdin=token_stdin)
        steps = asyncio.run(upstream.prepare(os.environ, token))
        if user:
            making = preparing.make_user(os.environ, token, user, user_token_file, allowed_ip or [])
            try:
                steps += asyncio.run(making)
            except OSError as error:
                complain(f"{user_token_file} cannot be written ({error.strerror}); no token was made")
                raise typer.Exit(NO_WORK_DONE) from None
    _tell(steps)
    typer.echo(upstream.index_advice())
    if any(step.deed is upstream.Deed.WRONG for step in steps):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def uninstall(
    *,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the administrator's token from standard input.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Delete Berth's custom fields from NetBox. Every address and machine stays, without its key.

    An administrator's token is asked for, used once and not kept.
    """
    from app.cli import preparing, upstream  # noqa: PLC0415 - takes seconds to import

    with explained():
        token = _token(from_stdin=token_stdin)
        count = asyncio.run(preparing.held(os.environ, token))
        if not yes:
            typer.confirm(f"{count} addresses lose their keys, and stay as they are. Go on?", abort=True)
        steps = asyncio.run(preparing.remove(os.environ, token))
    _tell(steps)
    typer.echo(f"{count} addresses had a key, and stay. To remove the indexes from NetBox's database:")
    typer.echo(upstream.without_indexes())
    if any(step.deed is upstream.Deed.WRONG for step in steps):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def _tell(steps: "Iterable[Step]") -> None:
    for step in steps:
        typer.echo(f"{step.deed.value:<9} {step.what}{f': {step.detail}' if step.detail else ''}")


def doctor(
    *,
    report: Annotated[
        bool,
        typer.Option("--report", help="Instead, report in Markdown on what NetBox holds; reads only."),
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="Of the report, how many lines of each kind.")] = 20,
) -> None:
    """Say in plain words what is missing. Exit code 1 if something is."""
    from app.cli import upstream  # noqa: PLC0415 - takes seconds to import

    if report:
        with explained():
            typer.echo(asyncio.run(upstream.report(os.environ, most)), nl=False)
        return
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
