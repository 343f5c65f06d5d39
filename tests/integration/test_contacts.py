"""Contacts and external ids over a real port: what is stored, who may, and that a recipient is one by either name."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import contact_service_pb2_grpc, notification_service_pb2_grpc
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import (
    DEADLINE,
    EMAIL,
    GUEST,
    SMS,
    TELEGRAM,
    USER,
    WEBSOCKET,
    Api,
    Refusal,
    at,
    read_status,
    refused,
    request,
    user,
)
from helpers.databases import KINDS
from helpers.process import run
from helpers.server import ServerUnderTest, running_server, server_on
from tocsin_client import Client, Recipient
from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import RecipientType

SECRET = "a secret of at least thirty-two bytes"

Metadata = tuple[tuple[str, str], ...]


def entry(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(name.encode()).hexdigest()}"


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


class Contacts:
    """The service's calls in few words."""

    def __init__(self, api: Api, metadata: Metadata = ()) -> None:
        self._stub = contact_service_pb2_grpc.ContactServiceStub(api.channel)
        self._metadata = metadata

    def put(self, recipient: pb.Recipient, *addresses: tuple[Any, str], **fields: Any) -> Any:
        """Put a contact, and return it as stored."""
        listed = [pb.Address(channel=kind, address=address) for kind, address in addresses]
        contact = contact_pb.Contact(recipient=recipient, addresses=listed, **fields)
        return self._call("PutContact", contact_pb.PutContactRequest(contact=contact)).contact

    def get(self, recipient: pb.Recipient) -> Any:
        """Read a contact."""
        return self._call("GetContact", contact_pb.GetContactRequest(recipient=recipient)).contact

    def delete(self, recipient: pb.Recipient) -> None:
        """Delete a contact."""
        self._call("DeleteContact", contact_pb.DeleteContactRequest(recipient=recipient))

    def page(self, **fields: Any) -> Any:
        """Read a page."""
        return self._call("ListContacts", contact_pb.ListContactsRequest(**fields))

    def all(self, **fields: Any) -> list[contact_pb.Contact]:
        """Read page after page to the end."""
        found: list[contact_pb.Contact] = []
        token = ""
        while True:
            page = self.page(page_token=token, **fields)
            found += page.contacts
            token = page.next_page_token
            if not token:
                return found

    def _call(self, method: str, message: Any) -> Any:
        return getattr(self._stub, method)(message, metadata=self._metadata, timeout=DEADLINE)


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("contacts")
    with server_on(request.param, folder) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def contacts(api: Api) -> Contacts:
    return Contacts(api)


def external(external_id: str, kind: Any = USER) -> pb.Recipient:
    return pb.Recipient(type=kind, external_id=external_id)


def by_id(external_id: str) -> pb.Recipient:
    """Return a user by the id that an external id stands for."""
    return pb.Recipient(type=USER, id=derived_id(RecipientType.USER, external_id))


def new_external() -> str:
    """Return an external id that no other test knows."""
    return f"shop:{uuid.uuid4()}:é"


# -- what is stored ------------------------------------------------------------------------------


def test_a_contact_is_put_read_replaced_and_deleted(contacts: Contacts) -> None:
    whom = user()
    put = contacts.put(whom, (SMS, "+447700900123"), (EMAIL, "ann@example.org"), locale="pt-BR", time_zone="Asia/Tokyo")
    assert [entry.channel for entry in put.addresses] == [EMAIL, SMS]
    assert (put.recipient, put.locale, put.time_zone) == (whom, "pt-BR", "Asia/Tokyo")
    assert abs(put.updated_at.ToNanoseconds() - time.time_ns()) < 60e9
    assert contacts.get(whom) == put
    replaced = contacts.put(whom)
    assert (len(replaced.addresses), replaced.locale, replaced.time_zone) == (0, "", "")
    assert replaced.updated_at.ToNanoseconds() > put.updated_at.ToNanoseconds()
    assert contacts.get(whom) == replaced
    contacts.delete(whom)
    for call in (contacts.get, contacts.delete):
        missing = refused(lambda call=call: call(whom))  # type: ignore[misc]
        assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "CONTACT_NOT_FOUND")
        assert missing.metadata == {"recipient_type": "user", "recipient_id": whom.id}


