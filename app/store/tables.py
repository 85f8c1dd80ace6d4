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

from app.ledger.machine_records import MACHINE_LIVE
from app.ledger.records import LIVE

metadata = MetaData()

live = text("state IN ({})".format(", ".join(sorted(f"'{state}'" for state in LIVE))))
"""The entries whose key, name and object are spoken for."""

entries = Table(
    "entries",
    metadata,
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("family", Integer, nullable=False),
    Column("vrf_id", BigInteger),
    Column("dns_name", Text, nullable=False),
    Column("name_claim", Text),
    Column("prefix", Text, nullable=False),
    Column("netbox_id", BigInteger),
    Column("address", Text),
    Column("sent", JSON, nullable=False),
    Column("mac_address", Text),
    Column("hold_seconds", Integer),
    Column("hold_until", Float),
    Column("requested_by", Text),
    Column("reference", Text),
    Column("opened_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("assigned", Text),
    Column("adopted", Boolean),
    Column("space", Text, nullable=False, server_default=""),
    Column("credential", Text, nullable=False, server_default=""),
    Index("entries_name_claim", "name_claim", unique=True, sqlite_where=live),
    Index("entries_netbox_id", "netbox_id", unique=True, sqlite_where=live),
    Index("entries_dns_name", "dns_name"),
    Index("entries_state", "state", "changed_at"),
    Index("entries_owner", "owner", "state"),
)

live_machines = text("state IN ({})".format(", ".join(sorted(f"'{state}'" for state in MACHINE_LIVE))))
"""The machines whose key and object are spoken for."""

machines = Table(
    "machines",
    metadata,
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("cluster_id", BigInteger),
    Column("netbox_id", BigInteger),
    Column("step", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stuck_in", Text, nullable=False),
    Column("held", JSON, nullable=False),
    Column("wanted", JSON),
    Column("requested_by", Text),
    Column("reference", Text),
    Column("opened_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("machines_netbox_id", "netbox_id", unique=True, sqlite_where=live_machines),
    Index("machines_name", "name"),
    Index("machines_state", "state", "changed_at"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("outcome", Text),
    Index("operations_open", "started_at", sqlite_where=text("outcome IS NULL")),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("bounds", JSON, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
    Index("api_keys_client", "client"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("words", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
    Column("used_from", Text, nullable=False),
    Column("operation", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("chain", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("time", Float, nullable=False),
    Column("event", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("netbox_request_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
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
