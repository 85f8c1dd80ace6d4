"""Where NetBox keeps what requests name and forms offer."""

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
    Kind.DEVICE: ("dcim/devices/", False),
    Kind.DEVICE_ROLE: ("dcim/device-roles/", True),
}
"""Each kind's path, and whether its objects have slugs. `ROLE` is that of prefixes (ipam.role), `DEVICE_ROLE`
that of devices and virtual machines."""
