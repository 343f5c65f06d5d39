"""The command ``tocsin send``."""

from __future__ import annotations

import math
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from tocsin_server.cli import arguments, circumstances, describe, options, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.circumstances import Circumstances
from tocsin_server.cli.connection import MISUSED, STILL_PENDING, Session, cause, client_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin_client import Accepted, Client, Notification, SendOptions

POLL_FIRST, POLL_GROWTH, POLL_CAP = 0.2, 1.5, 2.0
"""Seconds between looks at a notification that ``--wait`` waits for: the first, how they grow, the longest."""


@client_command
def send(
    session: Session,
    *,
    to: options.To,
    title: options.Title,
    message: options.Message,
    channel: options.Targets = None,
    address: options.Addresses = None,
    metadata: options.Metadata = None,
    category: options.Category = "",
    key: options.Key = "",
    send_at: options.SendAt = "",
    expires_at: options.ExpiresAt = "",
    strategy: options.Strategy = "",
    escalate_after: options.EscalateAfter = "",
    goal: options.Goal = "",
    defer: options.Defer = False,
    route_by: options.RouteBy = "",
    wait: options.Wait = False,
    timeout: options.Timeout = "",
) -> None:
    """Send a notification.

    It is stored, durably, when its id is printed; sending goes on in the server. TIME is RFC 3339, such as
    2026-01-31T08:15:00Z, or a time from now, such as +10m. DURATION is such as 90s, 10m or 1h30m.

    \b
    Examples:
      tocsin send --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 \\
          --title "Your order has shipped" --message "It should arrive on Tuesday." \\
          --channel websocket --channel email=ann@example.org --metadata order_id=A1
      tocsin send --to other --title "Your code" --message 824193 \\
          --channel sms=+15550100 --expires-at +5m --wait --timeout 1m
      df -h | tocsin send --to guest --title Disks --message - --channel telegram=@ops_team
    """
    now = output.utc_now()
    recipient = arguments.recipient(to)
    wanted: SendOptions = {
        "channels": arguments.channel_targets(channel or ()),
        "addresses": arguments.addresses(address or ()),
        "metadata": arguments.metadata(metadata or ()),
        "category": category,
        # Made here rather than by the client, so that it can be told when the outcome stays open.
        "idempotency_key": key or str(uuid4()),
        **_order_of_channels(strategy, escalate_after, goal),
        "deferred": defer,
        "send_at": arguments.moment_ahead(send_at, "--send-at", now),
        "expires_at": arguments.moment_ahead(expires_at, "--expires-at", now),
        "route_by": arguments.moment_ahead(route_by, "--route-by", now),
    }
    patience = _patience(timeout, wait=wait)
    with session.client() as client:
        with _open_outcome(wanted["idempotency_key"]):
            accepted = client.send(recipient, title, arguments.text_or_stdin(message), **wanted)
        # Before any waiting: whoever gives up then can still ask after it.
        _tell_accepted(session, accepted, wait=wait)
        notification, known = _settled(client, accepted.notification, patience)
    _tell_outcome(session, notification, known, duplicate=accepted.duplicate)
    if wait:
        _exit_with(notification, known, timeout)


def _order_of_channels(strategy: str, escalate_after: str, goal: str) -> SendOptions:
    return {
        "strategy": arguments.strategy(strategy),
        "escalate_after": arguments.duration(escalate_after, "--escalate-after") if escalate_after else None,
        "goal": arguments.goal(goal),
    }


def _tell_accepted(session: Session, accepted: Accepted, *, wait: bool) -> None:
    if not session.json:
        if accepted.duplicate:
            output.note("stored before: a notification with this key was there already")
        output.emit_heading(accepted.notification)
    elif wait:
        output.note(f"accepted as {accepted.notification.id}")


def _tell_outcome(session: Session, notification: Notification, known: Circumstances, *, duplicate: bool) -> None:
    if session.json:
        output.emit_json({"notification": notification, "duplicate": duplicate})
    else:
        output.emit_account(notification, output.utc_now(), known.paused)


def _exit_with(notification: Notification, known: Circumstances, timeout: str) -> None:
    """End with the status of what was waited for, if it did not end well."""
    if _is_pending(notification):
        for line in describe.outstanding(notification, known, output.utc_now()):
            output.note(line)
        output.note(f"still pending after {timeout}; ask again with: tocsin get {notification.id}")
        raise typer.Exit(STILL_PENDING)
    if notification.status == "failed":
        raise typer.Exit(MISUSED)


def _patience(timeout: str, *, wait: bool) -> float:
    """Return for how many seconds to wait."""
    if timeout and not wait:
        raise UsageError("--timeout needs --wait: it is the waiting that it ends")
    if timeout:
        return arguments.duration(timeout, "--timeout").total_seconds()
    return math.inf if wait else 0.0


@contextmanager
def _open_outcome(key: str) -> Iterator[None]:
    """Tell, when a call failed so that nobody knows whether it took effect, how to find out."""
    from tocsin_client import DeadlineExceeded, Unavailable  # noqa: PLC0415 - heavy: only when a command runs

    try:
        yield
    except (DeadlineExceeded, Unavailable) as error:
        # gRPC's words for a server that was never reached, which leaves nothing open. Should they change, the
        # advice is given once too often, which does no harm.
        if "failed to connect" not in error.message:
            output.note(f"whether it was accepted is open; to be sure, repeat the command with --key {key}")
        raise


def _is_pending(notification: Notification) -> bool:
    return notification.status == "pending" or any(channel.status == "pending" for channel in notification.channels)


def _settled(client: Client, notification: Notification, patience: float) -> tuple[Notification, Circumstances]:
    """Look at a notification until nothing of it is pending, for so many seconds at most; then ask why it still is."""
    from tocsin_client import DeadlineExceeded, Unavailable  # noqa: PLC0415 - heavy: only when a command runs

    end, pause, told = time.monotonic() + patience, POLL_FIRST, False
    said: object = None
    while _is_pending(notification) and (left := end - time.monotonic()) > 0:
        if said != (said := _steps(notification)) and sys.stderr.isatty():
            why = describe.outstanding(notification, Circumstances(), output.utc_now()) or ["the next step"]
            output.note(f"waiting (Ctrl-C ends the waiting, not the sending) for {'; '.join(why)}")
        time.sleep(min(pause, left))
        pause = min(pause * POLL_GROWTH, POLL_CAP)
        try:
            notification = client.get(notification.id)
        except (DeadlineExceeded, Unavailable) as error:
            # It is stored, so a server that restarts will go on with it.
            if not told:
                output.note(f"cannot ask after it at the moment ({cause(error)}); waiting goes on")
            told = True
    if patience and _is_pending(notification):
        return notification, circumstances.ask(client, notification, output.utc_now())
    return notification, Circumstances()


def _steps(notification: Notification) -> object:
    """Return what is different when something has happened, other than that time has passed."""
    return [(one.channel, one.status, one.attempts, one.next_attempt_at is None) for one in notification.channels]
