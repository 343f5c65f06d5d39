"""Baseline of B9: the tables of the service as a Python team would otherwise build it, and its connections.

`peer_web` takes notifications in, `peer_worker` delivers them, and procrastinate's tables are the queue between them.
"""

from __future__ import annotations

from typing import Any, Final

import procrastinate
import psycopg
from procrastinate.schema import SchemaManager
from psycopg_pool import AsyncConnectionPool

DELIVER: Final = "deliver"
"""Name of the task."""

_TABLES: Final = """
CREATE TYPE recipient_type AS ENUM ('user', 'guest', 'potential_customer', 'partner', 'other');
CREATE TYPE channel_type AS ENUM ('websocket', 'email', 'telegram', 'sms');
CREATE TYPE delivery_status AS ENUM ('pending', 'sent', 'failed');

CREATE TABLE notifications (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    recipient_id uuid NOT NULL,
    recipient_type recipient_type NOT NULL,
    title varchar(255) NOT NULL CHECK (title <> ''),
    message text NOT NULL,
    status delivery_status NOT NULL DEFAULT 'pending',
    metadata jsonb,
    is_read boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    idempotency_key text NOT NULL UNIQUE
);
CREATE INDEX notifications_by_recipient ON notifications (recipient_type, recipient_id, id);

CREATE TABLE notification_channels (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    channel channel_type NOT NULL,
    status delivery_status NOT NULL DEFAULT 'pending',
    address text,
    attempts integer NOT NULL DEFAULT 0,
    response jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (notification_id, channel)
);
"""


def create_schema(url: str) -> None:
    """Make the tables of the service and of the queue in an empty database."""
    with psycopg.connect(url) as connection:
        connection.execute(_TABLES)
        connection.execute(SchemaManager.get_schema())


def application() -> procrastinate.App:
    """Return an application of procrastinate without tasks, to be opened with a pool."""
    return procrastinate.App(connector=procrastinate.PsycopgConnector())


def pool_of(url: str, size: int, *, autocommit: bool = False) -> AsyncConnectionPool[Any]:
    """Return a pool, to be opened, that keeps ``size`` connections.

    procrastinate shares it: a pool of its own would ask before each use whether the connection is alive.
    """

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_autocommit(autocommit)

    return AsyncConnectionPool(url, min_size=size, max_size=size, open=False, timeout=60.0, configure=configure)
