"""Keep with each notification the idempotency key that it was sent with, so that the two can leave together.

With its owner, whose the key is, that is the primary key of idempotency_keys. An index on that table's notification_id
would cost each notification more than twice as much as this column does.
"""

COLUMN = 'ALTER TABLE notifications ADD COLUMN "idempotency_key" TEXT'

KEYS = """
UPDATE notifications SET idempotency_key = idempotency_keys.key FROM idempotency_keys
WHERE idempotency_keys.notification_id = notifications.id AND idempotency_keys.caller = notifications.owner
"""


def up(migrator, db):
    db.execute_sql(COLUMN)
    db.execute_sql(KEYS)
