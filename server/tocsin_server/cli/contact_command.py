"""``tocsin contact``: how registered recipients can be reached, put, shown, listed and deleted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from tocsin_server.cli import arguments, describe, options, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import Session, client_command

if TYPE_CHECKING:
    from tocsin_client import Contact, InvalidArgument

_HELP: Final = """Keep how registered recipients can be reached.

    With a contact, who sends need not give addresses. What was sent before keeps those that it had.

    \b
    Examples:
      tocsin contact put --to user:ext:42 --email ann@example.org --locale pt-BR --time-zone Europe/Lisbon
      tocsin contact get --to user:ext:42
      tocsin contact list --type user
      tocsin contact delete --to user:ext:42
"""

_OPTIONS: Final = {"contact.locale": "--locale", "contact.time_zone": "--time-zone"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=_HELP, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )
    for name, command in {"put": put, "get": get, "list": list_contacts, "delete": delete}.items():
        group.command(name)(command)
    app.add_typer(group, name="contact")


@client_command
def put(
    session: Session,
    *,
    to: options.Whose,
    email: options.Email = "",
    sms: options.Sms = "",
    telegram: options.Telegram = "",
    locale: options.Locale = "",
    time_zone: options.TimeZone = "",
) -> None:
    """Create a contact, or replace it as a whole: what is left out is gone afterwards.

    \b
    Example:
      tocsin contact put --to user:ext:42 --email ann@example.org --sms +442079460000
    """
    from tocsin_client import InvalidArgument  # noqa: PLC0415 - heavy: only when a command runs

    whom = arguments.registered(to)
    given = {"email": email, "sms": sms, "telegram": telegram}
    addresses = {word: address for word, address in given.items() if address}
    with session.client() as client:
        try:
            contact = client.put_contact(whom, addresses, locale=locale, time_zone=time_zone)
        except InvalidArgument as error:
            raise UsageError(*_problems(error, list(addresses))) from None
    _show(session, contact)


@client_command
def get(session: Session, *, to: options.Whose) -> None:
    """Show a contact.

    \b
    Example:
      tocsin contact get --to user:ext:42
    """
    whom = arguments.registered(to)
    with session.client() as client:
        _show(session, client.get_contact(whom))


@client_command
def delete(session: Session, *, to: options.Whose) -> None:
    """Delete a contact. What was sent keeps its addresses.

    \b
    Example:
      tocsin contact delete --to user:ext:42
    """
    whom = arguments.registered(to)
    with session.client() as client:
        client.delete_contact(whom)
    if not session.json:
        output.emit(f"the contact of {output.clean(whom)} is deleted")


@client_command
def list_contacts(
    session: Session, *, of_type: options.OfType = "", limit: options.Limit = 50, everything: options.All = False
) -> None:
    """List contacts in the order of their recipients' types and ids.

    \b
    Example:
      tocsin contact list --type guest --all
    """
    from tocsin_client import RecipientType  # noqa: PLC0415 - heavy: only when a command runs

    if of_type and of_type not in set(RecipientType):
        raise UsageError(f"--type: {of_type!r} is not one of {', '.join(RecipientType)}")
    with session.client() as client:
        found = client.list_contacts(of_type or None, page_size=500 if everything else min(limit + 1, 500))
        if session.json:
            for contact in found if everything else itertools.islice(found, limit):
                output.emit_json(contact)
            return
        # One more than is shown, which tells whether there are more.
        shown = list(found if everything else itertools.islice(found, limit + 1))
    if not shown:
        output.note("nothing matches")
        return
    more = not everything and len(shown) > limit
    _emit_table(shown[:limit] if more else shown)
    if more:
        output.note(f"there are more than the {limit} shown: see --limit and --all")


def _emit_table(contacts: Sequence[Contact]) -> None:
    rows = [["RECIPIENT", "ADDRESSES", "LOCALE", "TIME ZONE", "PUT"]]
    rows += [
        [
            str(contact.recipient),
            ", ".join(f"{word}={address}" for word, address in contact.addresses.items()) or "none",
            contact.locale or "-",
            contact.time_zone or "-",
            describe.stamp(contact.updated_at),
        ]
        for contact in contacts
    ]
    output.emit_columns(rows)


def _show(session: Session, contact: Contact) -> None:
    if session.json:
        output.emit_json(contact)
        return
    facts = [("id", contact.recipient.id or ""), *contact.addresses.items()]
    facts += [("locale", contact.locale or "-"), ("time zone", contact.time_zone or "-")]
    facts.append(("put", describe.stamp_and_age(contact.updated_at, output.utc_now())))
    lines = [f"contact of {output.clean(contact.recipient)}"]
    lines += [f"  {name:<9} {output.clean(value)}" for name, value in facts]
    output.emit("\n".join(lines))


def _problems(error: InvalidArgument, words: Sequence[str]) -> Sequence[str]:
    """Return what was wrong, by the options; ``words`` are the channels of the given addresses, in order."""
    named = []
    for bad in error.violations:
        option = _OPTIONS.get(bad.field, "--to" if bad.field.startswith("contact.recipient") else bad.field)
        place = re.match(r"contact\.addresses\[(\d+)\]", bad.field)
        if place and int(place[1]) < len(words):
            option = f"--{words[int(place[1])]}"
        named.append(f"{option}: {bad.description}")
    return named or [error.message]
