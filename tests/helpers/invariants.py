"""What is true of a whole database between any two transactions, whatever happened before."""

# ruff: noqa: S608 - put together from constants

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# Each select finds what must not be. `n` is a notification, `c` a channel row of it, `f` its recipient's feed.
_FEED = "f.recipient_type = n.recipient_type AND f.recipient_id = n.recipient_id"
_IN_FEED = "n.entered_sequence IS NOT NULL"
_UNDECIDED = "(n.route_by IS NOT NULL)"
_ROWS = "notification_channels c JOIN notifications n ON n.id = c.notification_id"
_OF_N = "SELECT 1 FROM notification_channels c WHERE c.notification_id = n.id AND c.status"
_STEPS = "SELECT 1 FROM escalations e WHERE e.notification_id = n.id"

_WRONG = {
    "an unread count is not the number of unread notifications in the feed": f"""
        SELECT f.recipient_id, f.unread_count FROM recipient_feeds f WHERE f.unread_count <>
        (SELECT count(*) FROM notifications n WHERE {_FEED} AND {_IN_FEED} AND NOT n.is_read)""",
    "a sequence lies beyond the head of its feed, or there is no feed": f"""
        SELECT n.id, n.sequence FROM notifications n WHERE n.sequence IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM recipient_feeds f WHERE {_FEED} AND n.sequence <= f.last_sequence)""",
    "a sequence is taken twice": """
        SELECT recipient_id, sequence, count(*) FROM notifications WHERE sequence IS NOT NULL
        GROUP BY recipient_type, recipient_id, sequence HAVING count(*) > 1""",
    "a place of entry is taken twice": """
        SELECT recipient_id, entered_sequence, count(*) FROM notifications WHERE entered_sequence IS NOT NULL
        GROUP BY recipient_type, recipient_id, entered_sequence HAVING count(*) > 1""",
    "the latest change comes before the entry": """
        SELECT id, entered_sequence, sequence FROM notifications WHERE entered_sequence > sequence
        OR (entered_sequence IS NULL) <> (sequence IS NULL)""",
    "something is read without a time, or has a time without being read": """
        SELECT id FROM notifications WHERE is_read <> (read_at IS NOT NULL)""",
    "a feed was delivered beyond its head": """
        SELECT recipient_id FROM recipient_feeds WHERE delivered_sequence > last_sequence""",
    "something waits for a subscriber where nobody looks for it any more": f"""
        SELECT c.id FROM {_ROWS} JOIN recipient_feeds f ON {_FEED}
        WHERE c.channel = 'websocket' AND c.status = 'pending' AND {_IN_FEED} AND n.sequence <= f.delivered_sequence""",
    "a status is not what the channels make it": f"""
        SELECT n.id, n.status FROM notifications n WHERE CAST(n.status AS TEXT) <> CASE
        WHEN EXISTS ({_OF_N} = 'sent') THEN 'sent'
        WHEN EXISTS ({_OF_N} = 'pending') OR EXISTS ({_STEPS}) OR {_UNDECIDED} THEN 'pending' ELSE 'failed' END""",
    "a settled row is due or held": """
        SELECT id, due_at, claim_token FROM notification_channels
        WHERE status <> 'pending' AND (due_at IS NOT NULL OR claim_token IS NOT NULL)""",
    "a pending row is never due and waits for nobody": f"""
        SELECT c.id, c.channel FROM {_ROWS} WHERE c.status = 'pending' AND c.due_at IS NULL
        AND NOT (c.channel = 'websocket' AND {_IN_FEED} AND n.expires_at IS NULL)""",
    "a row that waits for its subscriber does not end with its notification": f"""
        SELECT c.id, c.due_at, n.expires_at FROM {_ROWS} WHERE c.status = 'pending' AND c.channel = 'websocket'
        AND {_IN_FEED} AND c.due_at IS NOT NULL AND (n.expires_at IS NULL OR c.due_at <> n.expires_at)
        AND NOT (n.is_read AND n.goal IS NOT NULL AND n.goal = 'read')""",
    "steps are left of what is over, or is no fallback": f"""
        SELECT n.id FROM notifications n WHERE EXISTS ({_STEPS})
        AND (n.goal IS NULL OR n.cancelled_at IS NOT NULL OR (n.goal = 'read' AND n.is_read))""",
    "steps come after a row that is not there, or could not come": """
        SELECT e.notification_id FROM escalations e WHERE NOT EXISTS (SELECT 1 FROM notification_channels c
        WHERE c.id = e.channel_id AND c.notification_id = e.notification_id)
        OR (e.next_step_at IS NULL AND NOT EXISTS (SELECT 1 FROM notification_channels c
        WHERE c.id = e.channel_id AND c.status = 'pending'))""",
    "a sent or given up row has no answer": """
        SELECT id, status FROM notification_channels WHERE status <> 'pending' AND response IS NULL""",
    "a key stands for nothing": """
        SELECT k.caller, k.key FROM idempotency_keys k
        WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.id = k.notification_id)""",
    "a notification does not know its key": """
        SELECT n.id, n.idempotency_key, k.key FROM notifications n JOIN idempotency_keys k ON k.notification_id = n.id
        WHERE k.caller <> n.owner OR n.idempotency_key IS NULL OR k.key <> n.idempotency_key""",
    "a notification claims a key that is another's": """
        SELECT n.id, n.idempotency_key FROM notifications n WHERE n.idempotency_key IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM idempotency_keys k
        WHERE k.caller = n.owner AND k.key = n.idempotency_key AND k.notification_id = n.id)""",
    "a notification that is decided has no channels": f"""
        SELECT id FROM notifications n WHERE NOT {_UNDECIDED}
        AND NOT EXISTS (SELECT 1 FROM notification_channels c WHERE c.notification_id = n.id)""",
}


def check(rows: Callable[[str], Sequence[Any]]) -> None:
    """Look for everything that must not be; ``rows`` returns what a select gives."""
    wrong = {what: found for what, sql in _WRONG.items() if (found := rows(sql))}
    assert not wrong, wrong
