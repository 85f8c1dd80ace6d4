"""`berth serve`, `demo`, `openapi` and `version`; the groups of commands are added here.

What takes seconds to import (web framework, NetBox client, database) is imported by the command that needs
it: a name or a policy is checked at once.
"""

import os
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from app.cli.adopt import adopt
from app.cli.audit import audit
from app.cli.keys import keys
from app.cli.names import names
from app.cli.netbox import bootstrap, doctor, uninstall
from app.cli.operations import operations
from app.cli.policy import policy
from app.cli.words import NO_WORK_DONE, complain, explained
from app.settings import Settings, unknown_variables

app = typer.Typer(
    help="The allocation desk in front of NetBox.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(names, name="names")
app.add_typer(policy, name="policy")
app.add_typer(audit, name="audit")
app.add_typer(operations, name="operations")
app.add_typer(keys, name="keys")
app.command()(bootstrap)
app.command()(doctor)
app.command()(uninstall)
app.command()(adopt)


def main() -> None:
    """Run the command that was typed."""
    app(prog_name="berth")


@app.command()
def serve() -> None:
    """Serve the API until SIGTERM; the settings come from the environment. SIGHUP reads the policy again."""
    with explained():
        settings = Settings.read(os.environ)
        for line in unknown_variables(os.environ):
            complain(line)
        from app.main import serve as serve_until_told  # noqa: PLC0415 - takes seconds, see above

        serve_until_told(settings, os.environ)


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8000,
    folder: Annotated[Path, typer.Option(help="Where its state is kept.")] = Path(".demo"),
) -> None:
    """Serve a demonstration on loopback, in front of an embedded NetBox: nothing to install or to set."""
    from app.demo import PortTaken  # noqa: PLC0415 - takes seconds, see above
    from app.demo import demo as serve_demo  # noqa: PLC0415 - takes seconds, see above

    with explained():
        try:
            serve_demo(port, folder, typer.echo)
        except PortTaken as taken:
            complain(str(taken))
            raise typer.Exit(NO_WORK_DONE) from None


@app.command()
def openapi(
    folder: Annotated[Path, typer.Argument(help="An existing folder.", exists=True, file_okay=False)],
) -> None:
    """Write the OpenAPI document into a folder, as JSON and as YAML."""
    from app.api.export import export  # noqa: PLC0415 - takes seconds, see above

    export(folder)


@app.command()
def version() -> None:
    """Print Berth's version."""
    typer.echo(version_of("berth-ipam"))
