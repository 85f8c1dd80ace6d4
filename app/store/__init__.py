"""The ledger's database."""

from app.store.database import Database, open_database

__all__ = ["Database", "open_database"]
