"""`berth keys`: API keys of a running Berth, made, listed and revoked by administrators."""

import os
from typing import Annotated, Final
from urllib.parse import quote

import typer

from app.cli.words import complain, explained
from app.domain.inventory import Json

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

PATH: Final = "/api/v1/keys"
_DAY: Final = 24 * 3600


@keys.command()
def create(  # noqa: PLR0913 - one option a bound
    *,
    client: Annotated[str, typer.Option("--client", help="The client that the key is for.")],
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How long it counts; else for good.")
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", help="What it may do at most; may be repeated.")
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", help="A CIDR that it may allocate in; may be repeated.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="An RE2 pattern of names; may be repeated.")
    ] = None,
    quota: Annotated[int | None, typer.Option("--quota", min=0, help="How many addresses at once.")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--from", help="A CIDR that it may be used from; may be repeated.")
    ] = None,
) -> None:
    """Make an API key, and print it; it is shown this once."""
    from app.cli.remote import remote  # noqa: PLC0415 - takes time to import

    body: dict[str, Json] = {
        "client": client,
        "label": label,
        "expires_in_seconds": None if days is None else days * _DAY,
        "actions": [*(action or ())],
        "prefixes": [*(prefix or ())],
        "names": [*(name or ())],
        "quota": quota,
        "source_networks": [*(source or ())],
    }
    with explained():
        made = remote(os.environ).post(PATH, body)
    typer.echo(made["token"])
    complain(f"the key {made['id']} of {client}, {_until(made)}; it is not shown again")


@keys.command("list")
def list_(client: Annotated[str, typer.Option("--client", help="Only this client's.")] = "") -> None:
    """List API keys, also those that do not count any more."""
    from app.cli.remote import remote  # noqa: PLC0415 - takes time to import

    with explained():
        found = list(remote(os.environ).pages(PATH, client=client))
    for each in found:
        used = f"used last {each['last_used_at']}" if each.get("last_used_at") else "not used yet"
        typer.echo(f"{each['id']}  {each['client']}  {_until(each)}, {used}  {each['label']}".rstrip())
    if not found:
        typer.echo("there are no API keys")


@keys.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id, as `berth keys list` prints it.")]) -> None:
    """Have an API key count no longer, from the next request on."""
    from app.cli.remote import remote  # noqa: PLC0415 - takes time to import

    with explained():
        remote(os.environ).delete(f"{PATH}/{quote(key, safe='')}")
    typer.echo(f"{key}: revoked")


def _until(key: dict[str, Json]) -> str:
    if key.get("revoked_at"):
        return f"revoked {key['revoked_at']}"
    return f"good until {key['expires_at']}" if key.get("expires_at") else "good until it is revoked"
