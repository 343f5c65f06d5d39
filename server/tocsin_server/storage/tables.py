"""The tables as peewee models: the present schema, which the numbered migrations lead to.

Field types are named after what they hold; `database` maps each name to the closest native type: on SQLite an id
is TEXT of 36 characters, a time is an integer (microseconds since the Unix epoch, under the declared type TIMESTAMP),
JSON is TEXT that passes ``json_valid``.
Values cross unconverted, see `tocsin_server.model`.

Which columns of ``notifications`` and ``notification_channels`` are whose: those up to ``created_at`` are the
specification's; those after it are ours, each with the reason for its being.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from peewee import (
    SQL,
    BooleanField,
    Check,
    CompositeKey,
    Field,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from tocsin_server.model import ChannelType, RecipientType, Status


class IdField(Field):
    """A UUID."""

    field_type = "ID"
    postgresql_type = "uuid"


class WordField(Field):
    """A value of a closed set of words."""

    field_type = "WORD"


class RecipientTypeField(WordField):
    """A `RecipientType`."""

    postgresql_type = "recipient_type"


class ChannelTypeField(WordField):
    """A `ChannelType`."""

    postgresql_type = "channel_type"


class StatusField(WordField):
    """A `Status`."""

    postgresql_type = "delivery_status"


class TimeField(Field):
    """A time in microseconds."""

    field_type = "MICROS"
    postgresql_type = "timestamptz"


class CountField(Field):
    """A 64-bit integer."""

    field_type = "BIGINT"
    postgresql_type = "bigint"


class JsonField(Field):
    """JSON text."""

    field_type = "JSON"
    postgresql_type = "jsonb"


class TitleField(Field):
    """At most 255 characters."""

    field_type = "TITLE"
    postgresql_type = "text"


def one_of(column: str, words: type[StrEnum]) -> Any:
    """Constrain a column to the words of an enumeration.

    Not with ``IN``, for which SQLite builds a table each time: it made up a third of an accepted notification's cost.
    """
    return Check(" OR ".join(f"{column} = {word.value!r}" for word in words))


class Notifications(Model):
    """What is to be told to whom."""

    # A UUIDv7 whose time part is created_at: ordering by id is ordering by (created_at, id), so that no index on
    # created_at is needed.
    id = IdField(primary_key=True, constraints=[Check("length(id) = 36")])
    recipient_id = IdField(null=True)
    recipient_type = RecipientTypeField(constraints=[one_of("recipient_type", RecipientType)])
    title = TitleField(constraints=[Check("length(title) BETWEEN 1 AND 255")])
    message = TextField()
    status = StatusField(constraints=[one_of("status", Status)])
    metadata = JsonField(null=True, constraints=[Check("metadata IS NULL OR json_valid(metadata)")])
    is_read = BooleanField(constraints=[SQL("DEFAULT 0"), Check("is_read = 0 OR is_read = 1")])
    created_at = TimeField(constraints=[Check("typeof(created_at) = 'integer'")])

    read_at = TimeField(null=True)
    # The caller's wish, kept to be shown; the rows' due_at is what delivery goes by.
    send_at = TimeField(null=True)
    # Checked just before each attempt.
    expires_at = TimeField(null=True)
    # Tells a row that fails after Cancel from one that ran out of attempts, and stops later retries of what was
    # being sent when Cancel came.
    cancelled_at = TimeField(null=True)
    # Place in the feed at which it entered (fixed) and of its latest change (moves up when it is read). The first
    # orders List; the second makes this table the feed's own compacted log: "after cursor c" is sequence > c.
    entered_sequence = CountField(null=True)
    sequence = CountField(null=True)

    class Meta:
        table_name = "notifications"
        legacy_table_names = False


class NotificationChannels(Model):
    """One way by which one notification goes out; also the queue of what is to be sent."""

    id = IdField(primary_key=True, constraints=[Check("length(id) = 36")])
    notification_id = ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE",
        backref="channel_rows", index=False,
    )  # fmt: skip
    channel = ChannelTypeField(constraints=[one_of("channel", ChannelType)])
    status = StatusField(constraints=[one_of("status", Status)])
    attempts = IntegerField(constraints=[SQL("DEFAULT 0"), Check("attempts >= 0")])
    response = JsonField(null=True, constraints=[Check("response IS NULL OR json_valid(response)")])
    created_at = TimeField(constraints=[Check("typeof(created_at) = 'integer'")])

    # NULL for websocket, whose address is the recipient.
    address = TextField(null=True)
    # Attempts after which the row fails; Retry raises it while attempts keeps counting.
    attempt_limit = IntegerField()
    # When something is to be done with a pending row: its next attempt or, while claim_token is set, the end of the
    # lease. So one condition finds rows that are due and rows whose holder died, and nothing has to sweep.
    # NULL once settled, and for a websocket row that waits for its subscriber without expiring.
    due_at = TimeField(null=True)
    # Names the claim under which the row is being sent; a result is written only under the same token.
    claim_token = IdField(null=True)

    class Meta:
        table_name = "notification_channels"
        legacy_table_names = False


class RecipientFeeds(Model):
    """Head of each recipient's feed. Its row lock makes the order of sequences the order of commits."""

    recipient_type = RecipientTypeField()
    recipient_id = IdField()
    # Random; cursors of another epoch are not comparable with this feed's sequences.
    epoch = CountField()
    last_sequence = CountField()
    # Newest sequence that retention removed: older cursors cannot be resumed without a hole.
    purged_sequence = CountField(constraints=[SQL("DEFAULT 0")])
    # Everything up to here was written to a live stream once, so that looking for what still waits for a subscriber
    # costs what is waiting, not the whole feed.
    delivered_sequence = CountField(constraints=[SQL("DEFAULT 0")])
    unread_count = CountField(constraints=[Check("unread_count >= 0")])

    class Meta:
        table_name = "recipient_feeds"
        legacy_table_names = False
        primary_key = CompositeKey("recipient_type", "recipient_id")
        without_rowid = True


class IdempotencyKeys(Model):
    """Which notification a caller's key stands for; lives as long as the notification."""

    caller = TextField()
    key = TextField()
    # Version and hash of the request's content, to tell a repetition from a reuse.
    digest = TextField()
    # No index leads to it: rows leave with their notification, in batches that know their keys.
    notification_id = IdField()

    class Meta:
        table_name = "idempotency_keys"
        legacy_table_names = False
        primary_key = CompositeKey("caller", "key")
        without_rowid = True


TABLES = (Notifications, NotificationChannels, RecipientFeeds, IdempotencyKeys)
