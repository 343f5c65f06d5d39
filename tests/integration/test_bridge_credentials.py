"""Credentials through the bridge: the recipient's token travels on, the server decides, the browser learns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb

from helpers.browser_socket import BridgeUnderTest, BrowserSocket, plain, running_bridge, token_for
from helpers.calls import DEADLINE, Api, request, user
from helpers.server import ServerUnderTest, running_server
from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import RecipientType

SECRET = "a secret of at least thirty-two bytes"
SHOP = "shop-token"


def entry(name: str, scopes: str, token: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(token.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    tokens = (entry("shop", "send", SHOP), entry("desk", "read", "desk-token"))
    with running_server(tmp_path_factory.mktemp("credentials"), auth_tokens=tokens, jwt_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def bridge(server: ServerUnderTest) -> Iterator[BridgeUnderTest]:
    with running_bridge(server.address) as running:
        yield running


@pytest.fixture
def socket(bridge: BridgeUnderTest) -> Iterator[BrowserSocket]:
    with bridge.open() as opened:
        yield opened


def send(server: ServerUnderTest, to: pb.Recipient) -> str:
    with Api(server.address) as api:
        metadata = (("authorization", f"Bearer {SHOP}"),)
        answer = api.stub.Send(request(to), metadata=metadata, timeout=DEADLINE)
    return str(answer.notification.id)


@pytest.mark.parametrize("named", [False, True])
def test_a_token_opens_its_own_feed_whether_the_frame_names_it_or_not(
    server: ServerUnderTest, socket: BrowserSocket, named: bool
) -> None:
    to = user()
    socket.subscribe(to if named else None, token=token_for(to, SECRET))
    sent = send(server, to)
    assert socket.ids(1) == [sent]
    assert [one["id"] for one in socket.ask({"type": "list"})["notifications"]] == [sent]
    assert socket.answer("marked", {"type": "mark_read", "ids": [sent]})["marked_count"] == 1
    assert socket.take("read_changed")["ids"] == [sent]
    assert socket.ask({"type": "mark_read", "up_to_cursor": ""})["marked_count"] == 0


@pytest.mark.parametrize("named", [False, True])
def test_a_socket_follows_whom_the_backend_calls_by_an_id_of_its_own(
    server: ServerUnderTest, socket: BrowserSocket, named: bool
) -> None:
    external_id = f"shop:{user().id}:é"
    to = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id=external_id)
    by_id = pb.Recipient(type=to.type, id=derived_id(RecipientType.USER, external_id))
    socket.subscribe(to if named else None, token=token_for(to, SECRET))
    sent = send(server, by_id)
    assert socket.ids(1) == [sent]
    listed = socket.ask({"type": "list"})["notifications"]
    assert [one["recipient"] for one in listed] == [{"type": "user", "id": by_id.id}]
    assert socket.answer("marked", {"type": "mark_read", "ids": [sent.upper()]})["marked_count"] == 1
    assert socket.take("read_changed")["ids"] == [sent]


def test_a_socket_with_a_token_of_the_id_may_name_the_external_one(
    server: ServerUnderTest, socket: BrowserSocket
) -> None:
    to = pb.Recipient(type=pb.RECIPIENT_TYPE_USER, external_id=f"shop:{user().id}")
    by_id = pb.Recipient(type=to.type, id=derived_id(RecipientType.USER, to.external_id))
    socket.subscribe(to, token=token_for(by_id, SECRET))
    sent = send(server, to)
    assert socket.ids(1) == [sent]


def test_sockets_of_several_recipients_share_the_line_and_nothing_else(
    server: ServerUnderTest, bridge: BridgeUnderTest
) -> None:
    ann, bob = user(), user()
    with bridge.open() as anns, bridge.open() as bobs:
        anns.subscribe(token=token_for(ann, SECRET))
        bobs.subscribe(token=token_for(bob, SECRET))
        for_bob, for_ann = send(server, bob), send(server, ann)
        assert anns.ids(1) == [for_ann]
        assert bobs.ids(1) == [for_bob]
        refused = anns.ask({"type": "mark_read", "ids": [for_bob]})
        assert (refused["code"], refused["reason"]) == ("NOT_FOUND", "NOTIFICATION_NOT_FOUND")
        assert bobs.ask({"type": "list"})["notifications"][0]["is_read"] is False


@pytest.mark.parametrize(
    ("members", "code", "reason"),
    [
        ({"recipient": plain(user())}, 4401, "UNAUTHENTICATED"),
        ({"recipient": plain(user()), "token": "wrong"}, 4401, "UNAUTHENTICATED"),
        ({"token": token_for(user(), "another secret of thirty-two bytes")}, 4401, "UNAUTHENTICATED"),
        ({"token": token_for(user(), SECRET, lifetime=-60)}, 4401, "TOKEN_EXPIRED"),
        ({"token": token_for(user(), SECRET), "recipient": plain(user())}, 1008, "PERMISSION_DENIED"),
        ({"token": SHOP, "recipient": plain(user())}, 1008, "PERMISSION_DENIED"),
    ],
)
def test_what_the_server_refuses_is_told_and_ends_the_socket(
    socket: BrowserSocket, members: dict[str, Any], code: int, reason: str
) -> None:
    socket.send({"type": "subscribe", **members})
    ended, error = socket.refusal()
    assert (ended, error["reason"]) == (code, reason)


def test_a_backend_that_may_read_may_watch_a_feed(server: ServerUnderTest, socket: BrowserSocket) -> None:
    to = user()
    socket.subscribe(to, token="desk-token")
    sent = send(server, to)
    assert socket.ids(1) == [sent]


def test_a_socket_ends_with_its_token_and_another_resumes(server: ServerUnderTest, bridge: BridgeUnderTest) -> None:
    to = user()
    with bridge.open() as short:
        # Long enough to be good when it arrives, whatever else this machine is doing.
        short.subscribe(token=token_for(to, SECRET, lifetime=2.0))
        first = send(server, to)
        assert short.ids(1) == [first]
        code, error = short.refusal()
        assert (code, error["code"], error["reason"]) == (4401, "UNAUTHENTICATED", "TOKEN_EXPIRED")
    missed = send(server, to)
    with bridge.open() as renewed:
        assert renewed.subscribe(cursor=short.cursor, token=token_for(to, SECRET))["recovered"]
        assert renewed.ids(1) == [missed]
