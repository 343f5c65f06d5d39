"""A subscription that is read on demand, with a time limit that a blocking iterator does not have."""

from __future__ import annotations

import queue
import threading
from typing import Any

from tocsin_client import TocsinError
from tocsin_client.plain import as_plain


class Follower:
    """Reads one event for each `next`, in a thread, so that a `next` that waited in vain loses nothing."""

    def __init__(self, client: Any, recipient: Any, cursor: str) -> None:
        self.interruptions: list[TocsinError] = []
        self._subscription = client.subscribe(
            recipient, cursor, on_interruption=lambda error, _: self.interruptions.append(error)
        )
        self._wanted: queue.Queue[bool] = queue.Queue()
        self._read: queue.Queue[Any] = queue.Queue()
        self._outstanding = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def cursor(self) -> str:
        """The client's own."""
        return str(self._subscription.cursor)

    def next(self, timeout: float) -> dict[str, Any]:
        """Return the answer of the operation ``next``; raises what ended the subscription, once."""
        if self._ended:
            return {"end": True}
        if not self._outstanding:
            self._outstanding = True
            self._wanted.put(True)
        try:
            read = self._read.get(timeout=timeout)
        except queue.Empty:
            return {"timeout": True}
        self._outstanding = False
        if isinstance(read, Exception):
            self._ended = True
            raise read
        if read is None:
            self._ended = True
            return {"end": True}
        return {"event": as_plain(read)}

    def close(self) -> None:
        """End it, and the thread. Idempotent."""
        self._ended = True
        self._subscription.close()
        self._wanted.put(False)
        self._thread.join()

    def _run(self) -> None:
        events = iter(self._subscription)
        while self._wanted.get():
            try:
                self._read.put(next(events, None))
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asks for the next event
                self._read.put(error)
