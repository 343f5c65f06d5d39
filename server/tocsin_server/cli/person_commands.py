"""``tocsin erase`` and ``tocsin export``: what is stored of a person."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_server.cli import arguments, describe, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import INTERRUPTED, Session, client_command

if TYPE_CHECKING:
    from tocsin_client import Recipient

Whom = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="RECIPIENT",
        help="user:UUID, user:ext:ID ...; or user, guest and so on, with --address.",
        show_default=False,
    ),
]
Where = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="CHANNEL=ADDRESS",
        help="Of somebody who is not registered: where they were sent something.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, at a terminal, whether this is meant.")]

ERASE_SECONDS = 3600.0
"""What an erasure may take: it goes on in parts, however much there is."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(export)
    app.command()(erase)


@client_command
def export(session: Session, *, to: Whom, address: Where = "") -> None:
    """Write all that is stored of a person.

    A JSON object in a line for each row of a table. Needs a token with the scope erase.

    \b
    Examples:
      tocsin export --to user:ext:42
      tocsin export --to guest --address sms=+15550100
    """
    whom, where = _person(to, address)
    with session.client() as client:
        found = False
        for line in client.export(whom, address=where):
            found = True
            output.emit_json_line(line)
    if not found:
        output.note("nothing matches")


@client_command
def erase(session: Session, *, to: Whom, address: Where = "", yes: Yes = False) -> None:
    """Erase all that is stored of a person.

    Their notifications, their contact (addresses, language, time zone), their feed, and what belongs to them. A note
    remains that says when and by whom, and nothing of the person. What names them in what others were sent is not
    found, nor what is in backups. On SQLite the file's free space holds what was in it until VACUUM. Needs a token
    with the scope erase.

    \b
    Examples:
      tocsin erase --to user:ext:42
      tocsin erase --to guest --address sms=+15550100
    """
    whom, where = _person(to, address)
    if not yes and sys.stdin.isatty():
        try:
            typer.confirm(f"Erase {_all_of(whom, address)}?", abort=True, err=True)
        except typer.Abort:
            raise typer.Exit(INTERRUPTED) from None
    with session.client() as client:
        note = client.erase(whom, address=where, deadline=ERASE_SECONDS)
    if session.json:
        output.emit_json(note)
    else:
        count = "1 notification" if note.notification_count == 1 else f"{note.notification_count} notifications"
        beside = ", and the contact and the feed if there were any" if whom.id or whom.external_id else ""
        output.emit(f"erased {count}{beside}")
        output.emit(f"the note of it: {output.clean(note.id)}, {describe.stamp(note.erased_at)}")


def _all_of(whom: Recipient, address: str) -> str:
    """Return what there may be of a person, and whose it is."""
    if address:
        return f"all notifications that went to {output.clean(address)} as {output.clean(whom)}"
    return f"all notifications, the contact and the feed of {output.clean(whom)}"


def _person(to: str, address: str) -> tuple[Recipient, tuple[str, str] | None]:
    """Read whom a command is about; raises UsageError."""
    whom = arguments.recipient(to)
    if whom.id and address:
        raise UsageError("--address: is for somebody who is not registered; --to names one who is")
    if not whom.id and not address:
        raise UsageError("--to: needs an id, such as user:UUID or user:ext:ID; without one, give --address")
    if not address:
        return whom, None
    [(word, text)] = arguments.addresses([address]).items()
    return whom, (word, text)
