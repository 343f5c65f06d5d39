"""Writing what operators order, and what processes tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.domain.operating import OpenBreaker, Pause
from tocsin_server.storage.databases.batches import RowInsert, RowInsertIfAbsent
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.operations.words import WORDS
from tocsin_server.storage.queries.operating import PauseRow
from tocsin_server.storage.schema.tables import OpenBreakers, PausedChannels
from tocsin_server.storage.writer import Transaction, one_by_one


class BreakerNote(NamedTuple):
    """What a process leaves alone, all of it; to be believed for ``lasting`` microseconds."""

    process: str
    breakers: Sequence[OpenBreaker]
    lasting: Micros


class Operating:
    """Its methods are handlers of the writer."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _pause = compiled(lambda on: RowInsertIfAbsent(on, PausedChannels, PauseRow._fields))
    _paused = compiled(
        lambda on: Statement(
            on,
            PausedChannels.select(*(getattr(PausedChannels, column) for column in PauseRow._fields)).where(
                PausedChannels.channel == parameter("channel")
            ),
        )
    )
    _resume = compiled(
        lambda on: Statement(on, PausedChannels.delete().where(PausedChannels.channel == parameter("channel")))
    )

    @one_by_one
    def pause(self, transaction: Transaction, pause: Pause) -> Pause:
        """Pause a channel; returns the pause that stands, which may be an earlier one."""
        cursor, word = transaction.cursor, WORDS[pause.channel]
        self._pause.run(cursor, [(word, transaction.now, pause.by, pause.reason)])
        return PauseRow._make(self._paused.run(cursor, channel=word).fetchone()).value()

    @one_by_one
    def resume(self, transaction: Transaction, channel: ChannelType) -> bool:
        """Let a channel go on; tells whether it was paused."""
        return bool(self._resume.run(transaction.cursor, channel=WORDS[channel]).rowcount)

    _forget = compiled(
        lambda on: Statement(
            on,
            OpenBreakers.delete().where(
                (OpenBreakers.process == parameter("process")) | (OpenBreakers.seen_until < time_parameter("now"))
            ),
        )
    )
    _note = compiled(
        lambda on: RowInsert(
            on, OpenBreakers, ("process", "channel", "provider", "code", "opened_at", "seen_until")
        )
    )  # fmt: skip

    @one_by_one
    def note_breakers(self, transaction: Transaction, note: BreakerNote) -> None:
        """Replace what was noted of a process; with it goes what was noted of those that died."""
        now = transaction.now
        self._forget.run(transaction.cursor, process=note.process, now=now)
        self._note.run(
            transaction.cursor,
            [
                (note.process, WORDS[one.channel], one.provider, one.code, one.opened_at, now + note.lasting)
                for one in note.breakers
            ],
        )
