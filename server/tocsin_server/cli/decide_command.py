"""The commands of whoever decides: undecided, route, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_server.cli import arguments, describe, options, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, client_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_client import Client, Decision, Grounds, Undecided

WAIT: Final = 30.0
"""Seconds that one call waits with --watch; the next one follows."""

_WIDEST_TITLE: Final = 80

_ONE: Final = typer.Argument(metavar="ID", help="Id of the notification.", show_default=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in {"undecided": undecided, "route": route, "explain": explain}.items():
        app.command(name)(command)


@client_command
def undecided(
    session: Session,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and show what comes, until interrupted.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="Take at most so many.")] = 10,
    lease: Annotated[
        str, typer.Option("--lease", metavar="DURATION", help="How long nobody else is given them: 1s to 10m.")
    ] = "60s",
    category: options.OnlyCategory = "",
) -> None:
    """Take what waits for a decision, and show by what it may go.

    Nobody else is given them until the lease ends; route decides under the token shown.

    \b
    Examples:
      tocsin undecided
      tocsin undecided --watch --category 'order.*' --json
    """
    held = arguments.duration(lease, "--lease")
    with session.client() as client:
        while True:
            found = client.lease_undecided(
                max_count=limit,
                lease=held,
                category=category,
                wait=WAIT if watch else 0.0,
                deadline=2 * WAIT,
            )
            _show(session, found)
            if not watch:
                if not found:
                    output.note(
                        "nothing is free to be decided; what is leased or put off shows: tocsin list --unrouted"
                    )
                return


def _show(session: Session, found: Sequence[Undecided]) -> None:
    if session.json:
        for one in found:
            output.emit_json(one)
        return
    for one in found:
        # Two ids side by side, which both are needed to decide, leave no room for a table.
        facts = {
            "to": str(one.notification.recipient),
            "title": output.shorten(output.clean(one.notification.title), _WIDEST_TITLE),
            "category": one.notification.category,
            "allowed": ", ".join(one.allowed) or "none",
            "lease": f"{one.lease_token} until {describe.stamp(one.lease_until)}",
        }
        lines = [f"  {name:<9} {output.clean(value)}" for name, value in facts.items() if value]
        output.emit("\n".join([f"notification {output.clean(one.notification.id)}", *lines]))


@client_command
def route(
    session: Session,
    notification_id: Annotated[str, _ONE],
    *,
    channel: options.Chosen = None,
    strategy: options.Strategy = "",
    escalate_after: options.EscalateAfter = "",
    hold_until: Annotated[
        str,
        typer.Option(
            "--hold-until", metavar="TIME", help="Decide later, at a time or after so long.", show_default=False
        ),
    ] = "",
    suppress: Annotated[bool, typer.Option("--suppress", help="Send nothing; it ends as failed.")] = False,
    lease: Annotated[
        str,
        typer.Option(
            "--lease",
            metavar="TOKEN",
            help="What undecided showed for it; needed while it is leased.",
            show_default=False,
        ),
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; explain shows it.", show_default=False)
    ] = "",
) -> None:
    """Decide about a notification that was sent with --defer.

    \b
    Examples:
      tocsin route 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41 --channel websocket --channel email
      tocsin route 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41 --hold-until 2h --reason "not at night"
      tocsin route 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41 --suppress
    """
    if bool(channel) + bool(hold_until) + suppress != 1:
        raise UsageError("give --channel, --hold-until or --suppress: exactly one of the three")
    until = arguments.moment_ahead(hold_until, "--hold-until", output.utc_now())
    targets = arguments.channel_targets(channel or ())
    how = arguments.strategy(strategy)
    patience = arguments.duration(escalate_after, "--escalate-after") if escalate_after else None
    grounds: Grounds = {"lease_token": lease, "reason": reason, "decider": "tocsin route"}

    def decide(client: Client) -> None:
        if until is not None:
            decided = client.hold(notification_id, until, **grounds)
        elif suppress:
            decided = client.suppress(notification_id, **grounds)
        else:
            decided = client.route(notification_id, targets, strategy=how, escalate_after=patience, **grounds)
        if session.json:
            output.emit_json(decided)
        else:
            output.emit_notification(decided, output.utc_now())

    with session.client() as client:
        decide(client)


@client_command
def explain(session: Session, notification_id: Annotated[str, _ONE]) -> None:
    """Tell who decided about a notification, when, and why.

    \b
    Example:
      tocsin explain 01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41
    """
    with session.client() as client:
        decisions = client.explain(notification_id)
    if session.json:
        for decision in decisions:
            output.emit_json(decision)
        return
    if not decisions:
        output.note("nobody has decided about it")
    for decision in decisions:
        _tell(decision)


def _tell(decision: Decision) -> None:
    when = describe.stamp(decision.decided_at) if decision.decided_at is not None else ""
    channels = ", ".join(target.channel for target in decision.channels) or "nothing"
    program = f", by {output.clean(decision.decider)}" if decision.decider else ""
    why = f" ({output.clean(decision.reason)})" if decision.reason else ""
    output.emit(f"{when}  {output.clean(describe.decided_by(decision))}{program}: {output.clean(channels)}{why}")
    for denied in decision.denied:
        output.emit(output.clean(f"  {denied.channel}: {describe.left_out(denied.policy, denied.detail)}"))
