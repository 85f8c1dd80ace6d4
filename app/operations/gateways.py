"""The gateway is never handed out.

NetBox has no field for a prefix's gateway, so the policy says where it is. If that address is not recorded
in NetBox, available-ips gives it to the first caller. So before a prefix is used, its gateway is recorded
(status reserved, no role: some roles may share an address), or the request is refused.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.domain.errors import GatewayUnrecorded
from app.domain.inventory import Address, Draft, Host, Network, Pool, PoolKind
from app.domain.policy import GatewayRule, Policy, PrefixRules
from app.domain.translation import to_error
from app.domain.upstream import FaultKind, Rejected, Unsure, UpstreamError
from app.ledger.ledger import Ledger
from app.ledger.records import Event
from app.operations.echo import Route
from app.operations.ports import Addresses, Inventory
from app.operations.turns import Nobody, Others, Turns

_SEEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Gateways:
    """Finds gateways by the policy's rules. A recorded gateway is believed for 60 s of `clock`."""

    policy: Callable[[], Policy]
    inventory: Inventory
    addresses: Addresses
    ledger: Ledger
    clock: Callable[[], float]
    others: Others = field(default_factory=Nobody)
    _recorded: dict[tuple[Host, int | None], float] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)

    def rules(self, pool: Pool) -> PrefixRules:
        """What the policy says of a pool."""
        return self.policy().prefix_rules(pool.network, pool.vrf.name if pool.vrf else None)

    async def route(self, pool: Pool, dns_name: str, owner: str) -> Route:
        """What the policy says of an address of the pool."""
        rules = self.rules(pool)
        vrf = pool.vrf.name if pool.vrf else None
        tags = self.policy().default_tags(pool.network, vrf, dns_name, owner)
        return Route(await self._gateway(pool.network, pool.vrf_id, rules.gateway), rules.dns_servers, tags)

    async def route_of(self, address: Address) -> Route:
        """The same for an address that exists; a prefix that is gone has no gateway.

        Raises:
            UpstreamError: NetBox does not say. An answer without a gateway that is there would be false.
        """
        network, vrf = address.address.network, address.vrf.name if address.vrf else None
        rules = self.policy().prefix_rules(network, vrf)
        tags = self.policy().default_tags(network, vrf, address.dns_name, address.owner or "")
        return Route(await self.gateway_of(address), rules.dns_servers, tags)

    async def gateway_of(self, address: Address) -> Host | None:
        """The gateway of the prefix that an address lies in."""
        network, vrf = address.address.network, address.vrf.name if address.vrf else None
        return await self._gateway(network, address.vrf_id, self.policy().prefix_rules(network, vrf).gateway)

    async def _gateway(self, network: Network, vrf_id: int | None, rule: GatewayRule | None) -> Host | None:
        if rule is None:
            return None
        pool = await self._pool(network, vrf_id, rule)
        return await self._find(pool, rule) if pool else None

    async def _pool(self, network: Network, vrf_id: int | None, rule: GatewayRule) -> Pool | None:
        """The prefix, read from NetBox only where the rule needs what stands there."""
        if rule.kind in ("literal", "first"):
            return Pool(PoolKind.PREFIX, 0, network)
        for pool in await self.inventory.prefixes_at(network):
            if pool.vrf_id == vrf_id:
                return pool
        return None

    async def _find(self, pool: Pool, rule: GatewayRule) -> Host | None:
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

    async def secure(self, pool: Pool, gateway: Host | None, event: Event, *, dry_run: bool = False) -> None:
        """See to it that NetBox will not hand the gateway out; a dry run only looks whether that can be.

        Raises:
            GatewayUnrecorded: it is not in NetBox, and the policy does not let Berth record it.
        """
        if gateway is None or not pool.holds(gateway):
            return
        async with self._turns(f"{gateway}@{pool.vrf_id}"):  # once, whoever comes first
            if self._is_believed(gateway, pool.vrf_id):
                return
            if not await self.addresses.find_host(gateway, pool.vrf_id):
                self._check_allowed(pool, gateway)
                if dry_run:
                    return
                async with self.others.alone(f"gateway {gateway}@{pool.vrf_id}") as shared:
                    if not (shared and await self.addresses.find_host(gateway, pool.vrf_id)):
                        await self._record(pool, gateway, event)
            self._recorded[gateway, pool.vrf_id] = self.clock()

    def _is_believed(self, gateway: Host, vrf_id: int | None) -> bool:
        seen = self._recorded.get((gateway, vrf_id))
        return seen is not None and self.clock() < seen + _SEEN_SECONDS

    def forget(self, pool: Pool, gateway: Host) -> None:
        """It was handed out after all: somebody deleted its record."""
        self._recorded.pop((gateway, pool.vrf_id), None)

    def _check_allowed(self, pool: Pool, gateway: Host) -> None:
        if not self.rules(pool).record_gateway:
            raise GatewayUnrecorded(
                f"The gateway {gateway} of the {pool} is not recorded in NetBox, which would hand it out: "
                "record it there (status reserved), or let the policy do it (record_gateway: true)."
            )

    async def _record(self, pool: Pool, gateway: Host, asked: Event) -> None:
        draft = Draft(
            key="",
            owner="",
            address=ipaddress.ip_interface(f"{gateway}/{pool.network.prefixlen}"),
            status="reserved",
            description="Gateway, recorded by Berth",
            message="berth: gateway of the prefix",
        )
        begun = await self.ledger.begin_note(replace(asked, action="gateway", key=""))
        try:
            receipt = await self.addresses.create(pool.vrf_id, [draft])
        except Rejected as rejection:
            taken = any(fault.kind is FaultKind.DUPLICATE for fault in rejection.items.values())
            await self.ledger.end_note(begun, "present" if taken else "refused")
            if not taken:
                raise to_error(rejection) from rejection
        except UpstreamError as error:
            await self.ledger.end_note(begun, "unknown" if isinstance(error, Unsure) else "refused")
            raise to_error(error) from error
        else:
            address = receipt.addresses[0]
            await self.ledger.end_note(begun, "recorded", address, receipt.request_id or "")


def first_usable(network: Network) -> Host | None:
    """The first address that a host can have: in a /31 or /127 the network address itself.

    A /32 or /128 is one host, and has no room for a gateway.
    """
    if network.num_addresses == 1:
        return None
    usable_network = network.num_addresses == 2  # noqa: PLR2004 - point to point
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
