"""Finding virtual machines again, their interfaces and the addresses on these. Nothing here writes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from app.domain.inventory import CLAIM_FIELD, Address
from app.domain.machines import Machine, VmInterface
from app.domain.upstream import Missing, Rejected
from app.netbox import lookups, translate_machines
from app.netbox.gather import Gatherer
from app.netbox.lookups import Lookups
from app.netbox.resilience import Line
from app.netbox.rows import Listing, chunks, one_of
from app.netbox.translate_machines import VM_INTERFACE, Nic
from app.netbox.wire import Question, Reply, Value

V = TypeVar("V")
MACHINES: Final = "virtualization/virtual-machines/"
INTERFACES: Final = "virtualization/interfaces/"
SLIM: Final[Mapping[str, Value]] = {"exclude": "config_context", "omit": "config_context"}
"""Leaves the config context out, which nobody here reads: a third of a read's time (52 ms instead of 75 on
4.7.3), and of a write's on 4.3.7. 4.3 understands `exclude`, 4.7 `omit`; both ignore the other (measured)."""
_CLAIM: Final = f"cf_{CLAIM_FIELD}"
_Name: TypeAlias = tuple[str, int]
"""A name in lower case, and the id of its cluster."""


class MachineLookups:
    """Reads of machines and what belongs to them. Callers that ask at the same time share one call."""

    def __init__(self, line: Line, addresses: Lookups) -> None:
        self._line = line
        self.links = addresses.links
        self._machines = Listing(line, MACHINES, lambda row: translate_machines.machine(row, self.links))
        self._nics = Listing(line, INTERFACES, lambda row: translate_machines.vm_interface(row, self.links))
        self._addresses = Listing(line, lookups.PATH, addresses.translate)
        clock = line.clock
        self._by_id: Gatherer[int, Machine] = Gatherer(self._fetch_ids, clock)
        self._by_claim: Gatherer[str, list[Machine]] = Gatherer(self._fetch_claims, clock)
        self._by_name: Gatherer[_Name, list[Machine]] = Gatherer(self._fetch_names, clock)
        self._nics_of: Gatherer[int, list[VmInterface]] = Gatherer(self._fetch_nics, clock)
        self._addresses_of: Gatherer[int, list[Address]] = Gatherer(self._fetch_addresses, clock)

    async def read(self, netbox_id: int) -> Machine | None:
        """The machine with this id and its ETag (NetBox >= 4.6); None if it is gone or hidden."""
        reply = await self._one(MACHINES, netbox_id, SLIM)
        return None if reply is None else translate_machines.machine(reply.data, self.links, reply.etag)

    async def interface(self, netbox_id: int) -> VmInterface | None:
        """The interface with this id and its ETag (NetBox >= 4.6); None if it is gone or hidden."""
        found = await self.nic(netbox_id)
        return None if found is None else found.interface

    async def nic(self, netbox_id: int) -> Nic | None:
        """The interface with this id, its ETag, and all its MAC addresses."""
        reply = await self._one(INTERFACES, netbox_id, {})
        return None if reply is None else translate_machines.nic(reply.data, self.links, reply.etag)

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Machine]:
        """Those of the machines that NetBox shows, without ETags: lists carry none."""
        return list((await self._by_id.ask(netbox_ids)).values())

    async def find_claims(self, keys: Sequence[str]) -> list[Machine]:
        """Every machine whose claim is exactly one of the keys; see `Lookups.find_claims` about `null`."""
        legal = [key for key in dict.fromkeys(keys) if key not in ("", "null")]
        found = await self._by_claim.ask(legal)
        return [machine for machines in found.values() for machine in machines]

    async def find_name(self, name: str, cluster_id: int) -> list[Machine]:
        """Every machine of the cluster with this name, whatever its letter case; none without a name."""
        wanted = (name.lower(), cluster_id)
        return (await self._by_name.ask([wanted])).get(wanted, []) if name else []

    async def interfaces(self, machine_id: int) -> list[VmInterface]:
        """Every interface of the machine, by id; none of one that does not exist."""
        return (await self._nics_of.ask([machine_id])).get(machine_id, [])

    async def addresses(self, machine_id: int) -> list[Address]:
        """Every address on an interface of the machine, by id; none of one that does not exist."""
        return (await self._addresses_of.ask([machine_id])).get(machine_id, [])

    async def _one(self, path: str, netbox_id: int, params: Mapping[str, Value]) -> Reply | None:
        question = Question(
            method="GET", path=f"{path}{netbox_id}/", endpoint=f"{path}{{id}}/", params=params
        )
        try:
            return await self._line.ask(question)
        except Missing:
            return None

    async def _fetch_ids(self, netbox_ids: Sequence[int]) -> Mapping[int, Machine]:
        found: dict[int, Machine] = {}
        for part in chunks("id", netbox_ids):
            rows = await self._machines.matching({"id": part, **SLIM}, one_of(part, _id), limit=len(part) + 1)
            found |= {row.id: row for row in rows}
        return found

    async def _fetch_claims(self, keys: Sequence[str]) -> Mapping[str, list[Machine]]:
        found: dict[str, list[Machine]] = {}
        for part in chunks(_CLAIM, keys):
            fits = one_of(part, _key)
            limit = 2 * len(part) + 10
            for row in await self._machines.matching({_CLAIM: part, **SLIM}, fits, limit):
                found.setdefault(row.key or "", []).append(row)
        return found

    async def _fetch_names(self, wanted: Sequence[_Name]) -> Mapping[_Name, list[Machine]]:
        """A call for each cluster. The filter ignores letter case, as NetBox's uniqueness does."""
        found: dict[_Name, list[Machine]] = {}
        for cluster in dict.fromkeys(cluster for _, cluster in wanted):
            for part in chunks("name", [name for name, where in wanted if where == cluster]):
                for row in await self._named(part, cluster, alone=len(wanted) == 1):
                    found.setdefault((row.name.lower(), cluster), []).append(row)
        return found

    async def _named(self, names: Sequence[str], cluster: int, *, alone: bool) -> list[Machine]:
        params: dict[str, Value] = {"name": [*names], "cluster_id": cluster, **SLIM}
        try:
            return await self._machines.matching(params, lambda row: _is_in(row, names, cluster))
        except Rejected as error:
            return _none_of("cluster_id", error, alone=alone)

    async def _fetch_nics(self, machine_ids: Sequence[int]) -> Mapping[int, list[VmInterface]]:
        rows: list[VmInterface] = []
        for part in chunks("virtual_machine_id", machine_ids):
            fits = one_of(part, _machine_above)
            try:
                rows += await self._nics.matching({"virtual_machine_id": part}, fits)
            except Rejected as error:
                rows += _none_of("virtual_machine_id", error, alone=len(machine_ids) == 1)
        return _grouped(rows, _machine_above)

    async def _fetch_addresses(self, machine_ids: Sequence[int]) -> Mapping[int, list[Address]]:
        rows: list[Address] = []
        for part in chunks("virtual_machine_id", machine_ids):
            fits = one_of(part, _machine_of)
            rows += await self._addresses.matching({"virtual_machine_id": part}, fits)
        return _grouped(rows, _machine_of)


def _is_in(machine: Machine, names: Sequence[str], cluster: int) -> bool:
    return machine.name.lower() in names and machine.cluster is not None and machine.cluster.id == cluster


def _id(machine: Machine) -> int:
    return machine.id


def _key(machine: Machine) -> str | None:
    return machine.key


def _machine_above(interface: VmInterface) -> int:
    return interface.machine_id


def _machine_of(address: Address) -> int | None:
    """The machine that an address is assigned to."""
    assigned = address.assigned
    return assigned.parent_id if assigned and assigned.object_type == VM_INTERFACE else None


def _none_of(name: str, error: Rejected, *, alone: bool) -> list[V]:
    """What there is of an object that NetBox does not have: it refuses the filter (400) instead.

    Among several, the error goes on, and the gatherer asks for each by itself.
    """
    if alone and any(name in fault.messages for fault in error.items.values()):
        return []
    raise error


def _grouped(rows: Sequence[V], of: Callable[[V], int | None]) -> dict[int, list[V]]:
    groups: dict[int, list[V]] = {}
    for row in rows:
        groups.setdefault(of(row) or 0, []).append(row)
    return groups
