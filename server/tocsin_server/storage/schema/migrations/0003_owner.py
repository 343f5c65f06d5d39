"""Keep with each notification who sent it: others may not cancel or retry it.

What is there already gets the caller that its idempotency key belongs to. What was sent without a key has no owner, and
is for callers with the scope send_any or admin.
"""

COLUMN = """ALTER TABLE notifications ADD COLUMN "owner" TEXT NOT NULL DEFAULT ''"""

OWNERS = """
UPDATE notifications SET owner = idempotency_keys.caller FROM idempotency_keys
WHERE idempotency_keys.notification_id = notifications.id AND idempotency_keys.caller <> ''
"""


def up(migrator, db):
    db.execute_sql(COLUMN)
    db.execute_sql(OWNERS)
