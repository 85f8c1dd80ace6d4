"""What a request is about, for the rules: the place and the name of what is asked for, or of what stands."""

from app.access.rules import demand, reaches_into
from app.domain.commands import Caller, Wish
from app.domain.errors import Forbidden
from app.domain.inventory import Address, Pool
from app.domain.machines import Machine
from app.domain.registrations import MachineWish
from app.domain.rights import Action, Site

MAKES = (Action.ALLOCATE, Action.REGISTER)
CHANGES = (Action.UPDATE, Action.REGISTER)


def site_of(pool: Pool, name: str, tenant: str = "", *, part: bool = False) -> Site:
    """An address of a pool under a name; a `part` of a machine needs none."""
    vrf = pool.vrf.name if pool.vrf else None
    return Site(network=pool.network, vrf=vrf, tenant=tenant, name=name, nameless=part)


def site_of_address(address: Address) -> Site:
    """An address that is there; one without a name is not held to names."""
    return Site(
        network=address.address.network,
        vrf=address.vrf.name if address.vrf else None,
        tenant=address.tenant.slug if address.tenant else "",
        name=address.dns_name,
        nameless=True,
    )


def site_of_machine(machine: Machine) -> Site:
    """A machine that is there."""
    return Site(tenant=machine.tenant.slug if machine.tenant else "", name=machine.name)


def sees(caller: Caller, pool: Pool) -> bool:
    """Whether a prefix is shown to a caller: some rule of its is about it."""
    vrf = pool.vrf.name if pool.vrf else None
    return reaches_into(caller, pool.network, vrf, *MAKES, *CHANGES, Action.READ)


def check_may_assert(caller: Caller, wish: Wish | MachineWish) -> None:
    """Refuse to name on whose behalf something is asked for, where the caller may not.

    Raises:
        Forbidden: no rule allows it.
    """
    if not caller.doing or not (wish.requested_by or wish.reference):
        return
    try:
        demand(caller, Site(nameless=True), Action.ASSERT)
    except Forbidden as error:
        detail = "Leave `requested_by` and `reference` out, or ask for a role that allows `assert`."
        raise Forbidden(f"{error.detail} {detail}") from None