def test_an_external_id_is_shown_where_it_was_put_and_by_either_name(contacts: Contacts) -> None:
    external_id = new_external()
    named = pb.Recipient(type=USER, id=by_id(external_id).id, external_id=external_id)
    put = contacts.put(external(external_id), (EMAIL, "ann@example.org"))
    assert put.recipient == named
    assert contacts.get(by_id(external_id)) == contacts.get(external(external_id)) == put
    assert contacts.put(by_id(external_id)).recipient == by_id(external_id)
    assert contacts.get(external(external_id)).recipient == by_id(external_id)
    contacts.delete(external(external_id))
    assert refused(lambda: contacts.get(by_id(external_id))).reason == "CONTACT_NOT_FOUND"


def test_an_id_in_upper_case_is_kept_in_lower_case(contacts: Contacts, api: Api) -> None:
    whom = user()
    upper = pb.Recipient(type=USER, id=whom.id.upper())
    assert contacts.put(upper).recipient == whom
    assert contacts.get(upper) == contacts.get(whom)
    sent = api.send(request(upper))
    assert sent.recipient == whom
    assert api.get(sent.id.upper()) == api.get(sent.id)
    assert api.mark(ids=[sent.id.upper(), sent.id]).marked_count == 1
    assert api.unread(upper) == api.unread(whom) == 0


# -- what is refused -----------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"recipient": None}, {"contact.recipient.type": "one of", "contact.recipient.id": "external_id"}),
    ({"recipient": pb.Recipient(type=GUEST)}, {"contact.recipient.id": "must be given, or external_id"}),
    ({"recipient": pb.Recipient(type=USER, id="42")}, {"contact.recipient.id": "UUID"}),
    ({"recipient": external("a\tb")}, {"contact.recipient.external_id": "control"}),
    ({"recipient": external("x" * 256)}, {"contact.recipient.external_id": "1 to 255 characters, is 256"}),
    (
        {"recipient": pb.Recipient(type=USER, id=str(uuid.uuid4()), external_id="42")},
        {"contact.recipient.external_id": "must be of the recipient that id names"},
    ),
    ({"addresses": [pb.Address(channel=EMAIL, address="nobody")]}, {"contact.addresses[0].address": "@"}),
    ({"addresses": [pb.Address(channel=SMS, address="0770 0900")]}, {"contact.addresses[0].address": "E.164"}),
    ({"addresses": [pb.Address(channel=WEBSOCKET, address="x")]}, {"contact.addresses[0].channel": "no address"}),
    ({"addresses": [pb.Address(channel=SMS, address="+447700900123")] * 2}, {"contact.addresses[1].channel": "second"}),
    ({"addresses": [pb.Address()] * 17}, {"contact.addresses": "at most 16, are 17"}),
    ({"locale": "pt_BR"}, {"contact.locale": "pt-BR"}),
    ({"time_zone": "Mars/Olympus"}, {"contact.time_zone": "Europe/Lisbon"}),
    (
        {"recipient": None, "locale": "x" * 36, "time_zone": "x" * 65},
        {
            "contact.recipient.type": "one of",
            "contact.recipient.id": "external_id",
            "contact.locale": "at most 35 characters, is 36",
            "contact.time_zone": "at most 64 characters, is 65",
        },
    ),
]


