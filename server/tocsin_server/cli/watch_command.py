"""The command ``tocsin watch``."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_server.cli import arguments, output
from tocsin_server.cli.connection import Session, cause, client_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tocsin_client import Event, TocsinError


FIRST_SILENCE: Final = 3.0
"""Seconds without an answer after which a person learns of it; gRPC itself gives up after 20."""


@client_command
def watch(
    session: Session,
    to: Annotated[str, typer.Option("--to", metavar="RECIPIENT", help="Whose feed, such as user:UUID.")],
    cursor: Annotated[
        str,
        typer.Option(
            "--cursor", metavar="CURSOR", help="Start after this place; from now if left out.", show_default=False
        ),
    ] = "",
    count: Annotated[
        int,
        typer.Option("--count", metavar="N", min=0, help="End after N events; 0 never. The start of a stream is none."),
    ] = 0,
) -> None:
    """Follow a recipient's feed live.

    Until Ctrl-C, or --count. It carries on by itself when the connection breaks, and leaves nothing out. The last
    cursor goes to standard error at the end: give it to --cursor to carry on from there.

    \b
    Examples:
      tocsin watch --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10
      tocsin watch --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 --count 1 --json
    """
    recipient = arguments.recipient(to)
    started = told = False
    left = count or None

    def interrupted(error: TocsinError, _delay: float) -> None:
        # Before anything was received a person should see the error; after that the watch should go on.
        nonlocal told
        if not started:
            raise error
        if not told:  # once for each outage, however many attempts it takes
            output.note(f"the stream ended ({cause(error)}); resuming")
        told = True

    with session.client() as client, _until_stopped():
        events = client.subscribe(recipient, cursor, on_interruption=interrupted)
        silence = threading.Timer(FIRST_SILENCE, output.note, (f"no answer from {session.server} yet",))
        silence.daemon = True
        silence.start()
        try:
            for event in events:
                silence.cancel()
                started, told = True, False
                counted = _show_event(session, event)
                # Only now: an event that could not be printed has not been seen.
                cursor = event.cursor
                left = left - 1 if left is not None and counted else left
                if left == 0:
                    break
        finally:
            silence.cancel()
            events.close()
            if cursor:
                output.note(f"to resume: --cursor {cursor}")


def _show_event(session: Session, event: Event) -> bool:
    """Print an event; tell whether it counts as one."""
    from tocsin_client import Subscribed  # noqa: PLC0415 - heavy: only when a command runs

    if session.json:
        output.emit_json(event)
    else:
        output.emit_event(event)
    return not isinstance(event, Subscribed)


@contextmanager
def _until_stopped() -> Iterator[None]:
    """End quietly on Ctrl-C and on SIGTERM: both are the usual end of what otherwise lasts for ever."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
