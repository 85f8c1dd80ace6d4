"""Addresses that are in NetBox already, put under keys by a running Berth, a hundred at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.cli.remote import Remote, objects, problem_lines
from app.cli.words import RemoteFailed
from app.domain.inventory import Address, Json

PATH: Final = "/api/v1/allocations/batch"
AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of one address: the key that holds it now, or why it was refused."""

    address: Address
    key: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Adoption:
    """Has a Berth adopt addresses, by their DNS names. With an `owner`, only if the token is of that one."""

    berth: Remote
    owner: str | None = None
    dry_run: bool = False

    def __call__(self, addresses: Sequence[Address]) -> Iterator[Adopted]:
        """What came of each, in order.

        Raises:
            RemoteFailed: Berth did not answer for the next hundred, or the token is another owner's.
        """
        for start in range(0, len(addresses), AT_ONCE):
            part = addresses[start : start + AT_ONCE]
            yield from map(_came_of, part, self._answers(part))

    def _answers(self, part: Sequence[Address]) -> list[dict[str, Json]]:
        """Nothing is adopted before a dry run has told whose it would be."""
        if self.owner is None:
            return self._sent(part, dry_run=self.dry_run)
        tried = self._sent(part, dry_run=True)
        owners = {str(made["owner"]) for each in tried if isinstance(made := each.get("allocation"), dict)}
        if others := owners - {self.owner}:
            raise RemoteFailed(f"BERTH_TOKEN is a token of {', '.join(sorted(others))}, not of {self.owner}")
        return self._sent(part, dry_run=False) if owners and not self.dry_run else tried

    def _sent(self, part: Sequence[Address], *, dry_run: bool) -> list[dict[str, Json]]:
        items: list[Json] = [_wish(address) for address in part]
        answer = self.berth.post(PATH, {"items": items}, dry_run="true" if dry_run else "")
        results = objects(answer, "items")
        if len(results) != len(part):
            raise RemoteFailed(f"Berth answered for {len(results)} of {len(part)} addresses")
        return results


def _wish(address: Address) -> dict[str, Json]:
    return {
        "adopt": True,
        "address": str(address.address),
        "vrf": address.vrf_id,
        "dns_name": address.dns_name,
    }


def _came_of(address: Address, result: dict[str, Json]) -> Adopted:
    made, problem = result.get("allocation"), result.get("problem")
    if isinstance(made, dict):
        return Adopted(address, key=str(made.get("key")))
    return Adopted(address, problem=problem_lines(problem)[0] if isinstance(problem, dict) else "no result")
