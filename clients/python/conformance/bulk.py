"""The operations of the sender in bulk, and the loads that measure it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import fields, replace
from functools import partial
from typing import Any

from tocsin_client import Accepted, BulkOptions, Draft, TocsinError

Arguments = Mapping[str, Any]

OPTIONS = tuple(field.name for field in fields(BulkOptions) if field.name != "retry")

NOTHING = object()


def options(given: Arguments) -> BulkOptions:
    """Read the options of a sender."""
    return BulkOptions(**{name: given[name] for name in OPTIONS if name in given})


def keywords(draft: Draft) -> dict[str, Any]:
    """Return a draft as the arguments of ``send``."""
    return {field.name: getattr(draft, field.name) for field in fields(draft)}


class Outcomes:
    """Counts results."""

    def __init__(self) -> None:
        self.accepted = self.duplicates = 0
        self.errors: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, future: Any) -> None:
        """Count one that is done."""
        error = future.exception()
        with self._lock:
            if error is None:
                self.accepted += 1
                self.duplicates += future.result().duplicate
            elif isinstance(error, TocsinError):
                self.errors[error.reason or error.code] += 1
            else:
                self.errors[type(error).__name__] += 1

    def answer(self, seconds: float) -> dict[str, Any]:
        """Return them as an answer."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "errors": dict(self.errors),
            "seconds": seconds,
        }


class Bulk:
    """The senders that the runner has opened, by its names."""

    def __init__(
        self,
        client: Callable[[Arguments], Any],
        draft: Callable[[Arguments], Draft],
        result: Callable[[Accepted | TocsinError], dict[str, Any]],
    ) -> None:
        self._client, self._draft, self._result = client, draft, result
        self._senders: dict[str, Any] = {}
        self._handed: dict[str, list[Any]] = {}
        self.operations: dict[str, Callable[[Arguments], dict[str, Any]]] = {
            "bulk_open": self.open,
            "bulk_send": self.send,
            "bulk_results": self.results,
            "bulk_flush": self.flush,
            "bulk_close": self.close_one,
            "bulk_load": self.load,
            "unary_load": self.unary_load,
            "paced_load": self.paced_load,
        }

    def close(self) -> None:
        """Close all."""
        for sender in self._senders.values():
            sender.close(timeout=0)

    def open(self, given: Arguments) -> dict[str, Any]:
        """See the README of the suite, as for all of these."""
        name = given["sender"]
        if name in self._senders:
            self._senders.pop(name).close(timeout=0)
        self._senders[name] = self._client(given).bulk_sender(options(given))
        self._handed[name] = []
        return {}

    def send(self, given: Arguments) -> dict[str, Any]:
        """Hand over."""
        for request in given["requests"]:
            future = self._senders[given["sender"]].send(**keywords(self._draft(request)))
            self._handed[given["sender"]].append(future)
        return {}

    def results(self, given: Arguments) -> dict[str, Any]:
        """Wait for results."""
        handed, self._handed[given["sender"]] = self._handed[given["sender"]], []
        return {"results": [self._one(future, given.get("timeout", 30)) for future in handed]}

    def _one(self, future: Any, timeout: float) -> dict[str, Any]:
        try:
            return self._result(future.result(timeout))
        except TocsinError as error:
            return self._result(error)

    def flush(self, given: Arguments) -> dict[str, Any]:
        """Flush."""
        self._senders[given["sender"]].flush()
        return {}

    def close_one(self, given: Arguments) -> dict[str, Any]:
        """Close."""
        self._senders[given["sender"]].close(given.get("timeout"))
        return {}

    def load(self, given: Arguments) -> dict[str, Any]:
        """Send many in bulk."""
        template = self._draft(given)
        outcomes = Outcomes()
        begun = time.monotonic()
        with self._client(given).bulk_sender(options(given)) as sender:
            for number in range(given["count"]):
                draft = keywords(replace(template, idempotency_key=f"{given['key_prefix']}{number}"))
                sender.send(**draft).add_done_callback(outcomes.add)
        return outcomes.answer(time.monotonic() - begun)

    def unary_load(self, given: Arguments) -> dict[str, Any]:
        """Send many one by one."""
        template, client = self._draft(given), self._client(given)
        outcomes = Outcomes()
        begun = time.monotonic()
        with ThreadPoolExecutor(given.get("in_flight", 64)) as pool:
            for number in range(given["count"]):
                draft = keywords(replace(template, idempotency_key=f"{given['key_prefix']}{number}"))
                pool.submit(client.send, **draft).add_done_callback(outcomes.add)
        return outcomes.answer(time.monotonic() - begun)

    def paced_load(self, given: Arguments) -> dict[str, Any]:
        """Send at a rate, and take each one's time."""
        template, client = self._draft(given), self._client(given)
        took: list[float] = []

        def note(due: float, _: object) -> None:
            took.append((time.monotonic() - due) * 1e3)

        sent: list[Future[Any]] = []
        with client.bulk_sender(options(given)) as sender, ThreadPoolExecutor(64) as pool:
            begun = time.monotonic()
            for number in range(given["count"]):
                due = begun + number / given["rate"]
                time.sleep(max(due - time.monotonic(), 0.0))
                draft = keywords(replace(template, idempotency_key=f"{given['key_prefix']}{number}"))
                future = sender.send(**draft) if given["bulk"] else pool.submit(client.send, **draft)
                future.add_done_callback(partial(note, due))
                sent.append(future)
            wait(sent)
        for future in sent:
            future.result()
        return {"milliseconds": took}