@pytest.mark.parametrize(("changes", "expected"), BAD)
def test_a_bad_contact_is_refused_with_every_bad_field_and_nothing_is_stored(
    api: Api, contacts: Contacts, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    before = len(contacts.all())
    contact = contact_pb.Contact(**({"recipient": user()} | changes))
    stub = contact_service_pb2_grpc.ContactServiceStub(api.channel)
    refusal = refused(lambda: stub.PutContact(contact_pb.PutContactRequest(contact=contact), timeout=DEADLINE))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert set(refusal.violations) == set(expected)
    for field, words in expected.items():
        assert words in refusal.violations[field]
    assert len(contacts.all()) == before


def test_a_list_of_contacts_refuses_what_it_cannot_do(contacts: Contacts) -> None:
    assert set(refused(lambda: contacts.page(recipient_type=99, page_size=-1)).violations) == {
        "recipient_type", "page_size",
    }  # fmt: skip
    for _ in range(2):
        contacts.put(external(new_external()))
    token = contacts.page(page_size=1).next_page_token
    for wrong in ("x", token[:-1], token + "x", "A" * 2000):
        assert refused(lambda wrong=wrong: contacts.page(page_token=wrong)).reason == "MALFORMED_PAGE_TOKEN"  # type: ignore[misc]
    assert refused(lambda: contacts.page(page_token=token, recipient_type=USER)).reason == "MALFORMED_PAGE_TOKEN"


# -- lists ---------------------------------------------------------------------------------------


def test_pages_go_to_the_end_while_others_are_put(api: Api, contacts: Contacts) -> None:
    stored = {contacts.put(external(new_external(), GUEST)).recipient.id for _ in range(60)}
    ended = threading.Event()
    added: set[str] = set()

    def keep_putting() -> None:
        while not ended.is_set():
            added.add(contacts.put(external(new_external(), GUEST)).recipient.id)

    others = threading.Thread(target=keep_putting)
    others.start()
    try:
        found = [contact.recipient.id for contact in contacts.all(recipient_type=GUEST, page_size=7)]
    finally:
        ended.set()
        others.join(DEADLINE)
    assert found == sorted(set(found))
    assert stored <= set(found) <= stored | added | {one.recipient.id for one in contacts.all(recipient_type=GUEST)}
    everybody = contacts.all(page_size=500)
    assert [one.recipient.type for one in everybody] == sorted(one.recipient.type for one in everybody)
    assert stored | added <= {one.recipient.id for one in everybody}


# -- one recipient, two names --------------------------------------------------------------------


def test_what_is_sent_by_one_name_is_received_under_the_other(api: Api) -> None:
    external_id = new_external()
    with api.subscribe(by_id(external_id)) as stream:
        stream.subscribed()
        sent = api.send(request(external(external_id)))
        assert sent.recipient == by_id(external_id)
        assert stream.notification().id == sent.id
    with api.subscribe(external(external_id), stream.cursor) as stream:
        assert stream.subscribed().recovered
        [result] = api.batch(request(by_id(external_id)))
        assert stream.notification().id == result.response.notification.id
    for whom in (external(external_id), by_id(external_id)):
        assert len(api.list(recipient=whom, feed_only=True).notifications) == 2
        assert api.unread(whom) == 2
    assert api.mark(recipient=external(external_id)).marked_count == 2
    assert api.unread(by_id(external_id)) == 0


def test_a_key_is_repeated_under_either_name(api: Api) -> None:
    external_id, key = new_external(), str(uuid.uuid4())
    first = api.send(request(external(external_id), idempotency_key=key))
    assert api.send_again(request(by_id(external_id), idempotency_key=key)).notification.id == first.id
    reused = refused(lambda: api.send(request(external(external_id + "x"), idempotency_key=key)))
    assert reused.reason == "IDEMPOTENCY_KEY_REUSED"


def test_the_same_external_id_of_another_type_or_in_another_form_of_unicode_is_somebody_else(api: Api) -> None:
    external_id = new_external()
    ids = {
        api.send(request(whom)).recipient.id
        for whom in (external(external_id), external(external_id, GUEST), external(external_id.replace("é", "e\u0301")))
    }
    assert len(ids) == 3


# -- routing -------------------------------------------------------------------------------------


def addresses_of(notification: pb.Notification) -> dict[Any, str]:
    """Return the address of each channel."""
    return {row.channel: row.address for row in notification.channels}


def test_a_named_channel_takes_its_address_from_the_request_and_then_from_the_contact(
    api: Api, contacts: Contacts
) -> None:
    whom = user()
    contacts.put(whom, (EMAIL, "ann@example.org"), (SMS, "+447700900123"))
    given = [pb.Address(channel=SMS, address="+447700900999")]
    sent = api.send(request(whom, EMAIL, SMS, addresses=given))
    assert addresses_of(sent) == {EMAIL: "ann@example.org", SMS: "+447700900999"}
    assert addresses_of(api.send(request(whom, (EMAIL, "bob@example.org")))) == {EMAIL: "bob@example.org"}
    refusal = refused(lambda: api.send(request(whom, TELEGRAM)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_UNKNOWN")


def test_with_nothing_named_the_rule_takes_every_channel_with_a_known_address(api: Api, contacts: Contacts) -> None:
    whom = external(new_external())
    unnamed = request(whom)
    del unnamed.channels[:]
    assert addresses_of(api.send(unnamed)) == {WEBSOCKET: ""}
    contacts.put(whom, (EMAIL, "ann@example.org"))
    assert addresses_of(api.send(unnamed)) == {WEBSOCKET: "", EMAIL: "ann@example.org"}
    unnamed.addresses.add(channel=TELEGRAM, address="@ann_example")
    assert addresses_of(api.send(unnamed)) == {WEBSOCKET: "", EMAIL: "ann@example.org", TELEGRAM: "@ann_example"}


def test_a_contacts_change_counts_from_then_on_and_leaves_what_is_stored(api: Api, contacts: Contacts) -> None:
    whom = user()
    contacts.put(whom, (EMAIL, "old@example.org"))
    before = api.send(request(whom, EMAIL, send_at=at(3600)))
    contacts.put(whom, (EMAIL, "new@example.org"))
    assert addresses_of(api.send(request(whom, EMAIL))) == {EMAIL: "new@example.org"}
    contacts.delete(whom)
    assert refused(lambda: api.send(request(whom, EMAIL))).reason == "ADDRESS_UNKNOWN"
    assert addresses_of(api.get(before.id)) == {EMAIL: "old@example.org"}


def test_a_repetition_under_a_key_is_the_first_result_whatever_the_contact_is_by_then(
    api: Api, contacts: Contacts
) -> None:
    whom, key = user(), str(uuid.uuid4())
    contacts.put(whom, (EMAIL, "old@example.org"))
    wanted = request(whom, EMAIL, idempotency_key=key)
    first = api.send(wanted)
    contacts.delete(whom)
    again = api.send_again(wanted).notification
    assert (again.id, addresses_of(again)) == (first.id, {EMAIL: "old@example.org"})


def test_each_of_a_batch_is_routed_by_its_own_recipients_contact(api: Api, contacts: Contacts) -> None:
    known = [external(new_external()) for _ in range(5)]
    for number, whom in enumerate(known):
        contacts.put(whom, (EMAIL, f"{number}@example.org"))
    stranger = user()
    results = api.batch(*(request(whom, EMAIL) for whom in (*known, stranger, *known)))
    assert [addresses_of(one.response.notification).get(EMAIL) for one in results] == [
        *(f"{number}@example.org" for number in range(5)), None, *(f"{number}@example.org" for number in range(5)),
    ]  # fmt: skip
    assert read_status(results[5].error).reason == "ADDRESS_UNKNOWN"


def test_the_contact_of_another_type_with_the_same_id_is_not_asked(api: Api, contacts: Contacts) -> None:
    whom = user()
    contacts.put(pb.Recipient(type=GUEST, id=whom.id), (EMAIL, "guest@example.org"))
    assert refused(lambda: api.send(request(whom, EMAIL))).reason == "ADDRESS_UNKNOWN"


# -- who may -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    tokens = (entry("crm", "contacts"), entry("desk", "read"), entry("shop", "send"), entry("agent", "route"))
    with (
        running_server(tmp_path_factory.mktemp("guarded"), dev=True, auth_tokens=tokens, jwt_secret=SECRET) as server,
        Api(server.address) as api,
    ):
        yield api


def denied(call: Any) -> Refusal:
    refusal = refused(call)
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    return refusal


def test_contacts_need_their_scope_and_reading_them_needs_that_or_read(guarded: Api) -> None:
    whom = user()
    crm, desk = Contacts(guarded, bearer("crm")), Contacts(guarded, bearer("desk"))
    stored = crm.put(whom, (EMAIL, "ann@example.org"))
    assert crm.get(whom) == desk.get(whom) == stored
    assert stored in crm.all()
    assert stored in desk.all()
    denied(lambda: desk.put(whom))
    denied(lambda: desk.delete(whom))
    holder = bearer(jwt.encode({"sub": f"user:{whom.id}", "exp": time.time() + 600}, SECRET))
    for metadata in (bearer("shop"), bearer("agent"), holder):
        other = Contacts(guarded, metadata)
        for call in (other.get, other.put, other.delete):
            denied(lambda call=call: call(whom))
        denied(other.page)
    assert refused(lambda: Contacts(guarded).get(whom)).reason == "UNAUTHENTICATED"
    crm.delete(whom)


def test_a_recipients_token_may_name_an_external_id(guarded: Api) -> None:
    external_id = new_external()
    token = jwt.encode({"sub": f"user:ext:{external_id}", "exp": time.time() + 600}, SECRET)
    guarded.stub.Send(request(external(external_id)), metadata=bearer("shop"), timeout=DEADLINE)
    for whom in (external(external_id), by_id(external_id)):
        count = service_pb.CountUnreadRequest(recipient=whom)
        assert guarded.stub.CountUnread(count, metadata=bearer(token), timeout=DEADLINE).unread_count == 1
        with guarded.subscribe(whom, token=token) as stream:
            stream.subscribed()
    others = service_pb.CountUnreadRequest(recipient=external(external_id + "x"))
    denied(lambda: guarded.stub.CountUnread(others, metadata=bearer(token), timeout=DEADLINE))


def test_notifications_show_the_external_id_that_a_contact_was_put_with(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as server, Client(server.address) as client:
        named, bare = f"user:ext:{uuid.uuid4()}", f"user:ext:{uuid.uuid4()}"
        client.put_contact(named, {"email": "ann@example.org"})
        client.put_contact(("user", Recipient.of(bare).id), {"email": "bob@example.org"})
        sent = {to: client.send(to, "T", "M", channels=["websocket"]).notification.id for to in (named, bare)}
        waiting = client.send(named, "T", "M", deferred=True).notification.id
        shown = {named: named, bare: f"user:{Recipient.of(bare).id}"}
        for to in (named, bare):
            assert str(client.get(sent[to]).recipient) == shown[to]
        listed = {one.id: str(one.recipient) for one in client.list().notifications}
        assert listed == {sent[named]: named, sent[bare]: shown[bare], waiting: named}
        [offer] = client.lease_undecided(max_count=1)
        assert str(offer.notification.recipient) == named
        # Nobody else is shown it, and what was answered may be handed back.
        [entry] = client.list(recipient=named, feed_only=True).notifications
        assert entry.recipient.external_id is None
        with grpc.insecure_channel(server.address) as channel:
            stub = notification_service_pb2_grpc.NotificationServiceStub(channel)
            answered = stub.Get(service_pb.GetRequest(id=sent[named]), timeout=DEADLINE).notification.recipient
            assert (answered.id, answered.external_id) == (Recipient.of(named).id, named.removeprefix("user:ext:"))
            wanted = service_pb.CountUnreadRequest(recipient=answered)
            assert stub.CountUnread(wanted, timeout=DEADLINE).unread_count == 1
        for words in (("get", sent[named]), ("list",), ("undecided", "--lease", "1s")):
            if words[0] == "undecided":
                client.send(named, "T", "M", deferred=True)
            assert named in run(tmp_path, *words, "--server", server.address).output, words
        client.delete_contact(named)
        assert str(client.get(sent[named]).recipient) == f"user:{Recipient.of(named).id}"
