"""The tables as peewee models: the present schema, which the numbered migrations lead to.

Field types are named after what they hold, and each has its native type: on SQLite (`databases.sqlite_file`) an id is
TEXT of 36 characters, a time is an integer (microseconds since the Unix epoch, under the declared type TIMESTAMP),
JSON is TEXT that passes ``json_valid``; on PostgreSQL a field's ``postgresql_type``.
Values cross unconverted, see `tocsin_server.domain.model`.

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

from tocsin_server.domain.model import ChannelType, RecipientType, Status


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
    # Name of the caller that sent it, empty while there was no authentication. Others may not cancel or retry it.
    owner = TextField(constraints=[SQL("DEFAULT ''")])
    # With the owner, the primary key of its row in idempotency_keys, which leaves when the notification does. NULL
    # without a key.
    idempotency_key = TextField(null=True)
    # What kind of notification it is, as its sender says; empty means none.
    category = TextField(constraints=[SQL("DEFAULT ''")])
    # Set while nobody has decided about channels: when rules will. What else a decision needs is in `Undecided`.
    route_by = TimeField(null=True)
    # What the steps of its fallback are for; NULL without one. Kept when no step is left, so that whoever has locked
    # the row knows without a further look whether reading makes its channels pointless.
    goal = TextField(null=True)
    # What its sending is traced by (W3C Trace Context); NULL unless that trace is kept.
    traceparent = TextField(null=True)

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
    # No index leads to it: a notification knows its key.
    notification_id = IdField()

    class Meta:
        table_name = "idempotency_keys"
        legacy_table_names = False
        primary_key = CompositeKey("caller", "key")
        without_rowid = True


class Contacts(Model):
    """How registered recipients can be reached."""

    recipient_type = RecipientTypeField(constraints=[one_of("recipient_type", RecipientType)])
    recipient_id = IdField()
    # What the caller calls the recipient; the id is derived from it.
    external_id = TextField(null=True)
    # A JSON object: an address for each channel that has one.
    addresses = JsonField(constraints=[Check("json_valid(addresses)")])
    locale = TextField(constraints=[SQL("DEFAULT ''")])
    time_zone = TextField(constraints=[SQL("DEFAULT ''")])
    updated_at = TimeField(constraints=[Check("typeof(updated_at) = 'integer'")])

    class Meta:
        table_name = "contacts"
        legacy_table_names = False
        primary_key = CompositeKey("recipient_type", "recipient_id")
        without_rowid = True


class Undecided(Model):
    """A notification that waits for a decision about its channels; the row leaves with the decision."""

    notification_id = ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE",
        backref="undecided_rows", primary_key=True,
    )  # fmt: skip
    # SendRequest.addresses as a JSON object, NULL for none.
    addresses = JsonField(null=True, constraints=[Check("addresses IS NULL OR json_valid(addresses)")])
    # When it may be given to a decider: at once, after the lease, or after the time until which a decider put it off.
    available_at = TimeField(constraints=[Check("typeof(available_at) = 'integer'")])
    # When rules decide: notifications.route_by, here for an index of its own.
    route_by = TimeField(constraints=[Check("typeof(route_by) = 'integer'")])
    # Names the lease, and who holds it (a caller's name); NULL and empty without one. It ends at available_at.
    lease_token = IdField(null=True)
    holder = TextField(constraints=[SQL("DEFAULT ''")])

    class Meta:
        table_name = "undecided"
        legacy_table_names = False


class Escalations(Model):
    """The steps of a fallback that have not begun; the row leaves with the last of them."""

    notification_id = ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE",
        backref="escalation_rows", primary_key=True,
    )  # fmt: skip
    # A JSON array of objects with channel, address, escalate_after and not_before (microseconds), in their order; what
    # is null is left out.
    steps = JsonField(constraints=[Check("json_valid(steps)")])
    # The row of the step that began last, whose failure leads on.
    channel_id = IdField()
    # When the next step starts unless something ends the one before sooner; NULL if only its failure leads on.
    next_step_at = TimeField(null=True)

    class Meta:
        table_name = "escalations"
        legacy_table_names = False


class Decisions(Model):
    """Who decided about a notification, and why. What its caller named, and got, has no row here."""

    notification_id = ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE",
        backref="decision_rows", index=False,
    )  # fmt: skip
    # A UUIDv7, which orders them.
    id = IdField()
    decided_at = TimeField(constraints=[Check("typeof(decided_at) = 'integer'")])
    decided_by = TextField()
    name = TextField()
    # JSON arrays of objects: channel and address; channel, policy and detail.
    channels = JsonField(constraints=[Check("json_valid(channels)")])
    denied = JsonField(null=True, constraints=[Check("denied IS NULL OR json_valid(denied)")])
    reason = TextField(constraints=[SQL("DEFAULT ''")])
    decider = TextField(constraints=[SQL("DEFAULT ''")])
    # Of a Route: its caller's name and the hash of what it asked for, to tell a repetition from another decision.
    caller = TextField(constraints=[SQL("DEFAULT ''")])
    digest = TextField(null=True)

    class Meta:
        table_name = "decisions"
        legacy_table_names = False
        primary_key = CompositeKey("notification_id", "id")
        without_rowid = True


class PolicyCounts(Model):
    """How much was sent in a window of a policy's limit."""

    policy = TextField()
    # Whose count it is: a recipient's, a caller's, a decider's; empty for everybody's.
    key = TextField()
    # Both are of the key: a policy whose windows become longer or shorter counts anew.
    window_start = TimeField()
    window_end = TimeField()
    count = CountField(constraints=[Check("count >= 0")])

    class Meta:
        table_name = "policy_counts"
        legacy_table_names = False
        primary_key = CompositeKey("window_end", "key", "policy", "window_start")
        without_rowid = True


