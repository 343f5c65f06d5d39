"""``tocsin contact`` as it is typed, against a scripted server."""

from __future__ import annotations

import json

import grpc
import pytest
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import notification_pb2 as pb

from helpers.commands import USER, Tocsin
from helpers.scripted_server import USER_ID, Refusal, ScriptedServer, timestamp

ID_OF_42 = "d7e85231-8203-5a52-b1c5-50054fd1feb4"


def contact(external_id: str = "42", locale: str = "pt-BR") -> contact_pb.Contact:
    return contact_pb.Contact(
        recipient=pb.Recipient(type=pb.RECIPIENT_TYPE_USER, id=ID_OF_42, external_id=external_id),
        addresses=[
            pb.Address(channel=pb.CHANNEL_TYPE_EMAIL, address="ann@example.org"),
            pb.Address(channel=pb.CHANNEL_TYPE_SMS, address="+447700900123"),
        ],
        locale=locale,
        updated_at=timestamp(),
    )


SHOWN = f"""\
contact of user:ext:42
  id        {ID_OF_42}
  email     ann@example.org
  sms       +447700900123
  locale    pt-BR
  time zone -
"""


def test_put_sends_what_is_typed_and_shows_what_is_stored(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("PutContact", contact_pb.PutContactResponse(contact=contact()))
    result = tocsin(
        *("contact", "put", "--to", "user:ext:42", "--email", "ann@example.org", "--telegram", "@ann"),
        *("--locale", "pt-BR", "--time-zone", "Europe/Lisbon"),
    )
    assert result.exit_code == 0
    assert result.stdout.startswith(SHOWN)
    [call] = server.calls("PutContact")
    sent = call.request.contact
    assert (sent.recipient.external_id, sent.recipient.id) == ("42", "")
    assert (sent.locale, sent.time_zone) == ("pt-BR", "Europe/Lisbon")
    assert [(one.channel, one.address) for one in sent.addresses] == [
        (pb.CHANNEL_TYPE_EMAIL, "ann@example.org"),
        (pb.CHANNEL_TYPE_TELEGRAM, "@ann"),
    ]


def test_get_and_json_show_it_too(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("GetContact", *[contact_pb.GetContactResponse(contact=contact())] * 2)
    assert tocsin("contact", "get", "--to", USER).stdout.startswith(SHOWN)
    shown = json.loads(tocsin("contact", "get", "--to", USER, "--json").stdout)
    assert shown["recipient"] == {"type": "user", "id": ID_OF_42, "external_id": "42"}
    assert shown["addresses"] == {"email": "ann@example.org", "sms": "+447700900123"}
    assert server.calls("GetContact")[0].request.recipient.id == USER_ID


def test_delete_says_what_it_did(tocsin: Tocsin, server: ScriptedServer) -> None:
    server.script("DeleteContact", *[contact_pb.DeleteContactResponse()] * 2)
    assert tocsin("contact", "delete", "--to", "user:ext:42").stdout == "the contact of user:ext:42 is deleted\n"
    assert tocsin("contact", "delete", "--to", USER, "--json").stdout == ""


def test_list_shows_a_table_and_says_if_there_are_more(tocsin: Tocsin, server: ScriptedServer) -> None:
    page = contact_pb.ListContactsResponse(contacts=[contact(), contact("", "")])
    server.script("ListContacts", page, page, page, contact_pb.ListContactsResponse())
    result = tocsin("contact", "list", "--type", "user")
    heading, first, second = result.stdout.splitlines()
    assert heading.split() == ["RECIPIENT", "ADDRESSES", "LOCALE", "TIME", "ZONE", "PUT"]
    assert first.startswith("user:ext:42 ")
    assert second.startswith(f"user:{ID_OF_42}  email=ann@example.org, sms=+447700900123  -")
    assert first.index("email=") == second.index("email=") == heading.index("ADDRESSES")
    more = tocsin("contact", "list", "--limit", "1")
    assert len(more.stdout.splitlines()) == 2
    assert "more than the 1 shown" in more.stderr
    assert len(tocsin("contact", "list", "--all", "--json").stdout.splitlines()) == 2
    assert tocsin("contact", "list").stderr == "tocsin: nothing matches\n"
    asked = [call.request for call in server.calls("ListContacts")]
    assert [(one.recipient_type, one.page_size) for one in asked] == [
        (pb.RECIPIENT_TYPE_USER, 51), (0, 2), (0, 500), (0, 51),
    ]  # fmt: skip


def test_what_the_server_refuses_is_told_by_the_options(tocsin: Tocsin, server: ScriptedServer) -> None:
    violations = [
        ("contact.recipient.external_id", "must be shorter"),
        ("contact.addresses[1].address", "must be a number"),
        ("contact.locale", "must be a tag"),
        ("contact.time_zone", "must be a zone"),
    ]
    refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "bad", reason="INVALID_FIELD", violations=violations)
    server.script("PutContact", refusal)
    result = tocsin("contact", "put", "--to", "user:ext:42", "--sms", "1", "--email", "a@b.example")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "tocsin: --to: must be shorter",
        "tocsin: --sms: must be a number",
        "tocsin: --locale: must be a tag",
        "tocsin: --time-zone: must be a zone",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["put", "--to", "guest"], "--to: needs an id"),
        (["get", "--to", "robot:1"], "--to: 'robot' is not one of user"),
        (["delete", "--to", "user:ext:"], "--to: there is no external id after ext:"),
        (["list", "--type", "robot"], "--type: 'robot' is not one of user"),
    ],
)
def test_what_is_typed_wrongly_never_reaches_the_server(
    words: list[str], told: str, tocsin: Tocsin, server: ScriptedServer
) -> None:
    result = tocsin("contact", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"tocsin: {told}")


def test_help_explains_every_command(tocsin: Tocsin) -> None:
    overview = tocsin("contact", "--help").stdout
    for command in ("put", "get", "list", "delete"):
        assert f"  tocsin contact {command} " in overview
        text = tocsin("contact", command, "--help", TERMINAL_WIDTH="100").stdout
        assert f"  tocsin contact {command} " in text
        assert "--server" in text
