"""`berth adopt`: putting under keys what is in NetBox already."""

import asyncio
import os
from typing import Annotated

import typer

from app.cli.words import NOT_AS_IT_SHOULD_BE, explained, network


def adopt(
    *,
    prefix: Annotated[str, typer.Option(help="The CIDR of the prefix whose addresses are adopted.")],
    vrf: Annotated[str | None, typer.Option(help="The name of its VRF; without, the global table.")] = None,
    owner: Annotated[str | None, typer.Option(help="Stop unless BERTH_TOKEN is of this owner.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make every check and write nothing.")] = False,
) -> None:
    """Adopt a prefix's addresses that carry no key and have a DNS name. Exit code 1 if some were refused.

    Each is put under its DNS name as the key, by a running Berth (BERTH_URL, BERTH_TOKEN). Which there are is
    looked up in NetBox (NETBOX_URL, NETBOX_API_TOKEN). Repeating it does no harm.
    """
    from app.cli.adoption import Adoption  # noqa: PLC0415 - takes seconds to import
    from app.cli.remote import remote  # noqa: PLC0415 - takes seconds to import
    from app.cli.upstream import unclaimed  # noqa: PLC0415 - takes seconds to import

    within = network(prefix)
    word = "would be adopted" if dry_run else "adopted"
    refused = adopted = 0
    with explained():
        adoption = Adoption(remote(os.environ), owner, dry_run)
        found = asyncio.run(unclaimed(within, vrf, os.environ))
        nameless = [each for each in found if not each.dns_name]
        for each in adoption([each for each in found if each.dns_name]):
            refused, adopted = refused + bool(each.problem), adopted + (not each.problem)
            came_of = f"refused  {each.problem}" if each.problem else f"{word}  key {each.key}"
            typer.echo(f"{each.address.address}  {each.address.dns_name}  {came_of}")
    for address in nameless:
        typer.echo(f"{address.address}  left alone  it has no DNS name")
    typer.echo(f"{adopted} {word}, {refused} refused, {len(nameless)} left alone")
    if refused:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)
