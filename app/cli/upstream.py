"""What commands do with NetBox and the ledger: connect, ask one thing, let go."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import SQLAlchemyError

from app.cli.report import page
from app.credentials.sources import SecretMissing
from app.domain.errors import UnknownReference
from app.domain.inventory import Address, Network
from app.domain.policy import NamePlace, Policy
from app.main import netbox_settings
from app.naming.names import Names
from app.naming.numbers import Template, free_names
from app.netbox import NetBox, connect
from app.netbox.inspection import Check, inspect
from app.netbox.lookups import PATH, in_vrf
from app.netbox.provision import by_hand
from app.netbox.rows import Listing
from app.netbox.setup import (
    DROP_DNS_INDEX_SQL,
    DROP_INDEX_SQL,
    INDEX_SQL,
    Deed,
    Step,
    bootstrap,
    print_instructions,
)
from app.netbox.survey import survey
from app.policyfile import PolicyWrong, load
from app.settings import Settings, SettingsWrong, unknown_variables
from app.sourcing import netbox_token
from app.store.locator import database_url, said, shown

_PATIENCE = 5
"""Seconds that the ledger's database may take to accept a connection."""

__all__ = [
    "Check",
    "Deed",
    "Step",
    "examine",
    "index_advice",
    "instructions",
    "next_free",
    "prepare",
    "report",
    "unclaimed",
    "without_indexes",
]


@asynccontextmanager
async def netbox_of(settings: Settings) -> AsyncIterator[NetBox]:
    """A connection to NetBox for one command; it lets go when the command is over.

    Raises:
        SecretMissing: there is no token.
    """
    netbox = connect(netbox_settings(settings), netbox_token(settings))
    try:
        yield netbox
    finally:
        netbox.close()


def instructions(environ: Mapping[str, str], user: str = "") -> str:
    """What an administrator can do by hand, with how to undo the index; and the commands that make a user.

    Raises:
        SettingsWrong, PolicyWrong: nothing was printed.
    """
    settings = Settings.towards_netbox(environ, "not used")
    base = netbox_settings(settings).base
    text = print_instructions(base, _tags(settings))
    text = f"{text}\nTo remove the indexes:\n\n  {DROP_INDEX_SQL}\n  {DROP_DNS_INDEX_SQL}\n"
    return f"{text}\nA user with these rights, and its token:\n\n{by_hand(base, user)}" if user else text


def _tags(settings: Settings) -> tuple[str, ...]:
    return load(settings.policy_file, None).all_tags() if settings.policy_file else ()


def index_advice() -> str:
    """The SQL that keeps the uniqueness check of a large NetBox fast."""
    return (
        "With more than some 50 000 addresses, add this index to NetBox's database (for speed alone):\n"
        f"  {INDEX_SQL}\nTo remove it:\n  {DROP_INDEX_SQL}"
    )


def without_indexes() -> str:
    """The SQL that removes what was added to a large NetBox's database."""
    return f"  {DROP_INDEX_SQL}\n  {DROP_DNS_INDEX_SQL}"


async def report(environ: Mapping[str, str], most: int) -> str:
    """What NetBox holds, for whoever is going to allocate from it; of each kind at most so many lines.

    Raises:
        SettingsWrong, PolicyWrong, SecretMissing: nothing was looked up.
        UpstreamError, NetBoxNonsense: NetBox cannot be reached, refuses, or answers nonsense.
    """
    settings = Settings.towards_netbox(environ)
    policy = load(settings.policy_file, None) if settings.policy_file else Policy.default()
    async with netbox_of(settings) as netbox:
        facts = await netbox.facts()
        return page(await survey(netbox), policy, ".".join(map(str, facts.version)), most)


async def prepare(environ: Mapping[str, str], token: str) -> list[Step]:
    """Give NetBox the claim fields, and the tags of the policy if there is one.

    Raises:
        SettingsWrong, PolicyWrong: nothing was sent.
        UpstreamError: NetBox cannot be reached, or refuses the token.
    """
    settings = Settings.towards_netbox(environ, token)
    tags = _tags(settings)
    async with netbox_of(settings) as netbox:
        return await bootstrap(netbox.line, tags)


