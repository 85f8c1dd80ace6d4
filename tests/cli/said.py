"""Commands, run in this process, and what they said."""

from collections.abc import Mapping
from dataclasses import dataclass

from typer.testing import CliRunner

from app.cli import app
from app.emulator import SEED_TOKEN
from app.settings import Settings, variable

OURS: dict[str, str | None] = {"BERTH_URL": None, **{variable(name): None for name in Settings.model_fields}}


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str


def berth(*arguments: str, stdin: str = "", **environ: str) -> Said:
    """Run a command with these settings and no others."""
    result = CliRunner().invoke(app, list(arguments), input=stdin, env={**OURS, **environ})
    return Said(result.exit_code, result.stdout, result.stderr)


def at(url: str, **more: str) -> Mapping[str, str]:
    """An environment that suffices."""
    return {"NETBOX_URL": url, "NETBOX_API_TOKEN": SEED_TOKEN, "BERTH_TOKEN": "secret", **more}
