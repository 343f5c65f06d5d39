"""Two transactions on one database, the second begun at a chosen step of the first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any, NamedTuple, TypeAlias

from helpers.databases import DatabaseAtUrl
from helpers.store import ATTEMPT_LIMIT, LEASE, PATIENCE
from tocsin_server.domain.model import Micros
from tocsin_server.domain.ports import CommitListener
from tocsin_server.storage.databases.postgresql import PostgresqlStore
from tocsin_server.storage.databases.postgresql_connection import DatabaseClock

Operation: TypeAlias = Callable[[PostgresqlStore], Coroutine[Any, Any, object]]
"""Does something with a store, in one write transaction."""

_LOOK = 0.001
"""Seconds between two looks at whether the second transaction waits for the first."""

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


_PROBE = "FOR UPDATE SKIP LOCKED"

# Rank, key, and what selects the row. Feeds come first, then notifications, then channel rows, each sorted; a websocket
# row comes with its notification, since nothing waits for it without holding that.
_PLACES = """
    SELECT 0, recipient_type || ' ' || recipient_id,
        format('recipient_feeds WHERE recipient_type = %L AND recipient_id = %L', recipient_type, recipient_id)
    FROM recipient_feeds
    UNION ALL
    SELECT 1, id::text, format('notifications WHERE id = %L', id) FROM notifications
    UNION ALL
    SELECT CASE channel WHEN 'websocket' THEN 1 ELSE 2 END,
        CASE channel WHEN 'websocket' THEN notification_id || ' ' || id ELSE id::text END,
        format('notification_channels WHERE id = %L', id)
    FROM notification_channels
"""

# Puts rows on the disk in the reverse order, so that nothing is in order only by chance.
_REVERSE = """
    WITH gone AS (DELETE FROM notification_channels RETURNING *)
    INSERT INTO notification_channels SELECT * FROM gone ORDER BY id DESC
"""


class LockPlace(NamedTuple):
    """A row; they compare in the order in which locks are to be taken."""

    rank: int
    key: str
    row: str

    def select(self, locking: str) -> str:
        """Return a select of the row."""
        return f"SELECT 1 FROM {self.row} {locking}"  # noqa: S608 - ids of ours


class _Steps:
    """A cursor that tells before each statement; what psycopg2's extras execute goes through it too."""

    def __init__(self, cursor: Any, before: Callable[[], None]) -> None:
        self._cursor = cursor
        self._before = before

    def execute(self, *arguments: Any) -> Any:
        self._before()
        return self._cursor.execute(*arguments)

    def copy_expert(self, *arguments: Any) -> Any:
        self._before()
        return self._cursor.copy_expert(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class SteppingStore(PostgresqlStore):
    """A store whose transactions can be held up before any of their statements, or before they commit."""

    def __init__(self, url: str, listener: CommitListener, clock: DatabaseClock) -> None:
        self.before: Callable[[], None] = lambda: None
        super().__init__(url, listener, attempt_limit=ATTEMPT_LIMIT, lease=LEASE, clock=clock)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, Micros]]:
        with super()._transaction() as (cursor, now):
            yield _Steps(cursor, self._before), now
            self._before()

    def _before(self) -> None:
        self.before()


class Run(NamedTuple):
    """How an interleaving went.

    ``complete`` says that the first operation had all those steps (else the rest of the others ran afterwards),
    ``waited`` that one of the others had to wait for a lock, ``results`` what each gave or raised.
    """

    complete: bool
    waited: bool
    results: list[Any]


class Interleaving:
    """Runs one operation inside another."""

    def __init__(self, database: DatabaseAtUrl, first: SteppingStore, second: PostgresqlStore) -> None:
        self._first, self._second = first, second
        self._stack = contextlib.ExitStack()
        self._database = database
        self._threads = self._stack.enter_context(ThreadPoolExecutor(4))
        self._monitor = self._stack.enter_context(database.session())

    def close(self) -> None:
        """Give up the connection."""
        self._stack.close()

    def execute(self, sql: str) -> None:
        """Execute statements."""
        self._monitor.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a select gives."""
        self._monitor.execute(sql)
        return list(self._monitor.fetchall())

    def run(self, first: Operation, *others: tuple[int, Operation]) -> Run:
        """Run ``first``, and before its statements of the numbers given (from 0) begin the others.

        Each runs until it ends or waits for ``first``, which then goes on.
        """
        count, begun = 0, dict[int, Future[object]]()
        waited = False

        def before() -> None:
            nonlocal count, waited
            for place, (step, other) in enumerate(others):
                if count == step:
                    begun[place] = self._begin(self._second, other)
                    waited = self._let_run(begun[place]) or waited
            count += 1

        self._first.before = before
        results = [self._begin(self._first, first).result(PATIENCE)]
        self._first.before = lambda: None
        complete = len(begun) == len(others)
        for place, (_, other) in enumerate(others):
            late = begun[place] if place in begun else self._begin(self._second, other)
            results.append(late.result(PATIENCE))
        return Run(complete, waited, results)

    def places(self) -> list[LockPlace]:
        """Return all rows that can be locked, in the order in which they are to be."""
        self.execute(_REVERSE)
        return sorted(LockPlace(*row) for row in self.rows(_PLACES))

    def locks_before(
        self, operation: Operation, place: LockPlace, places: Sequence[LockPlace]
    ) -> list[LockPlace] | None:
        """Hold a row while an operation runs, and return which of ``places`` it holds when it has to wait.

        None if it does not need that row.
        """
        with self._database.session(autocommit=False) as holder:
            holder.execute(place.select("FOR UPDATE"))
            assert holder.fetchall()
            waiting = self._begin(self._second, operation)
            held: list[LockPlace] | None = None
            if self._let_run(waiting):
                # A look of its own for each, which takes nothing from whoever waits.
                held = [other for other in places if other != place and not self.rows(other.select(_PROBE))]
            holder.connection.rollback()
        outcome = waiting.result(PATIENCE)
        assert not isinstance(outcome, Exception), outcome
        return held

    def begin(self, operation: Operation) -> Future[object]:
        """Begin an operation, and return when it has ended or waits for a lock."""
        begun = self._begin(self._second, operation)
        self._let_run(begun)
        return begun

    def _begin(self, store: PostgresqlStore, operation: Operation) -> Future[object]:
        async def run() -> object:
            try:
                return await operation(store)
            except Exception as error:  # noqa: BLE001 - a result like any other
                return error

        return self._threads.submit(lambda: asyncio.run(run()))

    def _let_run(self, operation: Future[object]) -> bool:
        """Return when an operation has ended (false) or waits for a lock (true)."""
        while True:
            with contextlib.suppress(NotYet):
                operation.exception(_LOOK)
                return False
            if self.rows(_WAITING) != [(0,)]:
                return True
