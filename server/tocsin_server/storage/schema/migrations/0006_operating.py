"""Make room for what operators order, and for what processes have to know of each other.

The models are frozen copies, see the first migration.
"""

from peewee import SQL, Check, CompositeKey, Field, Model, PostgresqlDatabase, TextField


class Id(Field):
    field_type = "ID"


class Word(Field):
    field_type = "WORD"


class Time(Field):
    field_type = "MICROS"


class Count(Field):
    field_type = "BIGINT"


NO_TEXT = [SQL("DEFAULT ''")]

CHANNELS = " OR ".join(f"channel = '{word}'" for word in ("websocket", "email", "telegram", "sms"))


def given(column):
    return Check(f"typeof({column}) = 'integer'")


class PausedChannels(Model):
    channel = Word(primary_key=True, constraints=[Check(CHANNELS)])
    paused_at = Time(constraints=[given("paused_at")])
    paused_by = TextField(constraints=NO_TEXT)
    reason = TextField(constraints=NO_TEXT)

    class Meta:
        table_name = "paused_channels"
        legacy_table_names = False
        without_rowid = True


class OpenBreakers(Model):
    process = Id()
    channel = Word(constraints=[Check(CHANNELS)])
    provider = TextField()
    code = TextField()
    opened_at = Time(constraints=[given("opened_at")])
    seen_until = Time(constraints=[given("seen_until")])

    class Meta:
        table_name = "open_breakers"
        legacy_table_names = False
        primary_key = CompositeKey("process", "channel", "provider")
        without_rowid = True


class Paces(Model):
    name = TextField(primary_key=True)
    next_at = Time(constraints=[given("next_at")])

    class Meta:
        table_name = "paces"
        legacy_table_names = False
        without_rowid = True


class Erasures(Model):
    id = Id(primary_key=True)
    erased_at = Time(constraints=[given("erased_at")])
    erased_by = TextField(constraints=NO_TEXT)
    notification_count = Count(constraints=[Check("notification_count >= 0")])

    class Meta:
        table_name = "erasures"
        legacy_table_names = False
        without_rowid = True


TABLES = [PausedChannels, OpenBreakers, Paces, Erasures]

POSTGRESQL = """
CREATE TABLE paused_channels (
    channel channel_type PRIMARY KEY,
    paused_at timestamptz NOT NULL,
    paused_by text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT ''
);

CREATE TABLE open_breakers (
    process uuid NOT NULL,
    channel channel_type NOT NULL,
    provider text NOT NULL,
    code text NOT NULL,
    opened_at timestamptz NOT NULL,
    seen_until timestamptz NOT NULL,
    PRIMARY KEY (process, channel, provider)
);

CREATE TABLE paces (
    name text PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000);

CREATE TABLE erasures (
    id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL,
    erased_by text NOT NULL DEFAULT '',
    notification_count bigint NOT NULL CHECK (notification_count >= 0)
);
"""


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(POSTGRESQL)
        return
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
