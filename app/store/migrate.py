"""Bring the tables to this release's form.

Alembic takes longer to import than all the rest of a start, so only a database that an older release has
left is brought up with it. A new one is made from the tables in code, which a test holds to the migrations.
"""

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect, text

from app.store.tables import metadata

HEAD: Final = "0006"
"""The newest migration; a test holds it to the folder of migrations."""
_VERSION = """\
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


class FromTheFuture(Exception):
    """A later release of Berth has been at this database, and has changed it in ways this one can't know."""


def migrate(engine: Engine) -> None:
    """Run every migration that the database has not seen yet.

    Raises:
        FromTheFuture: the database has seen one that this release does not have.
    """
    seen = _seen(engine)
    if seen is None:
        _create(engine)
    elif seen != HEAD:
        upgrade(engine)


def _seen(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _create(engine: Engine) -> None:
    """Make the tables of a new database, all or none."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(connection)
        connection.exec_driver_sql(_VERSION)
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        connection.exec_driver_sql("COMMIT")


def upgrade(engine: Engine) -> None:
    """Run the migrations that the database has not seen yet, on an empty one all of them.

    Raises:
        FromTheFuture: the database has seen one that this release does not have.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # before it is imported: it tells of that, too
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise FromTheFuture(str(error)) from error
