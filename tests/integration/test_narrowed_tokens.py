"""Tokens for some types of recipients, and with a rate, over a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import contact_service_pb2_grpc
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.access import bearer, entry
from helpers.calls import DEADLINE, GUEST, WEBSOCKET, Api, read_status, refused, request, user
from helpers.server import running_server

TOKENS = (
    entry("desk", "send+read+contacts", "desk", "recipients=guest"),
    entry("slow", "send", "slow", "rate=3/h"),
    entry("all", "*", "all"),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("narrowed")
    with running_server(folder, dev=True, auth_tokens=TOKENS) as running, Api(running.address) as connected:
        yield connected


def guest() -> pb.Recipient:
    return pb.Recipient(type=GUEST, id=user().id)


def call(api: Api, method: str, message: Any, token: str) -> Any:
    return getattr(api.stub, method)(message, metadata=bearer(token), timeout=DEADLINE)


def sent(api: Api, to: pb.Recipient, token: str = "all") -> pb.Notification:  # noqa: S107 - of this test
    notification: pb.Notification = call(api, "Send", request(to, WEBSOCKET), token).notification
    return notification


def calls_about(recipient: pb.Recipient, stored: pb.Notification) -> dict[str, tuple[str, Any]]:
    """Return every call that such a token may make, about a recipient and what is stored of it."""
    return {
        "Send": ("Send", request(recipient, WEBSOCKET)),
        "Get": ("Get", service_pb.GetRequest(id=stored.id)),
        "List": ("List", service_pb.ListRequest(recipient=recipient)),
        "List of the feed": ("List", service_pb.ListRequest(recipient=recipient, feed_only=True)),
        "CountUnread": ("CountUnread", service_pb.CountUnreadRequest(recipient=recipient)),
        "MarkRead by ids": ("MarkRead", service_pb.MarkReadRequest(ids=[stored.id])),
        "MarkRead": ("MarkRead", service_pb.MarkReadRequest(recipient=recipient)),
    }


@pytest.mark.parametrize("name", calls_about(pb.Recipient(), pb.Notification()))
def test_a_token_for_guests_does_for_guests_what_it_does_for_nobody_else(api: Api, name: str) -> None:
    ours, theirs = guest(), user()
    method, allowed = calls_about(ours, sent(api, ours))[name]
    call(api, method, allowed, "desk")
    stored = sent(api, theirs)
    method, denied = calls_about(theirs, stored)[name]
    refusal = refused(lambda: call(api, method, denied, "desk"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert stored.title not in str(refusal)
    now = call(api, "Get", service_pb.GetRequest(id=stored.id), "all").notification
    assert now == stored


def test_it_lists_nothing_of_everybody_and_nothing_by_another_page(api: Api) -> None:
    for wanted in (service_pb.ListRequest(), service_pb.ListRequest(unrouted_only=True)):
        assert refused(lambda wanted=wanted: call(api, "List", wanted, "desk")).reason == "PERMISSION_DENIED"  # type: ignore[misc]


def test_of_a_batch_it_sends_what_it_may(api: Api) -> None:
    batch = service_pb.SendBatchRequest(requests=[request(user(), WEBSOCKET), request(guest(), WEBSOCKET)])
    denied, stored = call(api, "SendBatch", batch, "desk").results
    assert read_status(denied.error).reason == "PERMISSION_DENIED"
    assert stored.response.notification.owner == "desk"


def test_it_follows_their_feeds_only_on_a_stream(api: Api) -> None:
    stream = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=guest()), "desk")
    assert next(stream).HasField("subscribed")
    stream.cancel()
    denied = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=user()), "desk")
    assert refused(lambda: next(denied)).reason == "PERMISSION_DENIED"


CONTACTS: dict[str, Callable[[pb.Recipient], Any]] = {
    "PutContact": lambda recipient: contact_pb.PutContactRequest(contact=contact_pb.Contact(recipient=recipient)),
    "GetContact": lambda recipient: contact_pb.GetContactRequest(recipient=recipient),
    "DeleteContact": lambda recipient: contact_pb.DeleteContactRequest(recipient=recipient),
}


@pytest.mark.parametrize("method", CONTACTS)
def test_it_keeps_their_contacts_only(api: Api, method: str) -> None:
    contacts = contact_service_pb2_grpc.ContactServiceStub(api.channel)
    ours = guest()
    contacts.PutContact(CONTACTS["PutContact"](ours), metadata=bearer("all"), timeout=DEADLINE)
    getattr(contacts, method)(CONTACTS[method](ours), metadata=bearer("desk"), timeout=DEADLINE)
    refusal = refused(
        lambda: getattr(contacts, method)(CONTACTS[method](user()), metadata=bearer("desk"), timeout=DEADLINE)
    )
    assert refusal.reason == "PERMISSION_DENIED"


def test_whoever_sends_too_fast_is_told_when_to_go_on_and_others_are_not_held_up(api: Api) -> None:
    to = user()
    sent(api, to, "slow")
    batch = service_pb.SendBatchRequest(requests=[request(to, WEBSOCKET) for _ in range(2)])
    assert len(call(api, "SendBatch", batch, "slow").results) == 2
    for method, wanted in (("Send", batch.requests[0]), ("SendBatch", batch)):
        refusal = refused(lambda method=method, wanted=wanted: call(api, method, wanted, "slow"))  # type: ignore[misc]
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        assert refusal.metadata == {"limit": "3", "unit": "requests per hour"}
        assert refusal.retry_after is not None
        assert 0 < refusal.retry_after <= 1_200
    sent(api, to)
    listed = call(api, "List", service_pb.ListRequest(recipient=to), "all").notifications
    assert len(listed) == 4