async def examine(environ: Mapping[str, str]) -> list[Check]:
    """Look at settings, policy, ledger and NetBox; what needs something that is missing is left out."""
    try:
        settings = Settings.read(environ)
    except SettingsWrong as wrong:
        return [Check("settings", ok=False, detail=problem) for problem in wrong.problems]
    checks = [Check("settings", ok=False, detail=line, required=False) for line in unknown_variables(environ)]
    checks += [_policy(settings.policy_file, environ), _ledger(settings)]
    try:
        async with netbox_of(settings) as netbox:
            return checks + await inspect(netbox)
    except SecretMissing as missing:
        return [*checks, Check("token", ok=False, detail=str(missing))]


async def next_free(template: Template, names: Names, place: NamePlace, environ: Mapping[str, str]) -> str:
    """The template's name with the lowest number that no address has in NetBox and the convention allows.

    Raises:
        NameTaken: there is none.
        NameRefused: the convention refuses all that are free.
        UnknownReference: there is not exactly one VRF of that name.
    """
    async with netbox_of(Settings.towards_netbox(environ)) as netbox:
        vrf_id = None if place.vrf is None else await _vrf(netbox, place.vrf)
        rows = await netbox.addresses.find_names(template.before.lower(), template.after.lower(), vrf_id)
        version = place.network.version if place.network else None
        taken = [row.dns_name for row in rows if version in (None, row.address.version)]
        return names.first_good(template, free_names(template, taken), place, 1)[0]


async def unclaimed(network: Network, vrf: str | None, environ: Mapping[str, str]) -> list[Address]:
    """Every address of the network and the VRF that carries no claim, in order.

    Raises:
        SettingsWrong, SecretMissing: nothing was looked up.
        UnknownReference: there is not exactly one VRF of that name.
    """
    async with netbox_of(Settings.towards_netbox(environ)) as netbox:
        vrf_id = None if vrf is None else await _vrf(netbox, vrf)
        found = await Listing(netbox.line, PATH, netbox.addresses.lookups.translate).matching(
            {"parent": str(network), **in_vrf(vrf_id)},
            lambda row: row.vrf_id == vrf_id and row.address.ip in network,
        )
    return sorted((each for each in found if not each.key), key=lambda each: int(each.address.ip))


async def _vrf(netbox: NetBox, name: str) -> int:
    found = await netbox.inventory.vrfs(name)
    if len(found) != 1:
        raise UnknownReference(f"NetBox has {len(found)} VRFs called {name!r}.")
    return found[0].id


def _policy(file: Path | None, environ: Mapping[str, str]) -> Check:
    if file is None:
        return Check("policy", ok=True, detail="none is set: names are RFC 1123 host names")
    try:
        return Check("policy", ok=True, detail=f"{file}, sha256 {load(file, environ).sha256}")
    except PolicyWrong as wrong:
        return Check("policy", ok=False, detail="; ".join(wrong.problems), what_to_do="Mend the file.")


def _ledger(settings: Settings) -> Check:
    """Whether the ledger can be written, as far as it can be told beside a running Berth."""
    url = database_url(settings.database)  # of a kind that the settings let pass
    return _file(Path(url.database or "")) if url.get_backend_name() == "sqlite" else _server(url)


def _server(url: URL) -> Check:
    """Whether the database takes connections."""
    engine = create_engine(url, connect_args={"connect_timeout": _PATIENCE})
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        detail = f"{shown(url)} cannot be used: {' '.join(said(error).split())}"
        return Check("ledger", ok=False, detail=detail, what_to_do="See BERTH_DATABASE_URL, and its server.")
    finally:
        engine.dispose()
    return Check("ledger", ok=True, detail=f"{shown(url)} takes connections")


def _file(path: Path) -> Check:
    """Whether the file can be written. It is not opened: a running Berth may have it."""
    place = next(each for each in (path, *path.absolute().parents) if each.exists())
    if os.access(place, os.W_OK) and (place == path or place.is_dir()):
        return Check("ledger", ok=True, detail=f"{path} can be written")
    detail = (
        f"{place} {'cannot be written by this user' if place == path or place.is_dir() else 'is no folder'}"
    )
    return Check("ledger", ok=False, detail=detail, what_to_do="See BERTH_STATE_DIR and BERTH_DATABASE_URL.")
