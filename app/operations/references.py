"""Tenants and tags: the words of a request, resolved against NetBox; unknown ones refused, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.commands import Traits, Unset
from app.domain.errors import UnknownReference, Violation
from app.domain.inventory import Kind, Reference
from app.operations.places import unknown
from app.operations.ports import Inventory


@dataclass(frozen=True, slots=True)
class Named:
    """What a request's names stand for. None where the request does not say."""

    tenant: Reference | None = None
    tags: tuple[Reference, ...] | None = None

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
            UnknownReference: one entry for each name that NetBox does not have, with near matches.
        """
        tenant, tenant_errors = await self._tenant(traits)
        tags, tag_errors = await self._tags(traits, default_tags)
        if errors := [*tenant_errors, *tag_errors]:
            raise UnknownReference(errors=errors)
        return Named(tenant, tags)

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
