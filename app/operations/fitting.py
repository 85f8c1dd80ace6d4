"""Whether what NetBox holds under a key is what its entry was opened for."""

import ipaddress

from app.domain.inventory import Address
from app.ledger.records import Entry


def is_as_asked(entry: Entry, address: Address) -> bool:
    """Whether it is the owner's, where the entry asked for it, and the address that it asked for by name."""
    asked = entry.sent.get("address")
    other = isinstance(asked, str) and ipaddress.ip_interface(asked).ip != address.address.ip
    return is_in_place(entry, address) and not other


def is_in_place(entry: Entry, address: Address) -> bool:
    """Whether owner, VRF, family and place are the entry's, as far as its words tell.

    A prefix or a range that was named by its id tells nothing here: it may be gone from NetBox.
    """
    held = (address.owner, address.vrf_id, address.address.version)
    return (entry.owner, entry.vrf_id, entry.family) == held and _is_inside(entry.prefix, address)


def _is_inside(label: str, address: Address) -> bool:
    """Whether it lies in a prefix or between bounds, as `app.operations.places.label` writes them."""
    host = address.address.ip
    first, dash, last = label.removeprefix("range ").partition("-")
    if dash:
        bounds = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        return int(bounds[0]) <= int(host) <= int(bounds[1])
    return "/" not in label or host in ipaddress.ip_network(label)
