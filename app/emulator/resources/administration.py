"""What surrounds the inventory: tenants, tags, custom fields, journal, change log, users, permissions."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

from app.emulator.errors import InvalidError
from app.emulator.fields import Boolean, Choice, Computed, Document, Integer, Slug, Stamp, Text, constants
from app.emulator.filters import identifier, lenient
from app.emulator.references import ForeignKey, GenericKey, References, Tags
from app.emulator.resource import Resource, Unique
from app.emulator.resources.common import NAMED, count, named, stamps, tail, unique_names
from app.emulator.values import now

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Clause, Row

TENANT = Resource(
    path="tenancy/tenants",
    model="tenancy.tenant",
    name="Tenant",
    verbose="tenant",
    fields=(
        *named(),
        *constants(group=None),
        *tail("tenancy.tenant"),
        *constants(circuit_count=0, rack_count=0, vlan_count=0),
        count("device_count", "dcim_device", "tenant"),
        count("ipaddress_count", "ipam_ipaddress", "tenant"),
        count("prefix_count", "ipam_prefix", "tenant"),
        count("site_count", "dcim_site", "tenant"),
        count("virtualmachine_count", "virtualization_virtualmachine", "tenant"),
        count("vrf_count", "ipam_vrf", "tenant"),
        count("cluster_count", "virtualization_cluster", "tenant"),
    ),
    brief=NAMED,
    unique=unique_names("tenant"),
)

TAG = Resource(
    path="extras/tags",
    model="extras.tag",
    name="Tag",
    verbose="tag",
    fields=(
        Text("name", required=True, blank=False, limit=100),
        Slug("slug"),
        Text("color", default="9e9e9e", limit=6, pattern="[0-9a-f]{6}", complaint="Enter a valid value."),
        Text("description"),
        Integer("weight", default=1000, low=0),
        Document("object_types", default=(), null=False, plural=True),
        count("tagged_items", "tagged_item", "tag_id"),
        *stamps(),
    ),
    brief=("id", "url", "display", "name", "slug", "color", "description"),
    order="weight, name, id",
    search=("name", "slug"),
    unique=unique_names("tag"),
)

_TYPES = {
    "text": "Text",
    "longtext": "Text (long)",
    "integer": "Integer",
    "decimal": "Decimal",
    "boolean": "Boolean (true/false)",
    "date": "Date",
    "url": "URL",
    "json": "JSON",
}
_DATA_TYPES = {"integer": "integer", "decimal": "decimal", "boolean": "boolean", "json": "object"}

CUSTOM_FIELD = Resource(
    path="extras/custom-fields",
    model="extras.customfield",
    name="CustomField",
    verbose="custom field",
    fields=(
        Document("object_types", required=True, null=False, plural=True),
        Choice("type", required=True, choices=_TYPES),
        *constants(related_object_type=None),
        Computed("data_type", reader=lambda row, _session: _DATA_TYPES.get(row["type"], "string")),
        Text(
            "name",
            required=True,
            blank=False,
            limit=50,
            pattern="[A-Za-z0-9_]+",
            complaint="Only alphanumeric characters and underscores are allowed.",
        ),
        Text("label", limit=50),
        Text("group_name", limit=50),
        Text("description"),
        Boolean("required"),
        Boolean("unique", column="unique_values"),
        Integer("search_weight", default=1000, low=0),
        Choice(
            "filter_logic",
            default="loose",
            choices={"disabled": "Disabled", "loose": "Loose", "exact": "Exact"},
        ),
        Choice(
            "ui_visible",
            default="always",
            choices={"always": "Always", "if-set": "If set", "hidden": "Hidden"},
        ),
        Choice("ui_editable", default="yes", choices={"yes": "Yes", "no": "No", "hidden": "Hidden"}),
        Boolean("is_cloneable"),
        Document("default", column="default_value"),
        Integer("weight", default=100, low=0),
        *constants(related_object_filter=None, validation_minimum=None, validation_maximum=None),
        *constants(validation_regex="", choice_set=None),
        *constants(since="4.7", nulls_first=True, validation_schema=None, owner=None),
        *constants(since="4.7", status={"value": "active", "label": "Active"}),
        Text("comments", limit=100_000),
        *stamps(),
    ),
    brief=("id", "url", "display", "name", "description"),
    display=lambda row: str(row["label"] or row["name"].replace("_", " ").capitalize()),
    order="group_name, weight, name",
    unique=(Unique(("name",), "custom field with this name already exists.", key="name"),),
)

JOURNAL_ENTRY = Resource(
    path="extras/journal-entries",
    model="extras.journalentry",
    name="JournalEntry",
    verbose="journal entry",
    fields=(
        GenericKey(
            "assigned_object",
            required=True,
            models=("ipam.ipaddress", "ipam.prefix", "virtualization.virtualmachine", "dcim.device"),
        ),
        Stamp("created"),
        Integer("created_by", null=True),
        Choice(
            "kind",
            default="info",
            choices={"info": "Info", "success": "Success", "warning": "Warning", "danger": "Danger"},
        ),
        Text("comments", required=True, blank=False, limit=100_000),
        Tags("tags"),
        *constants(custom_fields={}),
        Stamp("last_updated"),
    ),
    brief=("id", "url", "display", "created"),
    display=lambda row: f"{row['created'][:16].replace('T', ' ')} ({row['kind'].capitalize()})",
    order="created DESC, id DESC",
    search=("comments",),
    clean=lambda session, row, _old: row.update(created_by=row["created_by"] or session.account.user["id"]),
)


def _request_id(_session: Session, lookup: str, texts: list[str]) -> Clause | None:
    return None if lookup else ("request_id = ?", [identifier(texts[-1])])


def _changed(row: Row, session: Session) -> object:
    model = row["changed_object_type"]
    return session.brief(model, row["changed_object_id"]) if model in session.resources else None


OBJECT_CHANGE = Resource(
    path="core/object-changes",
    model="core.objectchange",
    name="ObjectChange",
    verbose="object change",
    fields=(
        Stamp("time"),
        ForeignKey("user", target="users.user", by="username", on_delete="set_null"),
        Text("user_name"),
        Text("request_id"),
        Choice("action", choices={"create": "Created", "update": "Updated", "delete": "Deleted"}),
        Text("changed_object_type"),
        Integer("changed_object_id"),
        Computed("changed_object", reader=_changed),
        Text("object_repr", since="4.7"),
        Text("message", since="4.7"),
        Document("prechange_data"),
        Document("postchange_data"),
    ),
    brief=(),
    display=lambda row: (
        f"{row['changed_object_type']} {row['object_repr']} {row['action']}d by {row['user_name']}"
    ),
    order="id DESC",
    search=("user_name", "object_repr"),
    filters={"request_id": lenient(_request_id)},
    indexes=("request_id", "changed_object_type, changed_object_id"),
    creates=False,
    changes=False,
    deletes=False,
    logged=False,
)

USER = Resource(
    path="users/users",
    model="users.user",
    name="User",
    verbose="user",
    fields=(
        Text("username", required=True, blank=False, limit=150),
        Text("password", required=True, blank=False, shown=False, limit=128),
        Text("first_name", limit=150),
        Text("last_name", limit=150),
        Text("email", limit=254),
        Boolean("is_active", default=True),
        Boolean("is_superuser", shown=False),
        Stamp("date_joined"),
        *constants(last_login=None, groups=[], permissions=[]),
    ),
    brief=("id", "url", "display", "username"),
    display=lambda row: str(row["username"]),
    order="username",
    search=("username", "first_name", "last_name", "email"),
    unique=(Unique(("username",), "A user with that username already exists.", key="username"),),
    clean=lambda _session, row, _old: row.update(date_joined=row["date_joined"] or now()),
)

_ALPHABET = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def make_token(session: Session, row: Row, old: Row | None) -> None:
    """Give a new token its secret: 40 characters, for v2 with a key of 12."""
    if old is not None:
        return
    time = now()
    if row["expires"] and row["expires"] <= time:
        clock = time[:19].replace("T", " ")
        text = f"Expiration time must be in the future. Current server time is {clock} (UTC)."
        raise InvalidError({"expires": [text]})
    modern = session.release.modern
    row["version"] = row["version"] if modern else 1
    row["plaintext"] = _random(40) if modern or not row["key"] else row["key"]
    row["key"] = _random(12) if row["version"] == 2 else None  # noqa: PLR2004
    row["pepper_id"] = 1 if row["key"] else None


def _show_token(session: Session, row: Row, values: Row) -> None:
    if "plaintext" in values and session.release.modern:
        session.secrets[row["id"]] = row["plaintext"]


TOKEN = Resource(
    path="users/tokens",
    model="users.token",
    name="Token",
    verbose="token",
    fields=(
        Integer("version", default=2, low=1, high=2, since="4.7"),
        Text("key", null=True, default=None, limit=40),
        Text("plaintext", shown=False, written=False),
        ForeignKey(
            "user", required=True, null=False, target="users.user", by="username", on_delete="cascade"
        ),
        Text("description"),
        Stamp("created"),
        Stamp("expires", written=True),
        *constants(last_used=None),
        Boolean("enabled", default=True, since="4.7"),
        Boolean("write_enabled", default=True),
        Integer("pepper_id", null=True, written=False, since="4.7"),
        Document("allowed_ips", default=(), null=False, plural=True),
        Computed("token", since="4.7", reader=lambda row, session: session.secrets.get(row["id"])),
    ),
    brief=("id", "url", "display", "version", "key", "enabled", "write_enabled", "description"),
    display=lambda row: str(row["key"] or "*" * 34 + row["plaintext"][-6:]),
    order="id",
    search=("description",),
    indexes=("plaintext", "key"),
    clean=make_token,
    after=_show_token,
    logged=False,
)

PERMISSION = Resource(
    path="users/permissions",
    model="users.objectpermission",
    name="ObjectPermission",
    verbose="permission",
    fields=(
        Text("name", required=True, blank=False, limit=100),
        Text("description"),
        Boolean("enabled", default=True),
        Document("object_types", required=True, null=False, plural=True),
        Document("actions", required=True, null=False, plural=True),
        Document("constraints"),
        *constants(groups=[]),
        References("users", target="users.user"),
    ),
    brief=("id", "url", "display", "name", "object_types", "users", "actions"),
)

RESOURCES = (TENANT, TAG, CUSTOM_FIELD, JOURNAL_ENTRY, OBJECT_CHANGE, USER, TOKEN, PERMISSION)
