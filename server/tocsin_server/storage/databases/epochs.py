"""Renewing the epochs of feeds, so that no cursor from before means anything any more."""

from __future__ import annotations

from typing import Final

import peewee
import psycopg2

from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.storage.databases.postgresql_connection import said_of

# Random numbers of 62 bits, never 0, as `new_ids.new_epoch` makes them.
_SQLITE: Final = "UPDATE recipient_feeds SET epoch = 1 + abs(random() % 4611686018427387903)"
_POSTGRESQL: Final = "UPDATE recipient_feeds SET epoch = 1 + floor(random() * 4611686018427387903)::bigint"


def renew(database: peewee.Database) -> int:
    """Renew all of them in one transaction, and return how many they are; closes the database.

    Raises:
        DatabaseUnusable: The database does not take it.
    """
    try:
        with database.atomic():
            statement = _SQLITE
            if isinstance(database, peewee.PostgresqlDatabase):
                database.execute_sql("SET LOCAL statement_timeout = 0")
                statement = _POSTGRESQL
            renewed: int = database.execute_sql(statement).rowcount
    except (peewee.DatabaseError, peewee.InterfaceError, psycopg2.Error) as error:
        raise DatabaseUnusable(f"cannot renew the epochs: {said_of(error)}") from error
    finally:
        database.close()
    return renewed
