"""The gateway is never handed out.

NetBox has no field for a prefix's gateway, so the policy says where it is. If that address is not recorded
in NetBox, available-ips gives it to the first caller. So before a prefix is used, its gateway is recorded
(status reserved, no role: some roles may share an address), or the request is refused.
"""

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from app.domain.errors import GatewayUnrecorded
from app.domain.inventory import Address, Draft, Host, Network, Pool, PoolKind
from app.domain.policy import GatewayRule, Policy, PrefixRules
from app.domain.upstream import FaultKind, Rejected, UpstreamError
from app.ledger.ledger import Ledger
from app.ledger.records import Event
from app.operations.echo import Route
from app.operations.ports import Addresses, Inventory

_SEEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Gateways:
    """Finds gateways by the policy's rules. A recorded gateway is believed for 60 s of `clock`."""

    policy: Callable[[], Policy]
    inventory: Inventory
    addresses: Addresses
    ledger: Ledger
    clock: Callable[[], float]
    _recorded: dict[tuple[Host, int | None], float] = field(default_factory=dict)

    def rules(self, pool: Pool) -> PrefixRules:
        """What the policy says of a pool."""
        return self.policy().prefix_rules(pool.network, pool.vrf.name if pool.vrf else None)

    async def route(self, pool: Pool, dns_name: str, owner: str) -> Route:
        """What the policy says of an address of the pool."""
        rules = self.rules(pool)
        vrf = pool.vrf.name if pool.vrf else None
        tags = self.policy().default_tags(pool.network, vrf, dns_name, owner)
        return Route(await self._find(pool, rules.gateway), rules.dns_servers, tags)

    async def route_of(self, address: Address) -> Route:
        """The same for an address that exists; a prefix that is gone, or out of reach, has no gateway."""
        network, vrf = address.address.network, address.vrf.name if address.vrf else None
        rules = self.policy().prefix_rules(network, vrf)
        tags = self.policy().default_tags(network, vrf, address.dns_name, address.owner or "")
        gateway = None
        with suppress(UpstreamError):
            pool = await self._pool(network, address.vrf_id, rules.gateway)
            gateway = await self._find(pool, rules.gateway) if pool else None
        return Route(gateway, rules.dns_servers, tags)

    async def _pool(self, network: Network, vrf_id: int | None, rule: GatewayRule | None) -> Pool | None:
        """The prefix, read from NetBox only where the rule needs what stands there."""
        if rule is None or rule.kind in ("literal", "first"):
            return Pool(PoolKind.PREFIX, 0, network)
        for pool in await self.inventory.prefixes_at(network):
            if pool.vrf_id == vrf_id:
                return pool
        return None

    async def _find(self, pool: Pool, rule: GatewayRule | None) -> Host | None:
        if rule is None:
            return None
        if rule.kind == "literal":
            return _host(rule.value, pool)
        if rule.kind == "first":
            return first_usable(pool.network)
        if rule.kind == "custom_field":
            return _host(pool.custom_fields.get(rule.value), pool)
        marked = await self.addresses.marked(
            pool,
            role=rule.value if rule.kind == "role" else "",
            tag=rule.value if rule.kind == "tag" else "",
        )
        return marked[0].address.ip if marked else None

    async def secure(self, pool: Pool, gateway: Host | None, event: Event) -> None:
        """See to it that NetBox will not hand the gateway out.

        Raises:
            GatewayUnrecorded: it is not in NetBox, and the policy does not let Berth record it.
        """
        if gateway is None or not pool.holds(gateway):
            return
        mark = (gateway, pool.vrf_id)
        if self._recorded.get(mark, -_SEEN_SECONDS) > self.clock() - _SEEN_SECONDS:
            return
        if not await self.addresses.find_host(gateway, pool.vrf_id):
            await self._record(pool, gateway, event)
        self._recorded[mark] = self.clock()

    def forget(self, pool: Pool, gateway: Host) -> None:
        """It was handed out after all: somebody deleted its record."""
        self._recorded.pop((gateway, pool.vrf_id), None)

    async def _record(self, pool: Pool, gateway: Host, event: Event) -> None:
        if not self.rules(pool).record_gateway:
            raise GatewayUnrecorded(
                f"The gateway {gateway} of the {pool} is not recorded in NetBox, which would hand it out: "
                "record it there (status reserved), or let the policy do it (record_gateway: true)."
            )
        draft = Draft(
            key="",
            owner="",
            address=ipaddress.ip_interface(f"{gateway}/{pool.network.prefixlen}"),
            status="reserved",
            description="Gateway, recorded by Berth",
            message="berth: gateway of the prefix",
        )
        begun = await self.ledger.begin_note(event)
        try:
            receipt = await self.addresses.create(pool.vrf_id, [draft])
        except Rejected as rejection:
            taken = any(fault.kind is FaultKind.DUPLICATE for fault in rejection.items.values())
            await self.ledger.end_note(begun, "present" if taken else "refused")
            if not taken:
                raise
        except UpstreamError:
            await self.ledger.end_note(begun, "unknown")
            raise
        else:
            address = receipt.addresses[0]
            await self.ledger.end_note(begun, "recorded", address, receipt.request_id or "")


def first_usable(network: Network) -> Host:
    """The first address that a host can have: in a /31, /32, /127 or /128 the network address itself."""
    usable_network = network.num_addresses <= 2  # noqa: PLR2004 - point to point and single hosts
    return network.network_address if usable_network else network.network_address + 1


def _host(text: object, pool: Pool) -> Host | None:
    """An address as it stands in a policy or a custom field (plain, with a mask, or an object's address)."""
    value = text.get("address") if isinstance(text, dict) else text
    if not isinstance(value, str) or not value:
        return None
    try:
        host = ipaddress.ip_interface(value).ip
    except ValueError:
        return None
    return host if host.version == pool.network.version else None
