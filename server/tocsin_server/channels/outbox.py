"""Development mode's channel: each message becomes a file, and nothing leaves the machine.

Some addresses are refused, so that failures can be seen without a provider that fails:

==========================================  =====================================================================
``fail@…``, ``+15550000001``,               for good
``@tocsin_fail``
``retry@…``, ``+15550000002``,              for a while: the first `REFUSALS` attempts
``@tocsin_retry``
==========================================  =====================================================================

Of a mailbox, what follows a ``+`` does not count: ``fail+order7@example.org`` is refused for good, too.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind
from tocsin_server.channels.verdict import detail
from tocsin_server.domain.model import MICROS_PER_SECOND, ClaimedChannel
from tocsin_server.process.private_files import close_to_others, make_private_folder, open_private

FAILING: Final = frozenset(("fail", "+15550000001", "@tocsin_fail"))
RETRIED: Final = frozenset(("retry", "+15550000002", "@tocsin_retry"))
"""Addresses, of mailboxes what stands before the ``@``."""

REFUSALS: Final = 2
"""Attempts that a retried address refuses."""

SIMULATED: Final = "SIMULATED"
"""The code of an outcome that was asked for by its address."""


def simulated(message: ClaimedChannel) -> Outcome | None:
    """Return the refusal that an address asks for, None for any other address."""
    name = message.address.lower()
    if not name.startswith(("+", "@")):
        name = name.partition("@")[0].partition("+")[0]
    if name in FAILING:
        return Outcome(OutcomeKind.PERMANENT, code=SIMULATED, detail="this address is refused in development mode")
    if name in RETRIED and message.attempts < REFUSALS:
        text = f"this address is refused {REFUSALS} times in development mode"
        return Outcome(OutcomeKind.TRANSIENT, code=SIMULATED, detail=text)
    return None


class OutboxForm(Protocol):
    """How a channel's messages stand in the outbox."""

    suffix: str
    """End of the files' names."""

    def render(self, message: ClaimedChannel) -> bytes:
        """Write one message.

        Raises:
            ValueError: It could not be sent as it is.
        """


class PlainText:
    """Readable text."""

    suffix = ".txt"

    def render(self, message: ClaimedChannel) -> bytes:
        """Write one message; see `OutboxForm.render`."""
        text = f"To: {message.address}\nTitle: {message.title}\n\n{message.message}\n"
        return text.encode("utf-8", "replace")


class OutboxSender:
    """Writes each message into ``folder / channel`` as a file of its own, and accepts it.

    A file's name begins with the time at which the message was created, so that names sort by it, and carries
    the channel row's id: a repeated attempt replaces the file. What is in it is the channel's ``form``. A file appears
    whole or not at all.
    """

    credential_codes = ()

    def __init__(self, channel: str, folder: Path, form: OutboxForm) -> None:
        self.name = f"outbox://{channel}"
        self._folder = folder / channel
        self._form = form

    async def send(self, attempt: Attempt) -> Outcome:
        """Write one message; see `Sender.send`. The outcome's ``data`` has ``file``, relative to the outbox."""
        message = attempt.claim
        if (refusal := simulated(message)) is not None:
            return refusal
        try:
            name, content = self._render(message)
            attempt.handed_over = True
            # In a thread, since a slow disk must not hold up the event loop.
            await asyncio.to_thread(_write_whole, self._folder / name, content)
        except ValueError as error:
            return Outcome(OutcomeKind.PERMANENT, code="INVALID_ADDRESS", detail=detail(str(error), message=message))
        except OSError as error:
            return Outcome(
                OutcomeKind.TRANSIENT,
                code=type(error).__name__,
                detail=detail(f"cannot write to {self._folder}: {error.strerror}", message=message),
                provider_fault=True,
            )
        return Outcome(OutcomeKind.ACCEPTED, data={"file": f"{self._folder.name}/{name}"})

    async def reach(self) -> str:
        """There is nobody to reach; see `Sender.reach`."""
        return ""

    async def close(self) -> None:
        """Do nothing; see `Sender.close`."""

    def _render(self, message: ClaimedChannel) -> tuple[str, bytes]:
        created = datetime.fromtimestamp(message.created_at / MICROS_PER_SECOND, UTC)
        stem = f"{created:%Y%m%dT%H%M%S.%fZ}-{message.id}"
        return f"{stem}{self._form.suffix}", self._form.render(message)


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the place and rename, so that whoever lists the folder never reads half a message."""
    make_private_folder(path.parent.parent)
    make_private_folder(path.parent)
    beside = path.with_name(f".{path.name}.part")
    close_to_others(beside)
    with os.fdopen(open_private(beside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)
    beside.replace(path)
