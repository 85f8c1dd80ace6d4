"""Bring the tables to this release's form.

Alembic takes longer to import than all the rest of a start, so only a database that an older release has
left is brought up with it. A new one is made from the tables in code, which a test holds to the migrations.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from app.store.tables import metadata

HEAD: Final = "0007"
"""The newest migration; a test holds it to the folder of migrations."""
FLOOR: Final = "0006"
"""The oldest newest migration of a release that can still work on these tables.

A migration that only adds leaves it as it is. One that takes something away raises it to the first release
that did without: see the decision record on rolling upgrades.
"""
_MIGRATING: Final = 0x6265727469
"""PostgreSQL's advisory lock of whoever brings the tables up to date."""
_VERSION = """\
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


class FromTheFuture(Exception):
    """A later release of Berth has been at this database, and has changed it in ways this one can't know."""


def migrate(engine: Engine) -> None:
    """Run every migration that the database has not seen yet; of several processes, one does.

    Raises:
        FromTheFuture: the database has seen one that this release does not have, and cannot work with.
    """
    with _alone(engine) as connection:
        seen = _seen(connection)
        if seen is None:
            _create(connection)
        elif seen > HEAD:
            _check_floor(connection, seen)
        elif seen != HEAD:
            upgrade(connection)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction beside which nobody else changes the tables: all or nothing."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            yield connection
        return
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATING})
        yield connection


def _seen(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _check_floor(connection: Connection, seen: str) -> None:
    """Whether a later release has left what this one needs."""
    floor = connection.execute(text("SELECT revision FROM schema_floor")).scalar_one()
    if floor > HEAD:
        raise FromTheFuture(
            f"a later release has brought it to {seen}, and releases before {floor} cannot work with that"
        )


def _create(connection: Connection) -> None:
    """Make the tables of a new database, all or none."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    metadata.create_all(connection)
    connection.exec_driver_sql(_VERSION)
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    connection.execute(text("INSERT INTO schema_floor VALUES (:floor)"), {"floor": FLOOR})
    connection.execute(text("INSERT INTO audit_taken VALUES (0)"))
    if sqlite:
        connection.exec_driver_sql("COMMIT")


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database has not seen yet, on an empty one all of them."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # before it is imported: it tells of that, too
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
