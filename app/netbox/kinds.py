"""Where NetBox keeps what a form offers to choose from."""

from typing import Final

from app.domain.inventory import Kind

KINDS: Final[dict[Kind, tuple[str, bool]]] = {
    Kind.VRF: ("ipam/vrfs/", False),
    Kind.SITE: ("dcim/sites/", True),
    Kind.TENANT: ("tenancy/tenants/", True),
    Kind.CLUSTER: ("virtualization/clusters/", False),
    Kind.PLATFORM: ("dcim/platforms/", True),
    Kind.TAG: ("extras/tags/", True),
    Kind.ROLE: ("ipam/roles/", True),
}
"""Each kind's path, and whether its objects have slugs. `roles` are those of prefixes (ipam.role)."""
