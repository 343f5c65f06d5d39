"""``tocsin simulate`` and ``tocsin backtest``: what rules would decide, asked of a running server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_server.cli import arguments, describe, options, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, client_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_client import Backtest, BacktestExample, Decision, Simulation

RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        help="Rules and policies (TOML) in place of those in force, up to 64 KiB.",
        show_default=False,
    ),
]
Heading = Annotated[str, typer.Option("--title", metavar="TEXT", help="The title.")]
Text = Annotated[str, typer.Option("--message", metavar="TEXT", help="The message.")]
MostExamined = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many to look at.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(simulate)
    app.command()(backtest)


@client_command
def simulate(
    session: Session,
    *,
    to: options.To,
    category: options.Category = "",
    title: Heading = "A title",
    message: Text = "A message",
    channel: options.Targets = None,
    address: options.Addresses = None,
    metadata: options.Metadata = None,
    send_at: options.SendAt = "",
    expires_at: options.ExpiresAt = "",
    rules: RulesFile = None,
) -> None:
    """Show what rules would decide about a notification. Nothing is sent or stored.

    \b
    Example:
      tocsin simulate --to user:0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10 --category order.shipped --rules rules.toml
    """
    now = output.utc_now()
    with session.client() as client:
        found = client.simulate(
            arguments.recipient(to),
            title,
            message,
            category=category,
            channels=arguments.channel_targets(channel or ()),
            addresses=arguments.addresses(address or ()),
            metadata=arguments.metadata(metadata or ()),
            send_at=arguments.moment_ahead(send_at, "--send-at", now),
            expires_at=arguments.moment_ahead(expires_at, "--expires-at", now),
            rules=_content(rules),
        )
    if session.json:
        output.emit_json({"decision": found.decision, "trials": found.trials, "refusal": str(found.refusal or "")})
    else:
        _emit(_told(found))


@client_command
def backtest(
    session: Session,
    *,
    rules: RulesFile = None,
    since: options.Since = "",
    before: options.Before = "",
    category: options.OnlyCategory = "",
    limit: MostExamined = 1_000,
) -> None:
    """Show what rules would have decided for what is stored.

    Without --since it looks at one day. Nothing is changed.

    \b
    Example:
      tocsin backtest --rules rules.toml --since 7d --limit 10000
    """
    now = output.utc_now()
    with session.client() as client:
        found = client.backtest(
            _content(rules),
            since=arguments.moment_ago(since, "--since", now),
            until=arguments.moment_ago(before, "--before", now),
            category=category,
            limit=limit,
        )
    if session.json:
        output.emit_json(found)
    else:
        _emit(_compared(found))
        if found.examples:
            output.emit("")
            output.emit_columns([_EXAMPLE_HEADING, *map(_example, found.examples)])


def _emit(lines: Sequence[str]) -> None:
    output.emit("\n".join(map(output.clean, lines)))


def _content(path: Path | None) -> str:
    """Return what a file holds, nothing if none is named; raises UsageError."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = (isinstance(error, OSError) and error.strerror) or str(error)
        raise UsageError(f"--rules: cannot read {path}: {said}") from None


def _told(found: Simulation) -> Sequence[str]:
    tried = [describe.tried(trial.rule, trial.why, matched=trial.matched) for trial in found.trials]
    refused = [f"refused: {found.refusal}"] if found.refusal is not None else []
    return [*tried, *([""] if tried else []), *_decided(found.decision), *refused]


def _decided(decision: Decision) -> Sequence[str]:
    chosen = [f"{target.channel} {target.address or ''}".rstrip() for target in decision.channels]
    out = [f"  {denied.channel}: {describe.left_out(denied.policy, denied.detail)}" for denied in decision.denied]
    return [f"would go out by {', '.join(chosen) or 'nothing'}", *out]


def _compared(found: Backtest) -> Sequence[str]:
    more = " (there are more)" if found.truncated else ""
    changes = [f"  {change.channel}: {change.added} more, {change.removed} fewer" for change in found.changes]
    return [f"{found.examined} looked at{more}, {found.agreed} with the same channels", *changes]


_EXAMPLE_HEADING: Final = ("ID", "CATEGORY", "WAS", "WOULD BE", "RULE")


def _example(example: BacktestExample) -> Sequence[str]:
    was, would_be = (", ".join(channels) or "nothing" for channels in (example.was, example.would_be))
    return example.id, example.category or "-", was, would_be, example.rule or "-"
