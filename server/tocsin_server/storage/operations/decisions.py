"""Keeping who decided about notifications, and why.

What a caller named, and got, has no row: the notification itself tells it (see `queries.decisions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tocsin_server.domain.model import Decision, Micros
from tocsin_server.storage.databases.batches import RowInsert
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.new_ids import new_id
from tocsin_server.storage.schema.tables import Decisions
from tocsin_server.storage.writer import Transaction

KEPT_HOLDS = 20
"""Decisions to decide later that are kept of one notification: whoever decides so again and again fills no table, and
what is decided in the end is among those that Explain tells."""


class NewDecision(NamedTuple):
    """A decision to be kept.

    ``caller`` and ``digest`` are of a Route: its caller's name, and the hash of what it asked for.
    """

    notification_id: str
    decision: Decision
    decided_at: Micros
    caller: str = ""
    digest: str | None = None

    def row(self) -> Row:
        """Return it as it is stored."""
        by, name, channels, denied, reason, decider, _ = self.decision
        chosen = [
            {"channel": draft.channel.value} | ({"address": draft.address} if draft.address else {})
            for draft in channels
        ]
        denials = [{"channel": one.channel.value, "policy": one.policy, "detail": one.detail} for one in denied]
        return (
            self.notification_id, new_id(), self.decided_at, by.value, name, to_json(chosen),
            to_json(denials) if denials else None, reason, decider, self.caller, self.digest,
        )  # fmt: skip


class DecisionLog:
    """Writes decisions in the transaction that acts on them, under the lock of their notification."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _insert = compiled(
        lambda on: RowInsert(
            on,
            Decisions,
            (
                "notification_id", "id", "decided_at", "decided_by", "name", "channels", "denied", "reason", "decider",
                "caller", "digest",
            ),
        )
    )  # fmt: skip

    def record(self, transaction: Transaction, decisions: Sequence[NewDecision]) -> None:
        """Keep several, of which those of one notification are in their order."""
        self._insert.run(transaction.cursor, [new.row() for new in decisions])
        transaction.decided += [new.decision for new in decisions]

    _forget = compiled(
        lambda on: Statement(
            on,
            Decisions.delete().where(
                Decisions.notification_id == parameter("id"),
                Decisions.id
                <= Decisions.select(Decisions.id)
                .where(Decisions.notification_id == parameter("id"))
                .order_by(Decisions.id.desc())
                .limit(1)
                .offset(KEPT_HOLDS),
            ),
        )
    )

    def record_hold(self, transaction: Transaction, hold: NewDecision) -> None:
        """Keep a decision to decide later; of those, which are all there is of what is undecided, the latest stay."""
        self.record(transaction, [hold])
        self._forget.run(transaction.cursor, id=hold.notification_id)
