"""What the request for a machine names: cluster, device, tenant, role, platform and tags, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.commands import Maybe, Unset
from app.domain.errors import Violation
from app.domain.inventory import Kind, Reference
from app.domain.registrations import MachineWish
from app.operations.places import unknown
from app.operations.ports import Inventory

_KINDS = {
    "cluster": Kind.CLUSTER,
    "device": Kind.DEVICE,
    "tenant": Kind.TENANT,
    "role": Kind.DEVICE_ROLE,
    "platform": Kind.PLATFORM,
}


@dataclass(slots=True)
class MachineNames:
    """What the names stand for. None where the request names nothing; `tags` by their word."""

    cluster: Reference | None = None
    device: Reference | None = None
    tenant: Reference | None = None
    role: Reference | None = None
    platform: Reference | None = None
    tags: dict[str | int, Reference] = field(default_factory=dict)
    unknown: list[Violation] = field(default_factory=list)

    def tag_ids(self, words: Maybe[Sequence[str]]) -> tuple[int, ...]:
        """The tags that are named, each once."""
        named = () if words is None or isinstance(words, Unset) else words
        return tuple(dict.fromkeys(self.tags[word].id for word in named if word in self.tags))


@dataclass(frozen=True, slots=True)
class MachineResolver:
    """Resolves what a request for a machine names."""

    inventory: Inventory

    async def cluster(self, wish: MachineWish) -> Reference | None:
        """The cluster alone, None where the request names none or one that is not there."""
        wanted = wish.cluster
        if wanted is None or isinstance(wanted, Unset):
            return None
        return (await self.inventory.references(Kind.CLUSTER, [wanted])).get(wanted)

    async def resolve(self, wish: MachineWish) -> MachineNames:
        """The objects that are meant; `unknown` has one violation for each name that NetBox does not have."""
        names = MachineNames()
        for word, kind in _KINDS.items():
            wanted = getattr(wish, word)
            if wanted is None or isinstance(wanted, Unset):
                continue
            found = await self.inventory.references(kind, [wanted])
            if wanted in found:
                setattr(names, word, found[wanted])
            else:
                near = await self.inventory.near(kind, str(wanted))
                names.unknown.append(unknown(f"/{word}", word, wanted, near))
        await self._tags(wish, names)
        return names

    async def _tags(self, wish: MachineWish, names: MachineNames) -> None:
        places = _tag_places(wish)
        if not places:
            return
        names.tags = await self.inventory.references(Kind.TAG, list(dict.fromkeys(tag for _, tag in places)))
        for pointer, tag in places:
            if tag not in names.tags:
                near = await self.inventory.near(Kind.TAG, tag)
                names.unknown.append(unknown(pointer, "tag", tag, near))


def _tag_places(wish: MachineWish) -> list[tuple[str, str]]:
    """Every tag of the machine and its interfaces, with where it stands."""
    lists: list[tuple[str, Maybe[tuple[str, ...]]]] = [("/tags", wish.tags)]
    interfaces = () if isinstance(wish.interfaces, Unset) else wish.interfaces
    lists += [(f"/interfaces/{at}/tags", each.tags) for at, each in enumerate(interfaces)]
    return [
        (f"{pointer}/{at}", tag)
        for pointer, tags in lists
        if tags is not None and not isinstance(tags, Unset)
        for at, tag in enumerate(tags)
    ]
