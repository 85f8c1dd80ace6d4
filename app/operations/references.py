"""Tenants, tags, interfaces: a request's words, resolved in NetBox; unknown ones refused, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.commands import Target, Traits, Unset
from app.domain.errors import UnknownReference, Violation
from app.domain.inventory import Assignment, Kind, ParentKind, Reference
from app.operations.places import unknown
from app.operations.ports import Inventory

_WORDS: Mapping[ParentKind, str] = {"device": "device", "virtual_machine": "virtual machine"}


@dataclass(frozen=True, slots=True)
class Named:
    """What a request's names stand for. None where the request does not say."""

    tenant: Reference | None = None
    tags: tuple[Reference, ...] | None = None
    interface: Assignment | None = None

    @property
    def tenant_slug(self) -> str:
        """The tenant's slug, by which conventions know it, whatever word the request has for it."""
        return (self.tenant.slug or "") if self.tenant else ""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves what a request names."""

    inventory: Inventory

    async def resolve(self, traits: Traits, default_tags: Sequence[str] = ()) -> Named:
        """The objects that are meant.

        Raises:
            UnknownReference: one entry for each name that NetBox does not have, with near matches; of a name
                that several have, one entry for each of them.
        """
        tenant, tenant_errors = await self._tenant(traits)
        tags, tag_errors = await self._tags(traits, default_tags)
        interface, interface_errors = await self._interface(traits)
        if errors := [*tenant_errors, *tag_errors, *interface_errors]:
            raise UnknownReference(errors=errors)
        return Named(tenant, tags, interface)

    async def _tenant(self, traits: Traits) -> tuple[Reference | None, list[Violation]]:
        wanted = traits.tenant
        if wanted is None or isinstance(wanted, Unset):
            return None, []
        found = await self.inventory.references(Kind.TENANT, [wanted])
        if wanted in found:
            return found[wanted], []
        near = await self.inventory.near(Kind.TENANT, str(wanted))
        return None, [unknown("/tenant", "tenant", wanted, near)]

    async def _tags(
        self, traits: Traits, defaults: Sequence[str]
    ) -> tuple[tuple[Reference, ...] | None, list[Violation]]:
        if isinstance(traits.tags, Unset) and not defaults:
            return None, []
        sent = () if isinstance(traits.tags, Unset) or traits.tags is None else traits.tags
        wanted = list(dict.fromkeys([*sent, *defaults]))
        found = await self.inventory.references(Kind.TAG, wanted) if wanted else {}
        errors = []
        for name in wanted:
            if name not in found:
                pointer = f"/tags/{sent.index(name)}" if name in sent else "/tags"
                errors.append(unknown(pointer, "tag", name, await self.inventory.near(Kind.TAG, name)))
        unique = {tag.id: tag for tag in found.values()}
        return tuple(unique.values()), errors

    async def _interface(self, traits: Traits) -> tuple[Assignment | None, list[Violation]]:
        target = traits.assign_to
        if target is None or isinstance(target, Unset):
            return None, []
        found = await self.inventory.interfaces(target.kind, target.parent, target.interface)
        if len(found) == 1:
            return found[0], []
        return None, await self._no_interface(target)

    async def _no_interface(self, target: Target) -> list[Violation]:
        """Why an interface is not found: no such parent, several of them, or none with such an interface."""
        kind, word = target.kind, _WORDS[target.kind]
        parents = await self.inventory.parents(kind, target.parent)
        if not parents:
            named = isinstance(target.parent, str)
            near = await self.inventory.near_parents(kind, str(target.parent)) if named else []
            return [unknown(f"/assign_to/{kind}", word, target.parent, near)]
        if len(parents) > 1:
            return [
                Violation(f"/assign_to/{kind}", "candidate", f"id {each.id}: {each.name} in {each.place}")
                for each in parents
            ]
        near = await self.inventory.near_interfaces(kind, parents[0].id, target.interface)
        what = f"interface of the {word} {parents[0].name or parents[0].id}"
        return [unknown("/assign_to/interface", what, target.interface, near)]