class PausedChannels(Model):
    """Channels that an operator has stopped; the row leaves when the channel goes on."""

    channel = ChannelTypeField(primary_key=True, constraints=[one_of("channel", ChannelType)])
    paused_at = TimeField(constraints=[Check("typeof(paused_at) = 'integer'")])
    # A caller's name, and what they said.
    paused_by = TextField(constraints=[SQL("DEFAULT ''")])
    reason = TextField(constraints=[SQL("DEFAULT ''")])

    class Meta:
        table_name = "paused_channels"
        legacy_table_names = False
        without_rowid = True


class OpenBreakers(Model):
    """Providers that processes leave alone, to be shown by any of them; each process writes its own rows."""

    # Random, from its start to its end.
    process = IdField()
    channel = ChannelTypeField(constraints=[one_of("channel", ChannelType)])
    provider = TextField()
    code = TextField()
    opened_at = TimeField(constraints=[Check("typeof(opened_at) = 'integer'")])
    # Moved on while the process lives: later, the row is that of one that died.
    seen_until = TimeField(constraints=[Check("typeof(seen_until) = 'integer'")])

    class Meta:
        table_name = "open_breakers"
        legacy_table_names = False
        primary_key = CompositeKey("process", "channel", "provider")
        without_rowid = True


class Paces(Model):
    """When a provider that all processes share may next be asked, for those that allow so many calls a second."""

    name = TextField(primary_key=True)
    next_at = TimeField(constraints=[Check("typeof(next_at) = 'integer'")])

    class Meta:
        table_name = "paces"
        legacy_table_names = False
        without_rowid = True


class Erasures(Model):
    """That somebody was erased: nothing of whom. While it is under way, the number of notifications grows."""

    id = IdField(primary_key=True)
    erased_at = TimeField(constraints=[Check("typeof(erased_at) = 'integer'")])
    erased_by = TextField(constraints=[SQL("DEFAULT ''")])
    notification_count = CountField(constraints=[Check("notification_count >= 0")])

    class Meta:
        table_name = "erasures"
        legacy_table_names = False
        without_rowid = True


TABLES = (
    Notifications, NotificationChannels, RecipientFeeds, IdempotencyKeys, Contacts, Undecided, Escalations, Decisions,
    PolicyCounts, PausedChannels, OpenBreakers, Paces, Erasures,
)  # fmt: skip
