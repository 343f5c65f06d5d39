"""Make room for categories, contacts, deferred decisions, the steps of a fallback, and the limits of policies.

What waits, or was decided by anybody but the caller of Send, has tables of its own, so that a notification of which the
caller named the channels costs what it did before. The models are frozen copies, see the first migration.
"""

from peewee import SQL, Check, CompositeKey, Field, ForeignKeyField, Model, PostgresqlDatabase, TextField


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


NO_TEXT = [SQL("DEFAULT ''")]

TYPES = " OR ".join(
    f"recipient_type = '{word}'" for word in ("user", "guest", "potential_customer", "partner", "other")
)


def given(column):
    return Check(f"typeof({column}) = 'integer'")


class Notifications(Model):
    id = Id(primary_key=True)

    class Meta:
        table_name = "notifications"
        legacy_table_names = False


def notification(**options):
    return ForeignKeyField(
        Notifications, column_name="notification_id", object_id_name="notification_key", on_delete="CASCADE", **options
    )


class Contacts(Model):
    recipient_type = Word(constraints=[Check(TYPES)])
    recipient_id = Id()
    external_id = TextField(null=True)
    addresses = Json(constraints=[Check("json_valid(addresses)")])
    locale = TextField(constraints=NO_TEXT)
    time_zone = TextField(constraints=NO_TEXT)
    updated_at = Time(constraints=[given("updated_at")])

    class Meta:
        table_name = "contacts"
        legacy_table_names = False
        primary_key = CompositeKey("recipient_type", "recipient_id")
        without_rowid = True


class Undecided(Model):
    notification_id = notification(backref="undecided_rows", primary_key=True)
    addresses = Json(null=True, constraints=[Check("addresses IS NULL OR json_valid(addresses)")])
    available_at = Time(constraints=[given("available_at")])
    route_by = Time(constraints=[given("route_by")])
    lease_token = Id(null=True)
    holder = TextField(constraints=NO_TEXT)

    class Meta:
        table_name = "undecided"
        legacy_table_names = False


class Escalations(Model):
    notification_id = notification(backref="escalation_rows", primary_key=True)
    steps = Json(constraints=[Check("json_valid(steps)")])
    channel_id = Id()
    next_step_at = Time(null=True)

    class Meta:
        table_name = "escalations"
        legacy_table_names = False


class Decisions(Model):
    notification_id = notification(backref="decision_rows", index=False)
    id = Id()
    decided_at = Time(constraints=[given("decided_at")])
    decided_by = TextField()
    name = TextField()
    channels = Json(constraints=[Check("json_valid(channels)")])
    denied = Json(null=True, constraints=[Check("denied IS NULL OR json_valid(denied)")])
    reason = TextField(constraints=NO_TEXT)
    decider = TextField(constraints=NO_TEXT)
    caller = TextField(constraints=NO_TEXT)
    digest = TextField(null=True)

    class Meta:
        table_name = "decisions"
        legacy_table_names = False
        primary_key = CompositeKey("notification_id", "id")
        without_rowid = True


class PolicyCounts(Model):
    policy = TextField()
    key = TextField()
    window_start = Time()
    window_end = Time()
    count = Count(constraints=[Check("count >= 0")])

    class Meta:
        table_name = "policy_counts"
        legacy_table_names = False
        primary_key = CompositeKey("policy", "key", "window_start", "window_end")
        without_rowid = True


TABLES = [Contacts, Undecided, Escalations, Decisions, PolicyCounts]

SQLITE_COLUMNS = (
    """ALTER TABLE notifications ADD COLUMN "category" TEXT NOT NULL DEFAULT ''""",
    'ALTER TABLE notifications ADD COLUMN "route_by" TIMESTAMP',
    'ALTER TABLE notifications ADD COLUMN "goal" TEXT',
)

# Queues and counts are changed as often as they are written: vacuumed after a small share, see the first migration.
POSTGRESQL = """
ALTER TABLE notifications ADD COLUMN category text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE notifications ADD COLUMN route_by timestamptz;
ALTER TABLE notifications ADD COLUMN goal text;

CREATE TABLE contacts (
    recipient_type recipient_type NOT NULL,
    recipient_id uuid NOT NULL,
    external_id text,
    addresses jsonb NOT NULL,
    locale text NOT NULL DEFAULT '',
    time_zone text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (recipient_type, recipient_id)
);

CREATE TABLE undecided (
    notification_id uuid PRIMARY KEY REFERENCES notifications (id) ON DELETE CASCADE,
    addresses jsonb,
    available_at timestamptz NOT NULL,
    route_by timestamptz NOT NULL,
    lease_token uuid,
    holder text NOT NULL DEFAULT ''
) WITH (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1
);

CREATE TABLE escalations (
    notification_id uuid PRIMARY KEY REFERENCES notifications (id) ON DELETE CASCADE,
    steps jsonb NOT NULL,
    channel_id uuid NOT NULL,
    next_step_at timestamptz
) WITH (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1
);

CREATE TABLE decisions (
    notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    name text NOT NULL,
    channels jsonb NOT NULL,
    denied jsonb,
    reason text NOT NULL DEFAULT '',
    decider text NOT NULL DEFAULT '',
    caller text NOT NULL DEFAULT '',
    digest text,
    PRIMARY KEY (notification_id, id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE TABLE policy_counts (
    policy text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    count bigint NOT NULL CHECK (count >= 0),
    PRIMARY KEY (policy, key, window_start, window_end)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 1
);
"""

INDEXES = (
    # List by category, newest first; what has none costs nothing.
    "CREATE INDEX notifications_by_category ON notifications (category, id) WHERE category <> ''",
    # List of what is undecided.
    "CREATE INDEX notifications_undecided ON notifications (id) WHERE route_by IS NOT NULL",
    # What may be given to deciders, and what rules are to decide.
    "CREATE INDEX undecided_available ON undecided (available_at)",
    "CREATE INDEX undecided_deadlines ON undecided (route_by)",
    # What a feed that is marked as read ends; what is no fallback costs nothing.
    # With both columns, since SQLite takes the index that has more of them.
    (
        "CREATE INDEX notifications_unread_fallbacks ON notifications (recipient_type, recipient_id)"
        " WHERE goal = 'read' AND NOT is_read"
    ),
    "CREATE INDEX escalations_due ON escalations (next_step_at) WHERE next_step_at IS NOT NULL",
    "CREATE INDEX policy_counts_ended ON policy_counts (window_end)",
)


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(POSTGRESQL)
    else:
        for statement in SQLITE_COLUMNS:
            db.execute_sql(statement)
        with db.bind_ctx([Notifications, *TABLES]):
            db.create_tables(TABLES, safe=False)
    for statement in INDEXES:
        db.execute_sql(statement)
