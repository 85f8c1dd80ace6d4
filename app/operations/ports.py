"""What the operations ask of NetBox. Every method may raise the errors of `app.domain.upstream`."""

from collections.abc import Sequence
from typing import Protocol

from app.allocation.seats import Line, Seated
from app.domain.commands import Maybe
from app.domain.inventory import (
    Address,
    Assignment,
    Changes,
    ClaimFields,
    Draft,
    Host,
    Kind,
    Network,
    Parent,
    ParentKind,
    Pool,
    Receipt,
    Reference,
    Vrf,
)


class Addresses(Protocol):
    """IP addresses that exist in NetBox."""

    async def read(self, netbox_id: int) -> Address | None:
        """The address with this id; None if NetBox answers 404 (gone, or hidden from the token)."""
        ...

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Address]:
        """Those of the addresses that NetBox shows, in any order, in as few calls as possible."""
        ...

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Every address whose `berth_key` is exactly one of the keys."""
        ...

    async def find_host(self, host: Host, vrf_id: int | None) -> list[Address]:
        """Every address with this host part in the VRF (None: the global table), whatever its mask."""
        ...

    async def find_name(self, dns_name: str, vrf_id: int | None) -> list[Address]:
        """Every address with this DNS name (compared in lower case) in the VRF."""
        ...

    async def find_names(self, before: str, after: str, vrf_id: int | None) -> list[Address]:
        """Every address in the VRF whose DNS name begins and ends so (compared in lower case)."""
        ...

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create exactly the addresses that the drafts name, all or none. An empty key makes no claim."""
        ...

    async def change(self, address: Address, changes: Changes) -> Address:
        """Change the address, only if it is still as it was read (`address.etag`, NetBox >= 4.6).

        Returns what NetBox holds afterwards.
        """
        ...

    async def delete(self, address: Address, message: str) -> str:
        """Delete the address, only if it is still as it was read (`address.etag`, NetBox >= 4.6).

        Returns NetBox's id of the request, by which its change log can be searched; empty if it gave none.

        Raises:
            Missing: it is not there.
        """
        ...

    async def marked(self, pool: Pool, *, role: str = "", tag: str = "") -> list[Address]:
        """Addresses of the pool and its VRF with this role or this tag (slug); may be a few seconds old."""
        ...

    async def is_primary(self, address: Address) -> bool:
        """Whether the device or VM that the address is assigned to has it as its primary address."""
        ...


class Inventory(Protocol):
    """Prefixes, ranges and the other objects that a request names. Answers may be a few seconds old."""

    async def prefix(self, netbox_id: int) -> Pool | None:
        """The prefix with this id."""
        ...

    async def prefixes_at(self, network: Network) -> list[Pool]:
        """Every prefix with exactly this network, in whatever VRF."""
        ...

    async def prefixes_around(self, host: Host, vrf_id: Maybe[int]) -> list[Pool]:
        """Every prefix of the VRF (unset: of any) that contains the host, the most specific one first."""
        ...

    async def ip_range(self, netbox_id: int) -> Pool | None:
        """The IP range with this id."""
        ...

    async def ranges_at(self, first: Host, last: Host) -> list[Pool]:
        """Every IP range with exactly these bounds, in whatever VRF."""
        ...

    async def vrfs(self, reference: str | int) -> list[Vrf]:
        """VRFs by id, name or route distinguisher."""
        ...

    async def references(self, kind: Kind, names: Sequence[str | int]) -> dict[str | int, Reference]:
        """Those of the names (slug or name, or an id) that NetBox has, each with its object."""
        ...

    async def near(self, kind: Kind, name: str) -> list[str]:
        """Up to three names that resemble this one."""
        ...

    async def interfaces(self, kind: ParentKind, reference: str | int, name: str) -> list[Assignment]:
        """Every interface of this name on the devices or VMs of this name or id; never cached."""
        ...

    async def parents(self, kind: ParentKind, reference: str | int) -> list[Parent]:
        """The devices or VMs that this name or id stands for; never cached."""
        ...

    async def near_parents(self, kind: ParentKind, name: str) -> list[str]:
        """Up to three names of devices or VMs that resemble this one."""
        ...

    async def near_interfaces(self, kind: ParentKind, parent_id: int, name: str) -> list[str]:
        """Up to three of the interfaces of a device or VM whose names resemble this one."""
        ...

    async def preview(self, pool: Pool, limit: int) -> list[str]:
        """The next free addresses, with masks, as NetBox would hand them out now; never cached."""
        ...

    def forget(self, pool: Pool) -> None:
        """Drop what is cached about a pool: something about it turned out to have changed."""
        ...

    def forget_kind(self, kind: Kind) -> None:
        """Drop what is cached about all objects of a kind."""
        ...


class Fields(Protocol):
    """The custom fields that carry Berth's claims."""

    async def claim_fields(self) -> ClaimFields:
        """What NetBox has of them now; not cached."""
        ...


class Batcher(Protocol):
    """Takes addresses, batched; see `app.allocation.batcher`."""

    async def take(
        self, line: Line, draft: Draft, *, shared_roles: bool = False, arrival: int | None = None
    ) -> Seated:
        """An address for the draft: created now, or found under the same claim."""
        ...
