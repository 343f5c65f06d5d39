"""Create the tables of notifications, channels, feeds and idempotency keys.

The models are frozen copies: later changes of `storage.tables` must not change what this migration did. They are
SQLite's; for PostgreSQL the same tables are written out with its own types below.
"""

from peewee import (
    SQL,
    BooleanField,
    Check,
    CompositeKey,
    Field,
    ForeignKeyField,
    IntegerField,
    Model,
    PostgresqlDatabase,
    TextField,
)


class Id(Field):
    field_type = "ID"


class Word(Field):
    field_type = "WORD"


class Time(Field):
    field_type = "MICROS"


class Count(Field):
    field_type = "BIGINT"


class Json(Field):
    field_type = "JSON"


class Title(Field):
    field_type = "TITLE"


def one_of(column, *words):
    # For IN, SQLite would build a table at each insert.
    return Check(" OR ".join(f"{column} = '{word}'" for word in words))


STATUS = one_of("status", "pending", "sent", "failed")


class Notifications(Model):
    id = Id(primary_key=True, constraints=[Check("length(id) = 36")])
    recipient_id = Id(null=True)
    recipient_type = Word(
        constraints=[one_of("recipient_type", "user", "guest", "potential_customer", "partner", "other")]
    )
    title = Title(constraints=[Check("length(title) BETWEEN 1 AND 255")])
    message = TextField()
    status = Word(constraints=[STATUS])
    metadata = Json(null=True, constraints=[Check("metadata IS NULL OR json_valid(metadata)")])
    is_read = BooleanField(constraints=[SQL("DEFAULT 0"), Check("is_read = 0 OR is_read = 1")])
    created_at = Time(constraints=[Check("typeof(created_at) = 'integer'")])
    read_at = Time(null=True)
    send_at = Time(null=True)
    expires_at = Time(null=True)
    cancelled_at = Time(null=True)
    entered_sequence = Count(null=True)
    sequence = Count(null=True)

    class Meta:
        table_name = "notifications"
        legacy_table_names = False


class NotificationChannels(Model):
    id = Id(primary_key=True, constraints=[Check("length(id) = 36")])
    notification_id = ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE",
        backref="channel_rows", index=False,
    )  # fmt: skip
    channel = Word(constraints=[one_of("channel", "websocket", "email", "telegram", "sms")])
    status = Word(constraints=[STATUS])
    attempts = IntegerField(constraints=[SQL("DEFAULT 0"), Check("attempts >= 0")])
    response = Json(null=True, constraints=[Check("response IS NULL OR json_valid(response)")])
    created_at = Time(constraints=[Check("typeof(created_at) = 'integer'")])
    address = TextField(null=True)
    attempt_limit = IntegerField()
    due_at = Time(null=True)
    claim_token = Id(null=True)

    class Meta:
        table_name = "notification_channels"
        legacy_table_names = False


class RecipientFeeds(Model):
    recipient_type = Word()
    recipient_id = Id()
    epoch = Count()
    last_sequence = Count()
    purged_sequence = Count(constraints=[SQL("DEFAULT 0")])
    delivered_sequence = Count(constraints=[SQL("DEFAULT 0")])
    unread_count = Count(constraints=[Check("unread_count >= 0")])

    class Meta:
        table_name = "recipient_feeds"
        legacy_table_names = False
        primary_key = CompositeKey("recipient_type", "recipient_id")
        without_rowid = True


class IdempotencyKeys(Model):
    caller = TextField()
    key = TextField()
    digest = TextField()
    notification_id = Id()

    class Meta:
        table_name = "idempotency_keys"
        legacy_table_names = False
        primary_key = CompositeKey("caller", "key")
        without_rowid = True


INDEXES = (
    # List for one recipient, newest first.
    (
        "CREATE INDEX notifications_by_recipient ON notifications (recipient_type, recipient_id, id) "
        "WHERE recipient_id IS NOT NULL"
    ),
    # Replay of a feed after a cursor. Unique, since a sequence belongs to one change.
    (
        "CREATE UNIQUE INDEX notifications_by_change ON notifications (recipient_type, recipient_id, sequence) "
        "WHERE sequence IS NOT NULL"
    ),
    # List of a feed in the order of entry.
    (
        "CREATE INDEX notifications_by_entry ON notifications (recipient_type, recipient_id, entered_sequence) "
        "WHERE entered_sequence IS NOT NULL"
    ),
    # Unread part of a feed, for marking all as read and for List(unread_only), however long the read part is.
    (
        "CREATE INDEX notifications_unread ON notifications (recipient_type, recipient_id, entered_sequence) "
        "WHERE entered_sequence IS NOT NULL AND NOT is_read"
    ),
    # List by status: what is pending or failed is a small part of the table, and what operators ask for.
    "CREATE INDEX notifications_pending ON notifications (id) WHERE status = 'pending'",
    "CREATE INDEX notifications_failed ON notifications (id) WHERE status = 'failed'",
    # The channels of a notification; no channel twice.
    "CREATE UNIQUE INDEX notification_channels_by_notification ON notification_channels (notification_id, channel)",
    # The queue: what is due on a channel.
    "CREATE INDEX notification_channels_due ON notification_channels (channel, due_at) WHERE status = 'pending'",
)


# PostgreSQL writes a new version of a row at each update, and updates are what a queue lives on: its tables are
# vacuumed after a small share has changed rather than the default fifth, and feeds keep room for new versions beside
# the old ones.
POSTGRESQL = """
CREATE TYPE recipient_type AS ENUM ('user', 'guest', 'potential_customer', 'partner', 'other');
CREATE TYPE channel_type AS ENUM ('websocket', 'email', 'telegram', 'sms');
CREATE TYPE delivery_status AS ENUM ('pending', 'sent', 'failed');

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    recipient_id uuid,
    recipient_type recipient_type NOT NULL,
    title varchar(255) NOT NULL CHECK (title <> ''),
    message text NOT NULL,
    status delivery_status NOT NULL,
    metadata jsonb,
    is_read boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    send_at timestamptz,
    expires_at timestamptz,
    cancelled_at timestamptz,
    entered_sequence bigint,
    sequence bigint
) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);

CREATE TABLE notification_channels (
    id uuid PRIMARY KEY,
    notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    channel channel_type NOT NULL,
    status delivery_status NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    response jsonb,
    created_at timestamptz NOT NULL,
    address text,
    attempt_limit integer NOT NULL,
    due_at timestamptz,
    claim_token uuid
) WITH (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02
);

CREATE TABLE recipient_feeds (
    recipient_type recipient_type NOT NULL,
    recipient_id uuid NOT NULL,
    epoch bigint NOT NULL,
    last_sequence bigint NOT NULL,
    purged_sequence bigint NOT NULL DEFAULT 0,
    delivered_sequence bigint NOT NULL DEFAULT 0,
    unread_count bigint NOT NULL CHECK (unread_count >= 0),
    PRIMARY KEY (recipient_type, recipient_id)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 1
);

CREATE TABLE idempotency_keys (
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    digest text NOT NULL,
    notification_id uuid NOT NULL,
    PRIMARY KEY (caller, key)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
"""


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(POSTGRESQL)
    else:
        with db.bind_ctx([Notifications, NotificationChannels, RecipientFeeds, IdempotencyKeys]):
            db.create_tables([Notifications, NotificationChannels, RecipientFeeds, IdempotencyKeys], safe=False)
    for statement in INDEXES:
        db.execute_sql(statement)
