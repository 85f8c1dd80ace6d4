"""The tables, as the newest migration leaves them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.sql.elements import TextClause

from app.ledger.machine_records import MACHINE_LIVE
from app.ledger.records import LIVE

metadata = MetaData()

WORDS = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared by its bytes, whatever the language of the database: pages go on after a key."""
NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only in a column of exactly this type."""


def _partly(name: str, column: str, where: TextClause, *, unique: bool = False) -> Index:
    return Index(name, column, unique=unique, sqlite_where=where, postgresql_where=where)


live = text("state IN ({})".format(", ".join(sorted(f"'{state}'" for state in LIVE))))
"""The entries whose key, name and object are spoken for."""

entries = Table(
    "entries",
    metadata,
    Column("key", WORDS, primary_key=True),
    Column("owner", WORDS, nullable=False),
    Column("state", WORDS, nullable=False),
    Column("operation", WORDS, nullable=False),
    Column("family", Integer, nullable=False),
    Column("vrf_id", BigInteger),
    Column("dns_name", WORDS, nullable=False),
    Column("name_claim", WORDS),
    Column("prefix", WORDS, nullable=False),
    Column("netbox_id", BigInteger),
    Column("address", WORDS),
    Column("sent", JSON, nullable=False),
    Column("mac_address", WORDS),
    Column("hold_seconds", Integer),
    Column("hold_until", Float),
    Column("requested_by", WORDS),
    Column("reference", WORDS),
    Column("opened_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("assigned", WORDS),
    Column("adopted", Boolean),
    Column("space", WORDS, nullable=False, server_default=""),
    Column("credential", WORDS, nullable=False, server_default=""),
    _partly("entries_name_claim", "name_claim", live, unique=True),
    _partly("entries_netbox_id", "netbox_id", live, unique=True),
    Index("entries_dns_name", "dns_name"),
    Index("entries_state", "state", "changed_at"),
    Index("entries_owner", "owner", "state"),
)

live_machines = text("state IN ({})".format(", ".join(sorted(f"'{state}'" for state in MACHINE_LIVE))))
"""The machines whose key and object are spoken for."""

machines = Table(
    "machines",
    metadata,
    Column("key", WORDS, primary_key=True),
    Column("owner", WORDS, nullable=False),
    Column("state", WORDS, nullable=False),
    Column("operation", WORDS, nullable=False),
    Column("action", WORDS, nullable=False),
    Column("name", WORDS, nullable=False),
    Column("cluster_id", BigInteger),
    Column("netbox_id", BigInteger),
    Column("step", WORDS, nullable=False),
    Column("reason", WORDS, nullable=False),
    Column("stuck_in", WORDS, nullable=False),
    Column("held", JSON, nullable=False),
    Column("wanted", JSON),
    Column("requested_by", WORDS),
    Column("reference", WORDS),
    Column("opened_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    _partly("machines_netbox_id", "netbox_id", live_machines, unique=True),
    Index("machines_name", "name"),
    Index("machines_state", "state", "changed_at"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", WORDS, primary_key=True),
    Column("key", WORDS, nullable=False),
    Column("action", WORDS, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("outcome", WORDS),
    Column("holder", WORDS),
    Column("until", Float),
    _partly("operations_open", "started_at", text("outcome IS NULL")),
    _partly("operations_open_key", "key", text("outcome IS NULL")),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", WORDS, primary_key=True),
    Column("client", WORDS, nullable=False),
    Column("digest", WORDS, nullable=False),
    Column("label", WORDS, nullable=False),
    Column("bounds", JSON, nullable=False),
    Column("created_by", WORDS, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
    Index("api_keys_client", "client"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", WORDS, primary_key=True),
    Column("owner", WORDS, nullable=False),
    Column("digest", WORDS, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("words", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
    Column("used_from", WORDS, nullable=False),
    Column("operation", WORDS, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", WORDS, primary_key=True),
    Column("holder", WORDS, nullable=False),
    Column("until", Float, nullable=False),
)
"""What one process does for all, until a moment of the database's clock."""

schema_floor = Table("schema_floor", metadata, Column("revision", WORDS, primary_key=True))
"""One row: the oldest newest migration of a release that can still work on these tables."""

audit_taken = Table("audit_taken", metadata, Column("lines", NUMBER, primary_key=True))
"""One row: how many lines the audit log has ever taken, for PostgreSQL; SQLite counts by itself."""

audit = Table(
    "audit",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("chain", WORDS, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("time", Float, nullable=False),
    Column("event", WORDS, nullable=False),
    Column("action", WORDS, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("operation", WORDS, nullable=False),
    Column("owner", WORDS, nullable=False),
    Column("request_id", WORDS, nullable=False),
    Column("netbox_request_id", WORDS, nullable=False),
    Column("name", WORDS, nullable=False),
    Column("address", WORDS, nullable=False),
    Column("body", WORDS, nullable=False),
    Column("previous", WORDS, nullable=False),
    Column("hash", WORDS, nullable=False),
    Index("audit_chain", "chain", "sequence", unique=True),
    Index("audit_key", "key"),
    Index("audit_request", "request_id"),
    sqlite_autoincrement=True,
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("secret", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("first_seen", Float, nullable=False),
)
"""Of the secrets that Berth has used, never the secrets themselves."""
