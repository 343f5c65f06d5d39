"""Erasing a person, and showing what would be erased."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from tocsin_server.domain.model import Recipient
from tocsin_server.domain.operating import Erasure, Person
from tocsin_server.domain.ports import PersonStore

log = logging.getLogger(__name__)

PART: Final = 200
"""Notifications that are erased in one transaction."""

PAGE: Final = 20
"""Notifications that are read at once to be shown: their texts may be large."""


class Erasing:
    """The use cases.

    Args:
        store: Where persons stand.
        new_id: Makes the ids of notes.
        gone: Ends the streams of a recipient, on all replicas.
        look: Lets this process look at once at what was erased: what it holds of it is not to be sent.
    """

    def __init__(
        self,
        store: PersonStore,
        new_id: Callable[[], str],
        gone: Callable[[Recipient], None],
        look: Callable[[], None],
    ) -> None:
        self._store = store
        self._new_id = new_id
        self._gone = gone
        self._look = look

    async def erase(self, person: Person, by: str) -> Erasure:
        """Erase what is stored of a person; returns the note that remains.

        The contact goes first, so that nobody is routed by it meanwhile, and with the feed once more at the end.
        """
        note_id = self._new_id()
        await self._store.erase_remains(note_id, by, person)
        after: str | None = None
        while True:
            page = await self._store.person_page(person, after, PART)
            for start in range(0, len(page.ids), PART):
                await self._store.erase_notifications(note_id, by, page.ids[start : start + PART])
                self._look()
            after = page.after
            if after is None:
                break
        note = await self._store.erase_remains(note_id, by, person)
        if person.recipient.registered:
            self._gone(person.recipient)
        # Of whom is in no log, as it is in no note.
        log.warning(
            "a person was erased",
            extra={"event": "person_erased", "note": note.id, "by": by, "notifications": note.notifications},
        )
        return note

    async def export(self, person: Person) -> AsyncIterator[str]:
        """Yield what is stored of a person, a row at a time, see `PersonStore.notification_rows`."""
        for line in await self._store.person_rows(person):
            yield line
        after: str | None = None
        while True:
            page = await self._store.person_page(person, after, PAGE)
            for start in range(0, len(page.ids), PAGE):
                for line in await self._store.notification_rows(page.ids[start : start + PAGE]):
                    yield line
            after = page.after
            if after is None:
                return
