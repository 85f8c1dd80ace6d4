"""What a request is about, for the rules: the place and the name of what is asked for, or of what stands."""

from dataclasses import replace

from app.access.rules import allows, demand, reaches_into
from app.domain.commands import Caller, Wish
from app.domain.errors import Forbidden
from app.domain.inventory import Address, Pool
from app.domain.machines import Machine
from app.domain.registrations import MachineWish
from app.domain.rights import Action, Site

MAKES = (Action.ALLOCATE, Action.REGISTER)
CHANGES = (Action.UPDATE, Action.REGISTER)


def site_of(pool: Pool, name: str, tenant: str, owner: str, *, part: bool = False) -> Site:
    """An address of a pool under a name; a `part` of a machine needs none."""
    vrf = pool.vrf.name if pool.vrf else None
    return Site(network=pool.network, vrf=vrf, tenant=tenant, name=name, nameless=part, owner=owner)


def site_of_address(address: Address, owner: str = "") -> Site:
    """An address that is there, and its `owner` by the ledger; one without a name is not held to names."""
    return Site(
        network=address.address.network,
        vrf=address.vrf.name if address.vrf else None,
        tenant=address.tenant.slug if address.tenant else "",
        name=address.dns_name,
        nameless=True,
        owner=address.owner or owner or None,
    )


def site_of_machine(machine: Machine, owner: str = "") -> Site:
    """A machine that is there, and its `owner` by the ledger."""
    tenant = machine.tenant.slug if machine.tenant else ""
    return Site(tenant=tenant, name=machine.name, owner=machine.owner or owner or None)


def demand_forced(caller: Caller, site: Site) -> None:
    """Refuse to force, where no rule allows it: to take over, or to give up what somebody else uses.

    Raises:
        Forbidden: says where it is allowed.
    """
    demand(caller, replace(site, owner=None), Action.OPERATE)


def check_may_give_up(caller: Caller, site: Site, action: Action) -> None:
    """Refuse to give up what is there, by force or without it, where no rule allows it.

    Raises:
        Forbidden: says where it is allowed.
    """
    if caller.forced:
        demand_forced(caller, site)
    else:
        demand(caller, site, action)


def sees(caller: Caller, pool: Pool) -> bool:
    """Whether a prefix is shown to a caller: some rule of its is about it."""
    vrf = pool.vrf.name if pool.vrf else None
    return reaches_into(caller, pool.network, vrf, *MAKES, *CHANGES, Action.READ)


def check_may_assert(caller: Caller, wish: Wish | MachineWish, site: Site | None = None) -> None:
    """Refuse to name on whose behalf something is asked for, where the caller may not.

    Before the place is known, a rule for some place is enough.

    Raises:
        Forbidden: no rule allows it.
    """
    if not (wish.requested_by or wish.reference):
        return
    try:
        if site is not None or not allows(caller, Action.ASSERT):
            demand(caller, site or Site(), Action.ASSERT)
    except Forbidden as error:
        detail = "Leave `requested_by` and `reference` out, or ask for a role that allows `assert`."
        raise Forbidden(f"{error.detail} {detail}") from None
