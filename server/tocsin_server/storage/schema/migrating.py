"""Numbered migrations, the same for both databases, applied in order and noted in ``schema_migrations``."""

from __future__ import annotations

from pathlib import Path

import peewee
from playhouse.migrations import Runner

from tocsin_server.domain.errors import DatabaseNewer, MigrationsPending

MIGRATIONS = Path(__file__).with_name("migrations")


def bring_up_to_date(database: peewee.Database, name: str, *, migrate: bool) -> list[str]:
    """Apply what is pending and return the names of it; the caller keeps others from doing the same meanwhile.

    Args:
        database: To be migrated.
        name: What to call it in an error.
        migrate: If false, pending migrations are an error rather than applied.

    Raises:
        DatabaseNewer: It has migrations that this version does not know.
        MigrationsPending: It lacks some and ``migrate`` is false.
    """
    runner = Runner(database, str(MIGRATIONS), table_name="schema_migrations")
    history = runner.status()
    unknown = [migration.name for migration in history if migration.path is None]
    if unknown:
        raise DatabaseNewer(f"{name} was migrated by a newer version of Tocsin ({', '.join(unknown)}); upgrade")
    pending = [migration.name for migration in history if migration.applied is None]
    if pending and not migrate:
        raise MigrationsPending(f"{name} needs migrations ({', '.join(pending)}); run: tocsin migrate")
    if not pending:
        return []
    applied: list[str] = runner.up()
    return applied
