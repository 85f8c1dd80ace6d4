"""The naming convention as the operations and the routes see it: the policy in force, applied to a pool."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from app.domain.errors import NameRefused, NameTaken, Violation
from app.domain.inventory import Pool
from app.domain.policy import NamePlace, Policy
from app.naming.check import Verdict, covering, judge_dns_name, judge_machine_name
from app.naming.numbers import Template, template_of

EXAMINED: Final = 1000
"""How many free names are held against the convention before it counts as refusing them all."""


@dataclass(frozen=True, slots=True)
class Names:
    """Checks names. `policy` gives the policy in force, which may change between two calls."""

    policy: Callable[[], Policy]

    def verdict(self, dns_name: str, place: NamePlace, pointer: str = "/dns_name") -> Verdict:
        """All that is to be said of a DNS name at a place: what refuses it, and what it is warned of."""
        return judge_dns_name(dns_name, place, self.policy().dns_names, pointer)

    def machine_verdict(self, name: str, place: NamePlace, pointer: str = "/name") -> Verdict:
        """All that is to be said of a virtual machine's name."""
        policy = self.policy()
        return judge_machine_name(
            name, place, policy.machine_names, pointer, in_domains=policy.machines_in_domains
        )

    def violations(self, dns_name: str, pool: Pool, tenant: str, role: str) -> list[Violation]:
        """Every rule that refuses the DNS name of an address in the pool. `tenant` and `role` are slugs."""
        return list(self.verdict(dns_name, place_of(pool, tenant, role)).violations)

    def unique(self, dns_name: str, pool: Pool) -> bool:
        """Whether the name may be used once only in this VRF and family.

        It may unless a convention that it falls under lets it repeat and none demands the opposite. (What
        a convention for a tenant or a role says of this is not heard: a name is looked up before those.)
        """
        found = covering(dns_name, place_of(pool), self.policy().dns_names)
        said = [each.unique for each in found if each.unique is not None]
        return not said or any(said)

    def template(self, dns_name: str, place: NamePlace) -> Template | None:
        """The template that a DNS name was made from, by the conventions that it falls under."""
        found = covering(dns_name, place, self.policy().dns_names)
        return template_of(dns_name, [each.pattern for each in found if each.pattern])

    def first_good(
        self, template: Template, free: Iterable[str], place: NamePlace, most: int, pointer: str = ""
    ) -> list[str]:
        """The first of a template's free names that keep the convention, at most so many.

        A name that it refuses, such as a reserved one, is passed over.

        Raises:
            NameRefused: it refuses all of them; with what is wrong with the first.
            NameTaken: none is free.
        """
        first = template.name(1)
        if judge_dns_name(first, place, ()).violations:  # whatever the number
            raise NameRefused(errors=self.verdict(first, place, pointer).violations)
        judged = ((name, self.verdict(name, place, pointer).violations) for name in islice(free, EXAMINED))
        refused: tuple[Violation, ...] = ()
        good: list[str] = []
        for name, breaches in judged:
            refused = refused or breaches
            if not breaches:
                good.append(name)
            if len(good) == most:
                break
        if not good and refused:
            raise NameRefused(errors=refused)
        if not good:
            raise NameTaken(f"Every number of {template} is taken.", pointer=pointer or "/dns_name")
        return good


def place_of(pool: Pool, tenant: str = "", role: str = "") -> NamePlace:
    """A pool as a place for names."""
    return NamePlace(network=pool.network, vrf=pool.vrf.name if pool.vrf else None, tenant=tenant, role=role)
