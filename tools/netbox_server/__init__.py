"""A real NetBox on this machine, with a PostgreSQL and a Redis of its own, for the tests."""
