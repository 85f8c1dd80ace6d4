"""Where the database is."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.domain.errors import LedgerUnavailable

_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


def database_url(url: str) -> URL:
    """The URL with its driver.

    Raises:
        LedgerUnavailable: it is none of a database that Berth works with; it is not repeated, for it may
            hold a password.
    """
    try:
        made = make_url(url)
    except ArgumentError:
        raise _strange("no URL") from None
    if made.drivername == "sqlite":
        return made
    if made.drivername not in _POSTGRES:
        raise _strange(made.drivername)
    return made.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """The address without its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def said(error: Exception) -> str:
    """What the server or the driver said, without the statement and its values."""
    return str(getattr(error, "orig", None) or error).strip()


def _strange(what: str) -> LedgerUnavailable:
    return LedgerUnavailable(
        "The ledger is in SQLite (sqlite:///berth.db) or in PostgreSQL (postgresql://user@host/berth), "
        f"not {what}: see BERTH_DATABASE_URL."
    )
