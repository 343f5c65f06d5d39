"""Development mode's channel: each message becomes a file, and nothing leaves the machine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tocsin_server.channels.mail import MailComposer, UnsendableAddress
from tocsin_server.channels.sender import Message, Outcome, OutcomeKind
from tocsin_server.channels.verdict import detail
from tocsin_server.model import MICROS_PER_SECOND, ChannelType

DEFAULT_SENDER: Final = "Tocsin <tocsin@localhost>"
"""Sender of the outbox's e-mail where none is set."""


class OutboxSender:
    """Writes each message into ``folder / channel`` as a file of its own, and accepts it.

    A file's name begins with the time at which the message was created, so that names sort by it, and carries
    the channel row's id: a repeated attempt replaces the file. E-mail is written as it would go over the wire
    (``.eml``), the other channels as readable text (``.txt``). A file appears whole or not at all.
    """

    def __init__(self, channel: ChannelType, folder: Path, *, email_sender: str = DEFAULT_SENDER) -> None:
        self.name = f"outbox://{channel.value}"
        self._folder = folder / channel.value
        self._composer = MailComposer(email_sender) if channel is ChannelType.EMAIL else None

    async def send(self, message: Message) -> Outcome:
        """Write one message; see `Sender.send`. The outcome's ``data`` has ``file``, relative to the outbox."""
        try:
            name, content = self._render(message)
            # In a thread, since a slow disk must not hold up the event loop.
            await asyncio.to_thread(_write_whole, self._folder / name, content)
        except UnsendableAddress as error:
            return Outcome(OutcomeKind.PERMANENT, code="INVALID_ADDRESS", detail=detail(str(error), message=message))
        except OSError as error:
            return Outcome(
                OutcomeKind.TRANSIENT,
                code=type(error).__name__,
                detail=detail(f"cannot write to {self._folder}: {error.strerror}", message=message),
                provider_fault=True,
            )
        return Outcome(OutcomeKind.ACCEPTED, data={"file": f"{self._folder.name}/{name}"})

    async def close(self) -> None:
        """Do nothing; see `Sender.close`."""

    def _render(self, message: Message) -> tuple[str, bytes]:
        created = datetime.fromtimestamp(message.created_at / MICROS_PER_SECOND, UTC)
        stem = f"{created:%Y%m%dT%H%M%S.%fZ}-{message.channel_id}"
        if self._composer is not None:
            return f"{stem}.eml", self._composer.compose(message).content
        text = f"To: {message.address}\nTitle: {message.title}\n\n{message.message}\n"
        return f"{stem}.txt", text.encode("utf-8", "replace")


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the place and rename, so that whoever lists the folder never reads half a message."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)
