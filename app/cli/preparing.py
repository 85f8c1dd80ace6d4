"""What `berth bootstrap --user` and `berth uninstall` do: a user for Berth, and taking away what was made."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.cli.upstream import netbox_of
from app.domain.inventory import CLAIM_FIELD
from app.netbox.lookups import PATH
from app.netbox.provision import make_token, provision
from app.netbox.rows import Listing
from app.netbox.setup import Deed, Step, take_away
from app.settings import Settings


async def make_user(
    environ: Mapping[str, str], token: str, name: str, file: Path, allowed_ips: Sequence[str]
) -> list[Step]:
    """A user with the least rights in NetBox, and its token in a file that only its owner can read.

    A file that is there stays as it is, and no token is made: so repeating this does no harm.

    Raises:
        UpstreamError, NetBoxNonsense: NetBox cannot be reached, or refuses.
        OSError: the file cannot be written. No token was made.
    """
    async with netbox_of(Settings.towards_netbox(environ, token)) as netbox:
        steps, user_id = await provision(netbox.line, name)
        what = f"token in {file}"
        place = _open(file)
        if place is None:
            return [*steps, Step(what, Deed.FOUND)]
        try:
            token = await make_token(netbox.line, user_id, allowed_ips)
        except BaseException:
            os.close(place)
            os.unlink(file)  # noqa: PTH108 - a command has no other tasks that this could hold up
            raise
        with os.fdopen(place, "w") as opened:
            opened.write(f"{token}\n")
        return [*steps, Step(what, Deed.CREATED)]


def _open(file: Path) -> int | None:
    """A new file for its owner's eyes; None if it is there."""
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None


async def held(environ: Mapping[str, str], token: str) -> int:
    """How many addresses carry a key.

    Raises:
        UpstreamError: NetBox cannot be reached, or refuses the token.
    """
    async with netbox_of(Settings.towards_netbox(environ, token)) as netbox:
        if CLAIM_FIELD not in await netbox.fields.find():  # its filter would be ignored
            return 0
        return await Listing(netbox.line, PATH, lambda row: row).count({f"cf_{CLAIM_FIELD}__empty": "false"})


async def remove(environ: Mapping[str, str], token: str) -> list[Step]:
    """Delete the custom fields. Addresses and machines stay, without keys and owners.

    Raises:
        UpstreamError: NetBox cannot be reached, or refuses the token.
    """
    async with netbox_of(Settings.towards_netbox(environ, token)) as netbox:
        return await take_away(netbox.line)
