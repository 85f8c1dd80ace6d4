"""The tables of resources: what NetBox has, as far as Berth and its tests use it."""

from app.emulator.resource import Resource
from app.emulator.resources import administration, dcim, ipam, virtualization

RESOURCES: dict[str, Resource] = {
    resource.model: resource
    for module in (dcim, ipam, virtualization, administration)
    for resource in module.RESOURCES
}
"""All resources by model."""

PATHS: dict[str, Resource] = {resource.path: resource for resource in RESOURCES.values()}
"""All resources by path."""
