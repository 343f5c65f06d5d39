"""``tocsin queue``, ``tocsin pause`` and ``tocsin resume``: what waits, and whether a channel may send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_server.cli import describe, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, client_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tocsin_client import ChannelQueue, PausedChannel, ProviderQueue, QueueState

COUNTED: Final = 10_000
"""Where counts of the queue end."""

_WIDEST: Final = 100
_WIDEST_PROVIDER: Final = 36
_WIDEST_CODE: Final = 12
"""Columns of a line of the table, of a provider's name and of its code."""

_CAN_BE_PAUSED: Final = ("email", "telegram", "sms")

Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="email, telegram or sms.", show_default=False)]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks at the queue.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(queue)
    app.command()(pause)
    app.command()(resume)


@client_command
def queue(session: Session) -> None:
    """Show what waits for each channel and provider.

    And which providers are left alone for their failures, and which channels are paused. Counts end at 10,000. Needs a
    token with the scope admin.

    \b
    Examples:
      tocsin queue
      tocsin queue --json
    """
    with session.client() as client:
        found = client.get_queue()
    if session.json:
        output.emit_json(found)
        return
    output.emit("\n".join(lines_of(found, output.utc_now())))


@client_command
def pause(session: Session, channel: Channel, *, reason: Reason = "") -> None:
    """Stop sending by a channel; what is due stays in the queue.

    All replicas obey within two seconds. Send still accepts. What is being handed to a provider at this moment is
    sent. Needs a token with the scope admin.

    \b
    Example:
      tocsin pause sms --reason "the provider asked us to"
    """
    with session.client() as client:
        paused = client.pause_channel(_checked(channel), reason=reason)
    if session.json:
        output.emit_json(paused)
    else:
        output.emit(_pause_line(paused, output.utc_now()))


@client_command
def resume(session: Session, channel: Channel) -> None:
    """Let a paused channel send again.

    \b
    Example:
      tocsin resume sms
    """
    with session.client() as client:
        was_paused = client.resume_channel(_checked(channel))
    if session.json:
        output.emit_json({"channel": channel, "was_paused": was_paused})
    else:
        output.emit(f"{channel} goes on" if was_paused else f"{channel} was not paused")


def _checked(channel: str) -> str:
    if channel not in _CAN_BE_PAUSED:
        raise UsageError(f"{channel!r} is not one of {', '.join(_CAN_BE_PAUSED)}")
    return channel


def lines_of(queue: QueueState, now: datetime) -> list[str]:
    """Return what is told of the queue, in lines of 100 columns at most."""
    lines = output.columns([_HEADING, *(_row(channel, now) for channel in queue.channels)])
    providers = [(channel, provider) for channel in queue.channels for provider in channel.providers]
    if providers:
        lines += ["", *output.columns([_PROVIDER_HEADING, *(_provider_row(*one, now) for one in providers)])]
    notes = [_pause_line(channel.paused, now) for channel in queue.channels if channel.paused is not None]
    if queue.undecided_count:
        late = queue.undecided_late_count
        beyond = f", {_count(late)} of them for more than half the time that they may" if late else ""
        notes.append(f"{_count(queue.undecided_count)} wait for a decision about their channels{beyond}")
    return lines + ([""] if notes else []) + notes


_HEADING: Final = ("CHANNEL", "STATE", "DUE", "OLDEST DUE", "LEASED", "WAITING")
_PROVIDER_HEADING: Final = ("PROVIDER", "CHANNEL", "RETRYING", "STATE")


def _row(queue: ChannelQueue, now: datetime) -> Sequence[str]:
    oldest = "-" if queue.oldest_due_at is None else describe.age(queue.oldest_due_at, now)
    state = "sends" if queue.paused is None else "paused"
    return (
        str(queue.channel), state, _count(queue.due_count), oldest, _count(queue.leased_count),
        _count(queue.waiting_count),
    )  # fmt: skip


def _provider_row(queue: ChannelQueue, provider: ProviderQueue, now: datetime) -> Sequence[str]:
    state = "works"
    if provider.open_breaker_count:
        since = "" if provider.breaker_open_since is None else f" {describe.age(provider.breaker_open_since, now)}"
        times = f" by {provider.open_breaker_count}" if provider.open_breaker_count > 1 else ""
        state = f"left alone{times}{since}: {output.shorten(output.clean(provider.breaker_code), _WIDEST_CODE)}"
    name = output.shorten(output.clean(provider.provider), _WIDEST_PROVIDER)
    return name, str(queue.channel), _count(provider.retrying_count), state


def _pause_line(paused: PausedChannel, now: datetime) -> str:
    return output.shorten(output.clean(describe.pause_of(paused, now)), _WIDEST)


def _count(number: int) -> str:
    return f"{number}+" if number >= COUNTED else str(number)
