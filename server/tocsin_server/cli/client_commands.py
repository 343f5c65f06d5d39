"""The commands that talk to a running server: here get, list, read, cancel and retry.

The others have modules of their own, and are registered here beside them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_server.cli import (
    arguments,
    circumstances,
    contact_command,
    describe,
    operator_commands,
    options,
    output,
    person_commands,
)
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, client_command
from tocsin_server.cli.send_command import send
from tocsin_server.cli.watch_command import watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tocsin_client import ListFilter, Notification

LARGEST_PAGE: Final = 500
"""Notifications that the server gives at once, at most."""

_ONE: Final = typer.Argument(metavar="ID", help="Id of the notification.", show_default=False)


def register(app: typer.Typer) -> None:
    """Add the client commands to an app.

    Their help is laid out as plain text: make the app with ``rich_markup_mode=None``.
    """
    commands = {
        "send": send,
        "get": get,
        "list": list_notifications,
        "read": read,
        "watch": watch,
        "cancel": cancel,
        "retry": retry,
    }
    for name, command in commands.items():
        app.command(name)(command)
    contact_command.register(app)
    operator_commands.register(app)
    person_commands.register(app)


@client_command
def get(session: Session, notification_id: Annotated[str, _ONE]) -> None:
    """Show what became of a notification.

    For each channel: what happened to it, why it failed, and when it is tried next, or that it is paused, if the token
    may know (scope admin); then what is still to come, such as the next step of a fallback, if it may explain.

    \b
    Example:
      tocsin get 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41
    """
    with session.client() as client:
        found = client.get(notification_id)
        if session.json:
            output.emit_json(found)
            return
        now = output.utc_now()
        known = circumstances.ask(client, found, now)
    output.emit_notification(found, now, known.paused)
    if lines := describe.still_to_come(found, known.decisions):
        output.emit("\n".join(["", "still to come", *(f"  {output.clean(line)}" for line in lines)]))


@client_command
def list_notifications(
    session: Session,
    *,
    to: options.OnlyOf = "",
    feed: options.OnlyFeed = False,
    unread: options.OnlyUnread = False,
    unrouted: options.OnlyUnrouted = False,
    status: options.OnlyStatus = None,
    failed: options.OnlyFailed = False,
    channel: options.OnlyChannel = None,
    category: options.OnlyCategory = "",
    since: options.Since = "",
    before: options.Before = "",
    limit: options.Limit = 50,
    everything: options.All = False,
) -> None:
    """List notifications, newest first.

    TIME is RFC 3339, such as 2026-01-31T08:15:00Z, or how long ago, such as 2h.

    \b
    Examples:
      tocsin list --failed --since 24h
      tocsin list --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 --feed --unread
      tocsin list --channel sms --status pending --all --json
    """
    now = output.utc_now()
    if feed and not to:
        raise UsageError("--feed needs --to: it is one recipient's")
    conditions: ListFilter = {
        "feed_only": feed,
        "unread_only": unread,
        "unrouted_only": unrouted,
        "statuses": _statuses(status or (), failed=failed),
        "channels": [arguments.channel_word(word) for word in channel or ()],
        "category": category,
        "created_after": arguments.moment_ago(since, "--since", now),
        "created_before": arguments.moment_ago(before, "--before", now),
        # One more than is shown, which tells whether there are more.
        "page_size": LARGEST_PAGE if everything else min(limit + 1, LARGEST_PAGE),
    }
    if to:
        conditions["recipient"] = arguments.recipient(to)
    most = None if everything else limit
    with session.client() as client:
        found = client.iterate(**conditions)
        if session.json:
            for notification in itertools.islice(found, most):
                output.emit_json(notification)
            return
        shown = list(found if most is None else itertools.islice(found, most + 1))
    _show_table(shown, most, now, recipients=not to)


def _statuses(words: Sequence[str], *, failed: bool) -> list[str]:
    statuses = [*words, *(["failed"] if failed else [])]
    if wrong := sorted(set(statuses) - {"pending", "sent", "failed"}):
        raise UsageError(f"--status: {wrong[0]!r} is not one of pending, sent, failed")
    return statuses


def _show_table(found: Sequence[Notification], most: int | None, now: datetime, *, recipients: bool) -> None:
    """Print a table of the first so many, and say whether there are more."""
    if not found:
        output.note("nothing matches")
        return
    output.emit_table(found[:most], now, recipients=recipients)
    if most is not None and len(found) > most:
        output.note(f"more match than the {most} shown: see --limit and --all")


@client_command
def read(
    session: Session,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids of notifications, all of one recipient.", show_default=False),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="RECIPIENT", help="Whose feed, such as user:UUID.", show_default=False)
    ] = "",
    up_to: Annotated[
        str,
        typer.Option(
            "--up-to",
            metavar="CURSOR",
            help="With --to: only up to this place, which watch tells; the whole feed if left out.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Mark notifications as read.

    Either notifications by their ids, or a recipient's feed.

    \b
    Examples:
      tocsin read 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41
      tocsin read --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10
    """
    if bool(ids) == bool(to):
        raise UsageError("give either ids or --to, to say what to mark as read")
    if up_to and not to:
        raise UsageError("--up-to needs --to: a cursor is a place in one recipient's feed")
    recipient = arguments.recipient(to) if to else None
    with session.client() as client:
        marked = client.mark_read(tuple(ids or ()), recipient=recipient, up_to_cursor=up_to)
    if session.json:
        output.emit_json(marked)
    else:
        output.emit(f"{marked.marked_count} marked as read, {marked.unread_count} unread")


@client_command
def cancel(session: Session, notification_id: Annotated[str, _ONE]) -> None:
    """Stop what is still to come.

    What is being sent at this moment may still go out. What is in the feed stays there.

    \b
    Example:
      tocsin cancel 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41
    """
    with session.client() as client:
        _show(session, client.cancel(notification_id))
    if not session.json:
        output.note("cancelled; what was still to come is not sent")


@client_command
def retry(
    session: Session,
    notification_id: Annotated[str, _ONE],
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="CHANNEL",
            help="Only this channel; repeatable. Without it, every one that failed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Revive failed channels.

    They are due at once, or at the time of --send-at if it lies ahead, with a new budget of attempts.

    \b
    Examples:
      tocsin retry 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41
      tocsin retry 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41 --channel email
    """
    words = [arguments.channel_word(word) for word in channel or ()]
    with session.client() as client:
        _show(session, client.retry(notification_id, words))


def _show(session: Session, notification: Notification) -> None:
    if session.json:
        output.emit_json(notification)
    else:
        output.emit_notification(notification, output.utc_now())
