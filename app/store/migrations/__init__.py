"""Migrations, run by `app.store.migrate`."""
