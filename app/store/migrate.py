"""Bring the tables to this release's form.

Alembic takes about half a second to import, so a database that is up to date does without it: a restart
is then a good deal faster.
"""

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect, text

HEAD: Final = "0002"
"""The newest migration; a test holds it to the folder of migrations."""


class FromTheFuture(Exception):
    """A later release of Berth has been at this database, and has changed it in ways this one can't know."""


def migrate(engine: Engine) -> None:
    """Run every migration that the database has not seen yet.

    Raises:
        FromTheFuture: the database has seen one that this release does not have.
    """
    if _seen(engine) != HEAD:
        _upgrade(engine)


def _seen(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(engine: Engine) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise FromTheFuture(str(error)) from error
