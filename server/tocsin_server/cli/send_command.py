"""The command ``tocsin send``."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from tocsin_server.cli import arguments, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import MISUSED, Session, client_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin_client import Client, Notification

POLL_FIRST, POLL_GROWTH, POLL_CAP = 0.2, 1.5, 2.0
"""Seconds between looks at a notification that ``--wait`` waits for: the first, how they grow, the longest."""


@client_command
def send(
    session: Session,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="RECIPIENT",
            help="user:UUID, guest:UUID, potential_customer:UUID, partner:UUID or other:UUID; without :UUID somebody "
            "who is not registered, whom only addresses reach.",
        ),
    ],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="One line, up to 255 characters.")],
    message: Annotated[str, typer.Option("--message", metavar="TEXT", help="The text; - reads it from stdin.")],
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="CHANNEL[=ADDRESS]",
            help="websocket, email, telegram or sms, with an address if none is known; repeat it for several. "
            "Without any, the server's routing rules decide.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address",
            metavar="CHANNEL=ADDRESS",
            help="A known address, for whoever decides about the channels; repeatable.",
            show_default=False,
        ),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            "--metadata",
            metavar="JSON|KEY=VALUE",
            help="A JSON object, or one string; repeatable.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="KEY",
            help="Idempotency key: sending again with the same key and content changes nothing.",
            show_default=False,
        ),
    ] = "",
    send_at: Annotated[
        str,
        typer.Option("--send-at", metavar="TIME", help="When to start sending; now if left out.", show_default=False),
    ] = "",
    expires_at: Annotated[
        str, typer.Option("--expires-at", metavar="TIME", help="When to give up.", show_default=False)
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            metavar="parallel|fallback",
            help="All channels at once (the default), or one after the other in the order given.",
            show_default=False,
        ),
    ] = "",
    escalate_after: Annotated[
        str,
        typer.Option(
            "--escalate-after",
            metavar="DURATION",
            help="With fallback: how long a channel may stay unread before the next one.",
            show_default=False,
        ),
    ] = "",
    defer: Annotated[
        bool,
        typer.Option("--defer", help="Leave the channels to an agent that decides later.", show_default=False),
    ] = False,
    route_by: Annotated[
        str,
        typer.Option(
            "--route-by",
            metavar="TIME",
            help="With --defer: when the rules decide if nobody has; in one hour if left out.",
            show_default=False,
        ),
    ] = "",
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Wait until no channel is pending any more; exit with 2 if the notification failed. A websocket "
            "channel is pending until its recipient connects.",
            show_default=False,
        ),
    ] = False,
) -> None:
    """Send a notification.

    It is stored, durably, when this returns; sending goes on in the server. TIME is RFC 3339, such as
    2026-01-31T08:15:00Z, or a time from now, such as +10m. DURATION is such as 90s, 10m or 1h30m.

    \b
    Examples:
      tocsin send --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 \\
          --title "Your order has shipped" --message "It should arrive on Tuesday." \\
          --channel websocket --channel email=ann@example.org --metadata order_id=A1
      tocsin send --to other --title "Your code" --message 824193 \\
          --channel sms=+15550100 --expires-at +5m --wait
      df -h | tocsin send --to guest --title Disks --message - --channel telegram=@ops
    """
    now = output.utc_now()
    # Made here rather than by the client, so that it can be told when the outcome stays open.
    idempotency_key = key or str(uuid4())
    recipient = arguments.recipient(to)
    if strategy not in {"", "parallel", "fallback"}:
        raise UsageError(f"--strategy: {strategy!r} is neither parallel nor fallback")
    channels = arguments.channel_targets(channel or ())
    addresses = arguments.addresses(address or ())
    attached = arguments.metadata(metadata or ())
    escalation = arguments.duration(escalate_after, "--escalate-after") if escalate_after else None
    with session.client() as client, _open_outcome(idempotency_key):
        accepted = client.send(
            recipient,
            title,
            arguments.text_or_stdin(message),
            channels=channels,
            addresses=addresses,
            metadata=attached,
            idempotency_key=idempotency_key,
            strategy=strategy or None,
            escalate_after=escalation,
            deferred=defer,
            send_at=arguments.moment(send_at, "--send-at", now, ahead=True) if send_at else None,
            expires_at=arguments.moment(expires_at, "--expires-at", now, ahead=True) if expires_at else None,
            route_by=arguments.moment(route_by, "--route-by", now, ahead=True) if route_by else None,
        )
        notification = _settled(client, accepted.notification) if wait else accepted.notification
    if session.json:
        output.emit_json({"notification": notification, "duplicate": accepted.duplicate})
    else:
        if accepted.duplicate:
            output.note("stored before: a notification with this key was there already")
        output.emit_notification(notification, output.utc_now())
    if wait and notification.status == "failed":
        raise typer.Exit(MISUSED)


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


def _settled(client: Client, notification: Notification) -> Notification:
    """Look at a notification until nothing of it is pending."""
    pause = POLL_FIRST
    while notification.status == "pending" or any(channel.status == "pending" for channel in notification.channels):
        time.sleep(pause)
        pause = min(pause * POLL_GROWTH, POLL_CAP)
        notification = client.get(notification.id)
    return notification
