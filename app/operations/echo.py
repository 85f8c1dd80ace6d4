"""As sent, and true: how an answer is put together.

NetBox normalises what it is given: letter case of a name, order of tags, null and empty. A client that
compares what it sent with what it gets back would see a change for ever. So where NetBox holds what was
sent but for that, the answer shows it as sent; where somebody changed it in NetBox, the change shows.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from app.domain.commands import target_of
from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD, Address, Assignment, Host, Json, Reference
from app.ledger.records import Entry
from app.naming.numbers import Template
from app.operations.answers import Allocation

_OURS = frozenset({CLAIM_FIELD, OWNER_FIELD})


@dataclass(frozen=True, slots=True)
class Route:
    """What the policy says of an address: its gateway, its name servers, the tags that it got unasked."""

    gateway: Host | None = None
    dns_servers: tuple[str, ...] = ()
    default_tags: tuple[str, ...] = ()


def show(entry: Entry, address: Address, sent: Mapping[str, Json], route: Route) -> Allocation:
    """The answer: what NetBox holds, in the words of the last write and of this request."""
    words = {**entry.sent, **sent}
    interface = address.address
    return Allocation(
        key=entry.key,
        state="active" if entry.hold_until is None else "held",
        address=shown_text(words, "address", str(interface), _same_host) or str(interface),
        ip=str(interface.ip),
        prefix_length=interface.network.prefixlen,
        family=interface.version,
        prefix=_place(words, "prefix", str(interface.network)),
        ip_range=_place(words, "ip_range", None),
        vrf=_place(words, "vrf", address.vrf.name if address.vrf else None),
        gateway=str(route.gateway) if route.gateway else None,
        netmask=str(interface.netmask),
        dns_name=shown_text(words, "dns_name", address.dns_name, _same_name),
        name_pattern=_pattern((sent, entry.sent), address.dns_name),
        dns_servers=route.dns_servers,
        description=shown_text(words, "description", address.description, same_text),
        status=shown_text(words, "status", address.status, same_status),
        role=shown_text(words, "role", address.role, same_text),
        tenant=_tenant(words, address.tenant),
        tags=shown_tags(words, address.tags, route.default_tags),
        custom_fields=shown_fields(words, address.custom_fields),
        mac_address=entry.mac_address,
        assigned_to=_assigned(address),
        assign_to=_assign_to(words, address.assigned),
        part_of=entry.key.partition("~")[0] if "~" in entry.key else None,
        hold_seconds=entry.hold_seconds,
        hold_until=_timestamp(entry.hold_until),
        owner=address.owner or entry.owner,
        requested_by=entry.requested_by,
        reference=entry.reference,
        netbox_id=str(address.id) if address.id else None,
        netbox_url=address.url or None,
    )


def shown_text(
    words: Mapping[str, Json], name: str, actual: str | None, same: Callable[[str, str], bool]
) -> str | None:
    """A text as it was sent, as long as it is the one that NetBox holds."""
    if name not in words:
        return actual
    word = words[name]
    return cast("str | None", word) if same(str(word or ""), actual or "") else actual


def _pattern(writes: Sequence[Mapping[str, Json]], dns_name: str) -> str | None:
    """The pattern that was sent, as long as the name is one of those that it makes."""
    for words in writes:
        pattern = words.get("name_pattern")
        if isinstance(pattern, str) and Template.parse(pattern).number_in(dns_name) is not None:
            return pattern
    return None


def _same_name(sent: str, actual: str) -> bool:
    return sent.strip().lower() == actual.lower()


def same_text(sent: str, actual: str) -> bool:
    """Whether NetBox would store one as the other."""
    return sent.strip() == actual


def same_status(sent: str, actual: str) -> bool:
    """NetBox has no address without a status; the one that it gives unasked is `active`."""
    return (sent.strip() or "active") == actual


def _same_host(sent: str, actual: str) -> bool:
    """An address that was sent without a mask is still the one that was sent."""
    try:
        wanted = ipaddress.ip_interface(sent)
    except ValueError:
        return False
    held = ipaddress.ip_interface(actual)
    return wanted == held if "/" in sent else wanted.ip == held.ip


def _place(words: Mapping[str, Json], name: str, otherwise: str | None) -> str | int | None:
    """Where an allocation lies cannot change under its key, so the word that was sent still holds."""
    word = words.get(name)
    return cast("str | int", word) if word is not None else otherwise


def _tenant(words: Mapping[str, Json], actual: Reference | None) -> str | int | None:
    word = words.get("tenant")
    if actual is None:
        return None
    named = {str(actual.id), actual.slug, actual.name}
    return cast("str | int", word) if str(word) in named else actual.slug


def shown_tags(
    words: Mapping[str, Json], actual: Sequence[Reference], defaults: Sequence[str]
) -> tuple[str, ...] | None:
    """Tags as they were sent, as long as NetBox holds these and the defaults; else their slugs in order."""
    word = words.get("tags")
    sent = tuple(str(tag) for tag in word) if isinstance(word, list) else ()
    if "tags" in words and _ids(sent, actual) | _ids(defaults, actual) == {tag.id for tag in actual}:
        known = all(_ids([tag], actual) for tag in sent)
        if known:
            return None if word is None else sent
    return tuple(sorted(tag.slug for tag in actual))


def _ids(names: Sequence[str], tags: Sequence[Reference]) -> set[int]:
    return {tag.id for tag in tags if tag.slug in names or tag.name in names}


def shown_fields(words: Mapping[str, Json], actual: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """As sent while the fields that were sent are as they were sent, whatever others there are.

    NetBox gives fields defaults: to whoever did not send those they would be a difference for ever.
    """
    shown = {name: value for name, value in sorted(actual.items()) if name not in _OURS and value is not None}
    word = words.get("custom_fields")
    if isinstance(word, dict) and all(actual.get(name) == value for name, value in word.items()):
        return word
    return None if word is None and "custom_fields" in words and not shown else shown


def _assigned(address: Address) -> Mapping[str, Json] | None:
    assigned = address.assigned
    if assigned is None:
        return None
    parent = "virtual_machine" if assigned.object_type == "virtualization.vminterface" else "device"
    return {parent: assigned.parent, "interface": assigned.interface}


def _assign_to(words: Mapping[str, Json], actual: Assignment | None) -> Mapping[str, Json] | None:
    """The interface that was sent, while the address is there. What nobody sent shows as `assigned_to`."""
    word = words.get("assign_to")
    return word if isinstance(word, dict) and target_of(word).is_at(actual) else None


def _timestamp(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
