"""Keep what is unread and what has changed since it entered in indexes of their own, disjoint and complete together.

Four indexes led with the recipient, so each new notification touched four pages at random beside its feed's own. What
is new is unread, and its place of entry is also that of its latest change: one index has it for replay, for lists and
for marking. The two others get it when it is read.
"""

OLD = ("notifications_by_change", "notifications_by_entry", "notifications_unread")

# Unique, since a sequence belongs to one change of a feed.
NEW = (
    # What is new: for replay, for the unread part of lists, and for marking all as read.
    (
        "CREATE UNIQUE INDEX notifications_unread ON notifications (recipient_type, recipient_id, entered_sequence) "
        "WHERE entered_sequence IS NOT NULL AND NOT is_read"
    ),
    # Replay of a feed: what has changed since it entered.
    (
        "CREATE UNIQUE INDEX notifications_changed ON notifications (recipient_type, recipient_id, sequence) "
        "WHERE sequence IS NOT NULL AND (is_read OR sequence <> entered_sequence)"
    ),
    # List of a feed in the order of entry: its read part, beside notifications_unread.
    (
        "CREATE UNIQUE INDEX notifications_read ON notifications (recipient_type, recipient_id, entered_sequence) "
        "WHERE entered_sequence IS NOT NULL AND is_read"
    ),
)


def up(migrator, db):
    for name in OLD:
        db.execute_sql(f"DROP INDEX {name}")
    for statement in NEW:
        db.execute_sql(statement)
