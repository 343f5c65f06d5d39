"""Who may do what, over a real port: backends by their scopes, recipients on their own feed and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import contact_service_pb2_grpc
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import EMAIL, PENDING, SMS, WEBSOCKET, Api, Refusal, refused, request, user
from helpers.server import ServerUnderTest, running_server
from helpers.waiting import eventually
from tocsin_server.domain.errors import ConfigurationError

SECRET = "a secret of at least thirty-two bytes"
PATIENCE = 60.0

Metadata = tuple[tuple[str, str], ...]


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


def entry(name: str, scopes: str, token: str) -> str:
    return f"{name}:{scopes}:{hashlib.sha256(token.encode()).hexdigest()}"


def recipient_token(recipient: pb.Recipient, *, lifetime: float = 600, key: Any = SECRET, **claims: Any) -> str:
    word = pb.RecipientType.Name(recipient.type).removeprefix("RECIPIENT_TYPE_").lower()
    algorithm = claims.pop("algorithm", "HS256")
    content = {"sub": f"{word}:{recipient.id}", "exp": int(time.time() + lifetime)} | claims
    return jwt.encode({name: value for name, value in content.items() if value is not None}, key, algorithm=algorithm)


TOKENS = (
    entry("shop", "send", "shop-token"),
    entry("billing", "send", "billing-token"),
    entry("support", "send_any", "support-token"),
    entry("operator", "admin", "operator-token"),
    entry("desk", "read", "desk-token"),
    entry("agent", "route", "agent-token"),
    entry("admin", "*", "admin-token"),
)
ADMIN = bearer("admin-token")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("auth")
    with running_server(folder, dev=True, auth_tokens=TOKENS, jwt_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


def call(api: Api, method: str, message: Any, metadata: Metadata) -> Any:
    return getattr(api.stub, method)(message, metadata=metadata, timeout=PATIENCE)


def send(api: Api, recipient: pb.Recipient, *channels: Any) -> pb.Notification:
    wanted = request(recipient, *channels)
    notification: pb.Notification = call(api, "Send", wanted, ADMIN).notification
    return notification


def first_event(api: Api, recipient: pb.Recipient, metadata: Metadata) -> Any:
    stream = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=recipient), metadata)
    try:
        return next(stream)
    finally:
        stream.cancel()


REQUESTS: dict[str, Any] = {
    "Send": request(),
    "SendBatch": service_pb.SendBatchRequest(requests=[request()]),
    "Get": service_pb.GetRequest(id=str(uuid.uuid4())),
    "List": service_pb.ListRequest(),
    "MarkRead": service_pb.MarkReadRequest(ids=[str(uuid.uuid4())]),
    "CountUnread": service_pb.CountUnreadRequest(recipient=user()),
    "Cancel": service_pb.CancelRequest(id=str(uuid.uuid4())),
    "Retry": service_pb.RetryRequest(id=str(uuid.uuid4())),
    "Route": service_pb.RouteRequest(id=str(uuid.uuid4())),
}
ALLOWED = {
    "shop-token": {"Send", "SendBatch", "Cancel", "Retry"},
    "desk-token": {"Get", "List", "MarkRead", "CountUnread", "Subscribe"},
    "support-token": {"Send", "SendBatch", "Cancel", "Retry"},
    "operator-token": {"Cancel", "Retry"},
    "agent-token": {"Route"},  # and one kind of List, see below
    "admin-token": {*REQUESTS, "Subscribe"},
}


def outcome(api: Api, method: str, metadata: Metadata) -> grpc.StatusCode | None:
    """Return how a call ended; for what is allowed, other refusals (no such id) are as good as an answer."""
    try:
        if method == "Subscribe":
            first_event(api, user(), metadata)
        else:
            call(api, method, REQUESTS[method], metadata)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return None


@pytest.mark.parametrize("token", ALLOWED)
def test_a_backend_may_do_what_its_scopes_allow_and_nothing_else(api: Api, token: str) -> None:
    denied = grpc.StatusCode.PERMISSION_DENIED
    allowed = {method for method in (*REQUESTS, "Subscribe") if outcome(api, method, bearer(token)) is not denied}

    assert allowed == ALLOWED[token]


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearer("no such token"),
        bearer(""),
        (("authorization", "admin-token"),),
        (("authorization", "Basic YWRtaW4tdG9rZW4="),),
        (("x-authorization", "Bearer admin-token"),),
        bearer(hashlib.sha256(b"admin-token").hexdigest()),
    ],
    ids=["none", "unknown", "empty", "no scheme", "other scheme", "other header", "the hash itself"],
)
def test_without_good_credentials_nothing_is_answered(api: Api, metadata: Metadata) -> None:
    for method, message in REQUESTS.items():
        refusal = refused(lambda method=method, message=message: call(api, method, message, metadata))  # type: ignore[misc]
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert refused(lambda: first_event(api, user(), metadata)).reason == "UNAUTHENTICATED"


def test_permission_is_decided_before_anything_is_looked_up_or_parsed(api: Api) -> None:
    wrong = service_pb.SendRequest()  # would be INVALID_ARGUMENT
    assert refused(lambda: call(api, "Send", wrong, bearer("desk-token"))).reason == "PERMISSION_DENIED"
    assert refused(lambda: call(api, "Send", wrong, ())).reason == "UNAUTHENTICATED"
    garbage = api.channel.unary_unary("/tocsin.v1.NotificationService/Send", lambda raw: raw, lambda raw: raw)
    assert refused(lambda: garbage(b"\xff\xff\xff", timeout=PATIENCE)).reason == "UNAUTHENTICATED"


def test_contacts_and_health_follow_their_own_rules(api: Api) -> None:
    contacts = contact_service_pb2_grpc.ContactServiceStub(api.channel)
    get = contact_pb.GetContactRequest(recipient=user())
    assert refused(lambda: contacts.GetContact(get, timeout=PATIENCE)).reason == "UNAUTHENTICATED"
    denied = refused(lambda: contacts.GetContact(get, metadata=bearer("shop-token"), timeout=PATIENCE))
    assert denied.reason == "PERMISSION_DENIED"
    health = health_pb2_grpc.HealthStub(api.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_idempotency_keys_of_different_backends_are_apart(tmp_path: Path) -> None:
    tokens = (entry("one", "send", "first"), entry("two", "send", "second"))
    with running_server(tmp_path, dev=True, auth_tokens=tokens) as running, Api(running.address) as connected:
        wanted = request(user(), WEBSOCKET, idempotency_key="the same")
        first = call(connected, "Send", wanted, bearer("first"))
        again = call(connected, "Send", wanted, bearer("first"))
        other = call(connected, "Send", wanted, bearer("second"))

    assert (first.duplicate, again.duplicate, other.duplicate) == (False, True, False)
    assert first.notification.id == again.notification.id != other.notification.id


# -- recipients ----------------------------------------------------------------------------------


def test_a_recipient_reads_and_marks_the_own_feed_and_sees_neither_addresses_nor_answers(api: Api) -> None:
    me = user()
    mine = bearer(recipient_token(me))
    sent = send(api, me, WEBSOCKET, (EMAIL, "ann@example.org"))

    def delivered() -> bool:
        stored = call(api, "Get", service_pb.GetRequest(id=sent.id), ADMIN).notification
        return all(channel.status != PENDING or channel.channel == WEBSOCKET for channel in stored.channels)

    eventually(delivered)
    stream = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=me), mine)
    assert next(stream).HasField("subscribed")
    streamed = next(stream).notification
    listed = call(api, "List", service_pb.ListRequest(recipient=me, feed_only=True), mine)
    unread = call(api, "CountUnread", service_pb.CountUnreadRequest(recipient=me), mine).unread_count
    marked = call(api, "MarkRead", service_pb.MarkReadRequest(ids=[sent.id]), mine)
    assert list(next(stream).read_changed.ids) == [sent.id]
    marked_all = call(api, "MarkRead", service_pb.MarkReadRequest(recipient=me), mine)
    stream.cancel()

    assert [found.id for found in listed.notifications] == [streamed.id] == [sent.id]
    for seen in (streamed, *listed.notifications):
        assert {channel.channel for channel in seen.channels} == {WEBSOCKET, EMAIL}
        assert not any(channel.address or channel.HasField("response") for channel in seen.channels)
    assert (unread, marked.marked_count, marked_all.marked_count) == (1, 1, 0)


def other_peoples_data(api: Api, me: pb.Recipient, other: pb.Recipient, theirs: pb.Notification) -> Iterator[Any]:
    """Every call by which somebody might get at, or change, what is another's."""
    unregistered = pb.Recipient(type=other.type)
    of_other_type = pb.Recipient(type=pb.RECIPIENT_TYPE_GUEST, id=me.id)
    cursor = call(api, "List", service_pb.ListRequest(recipient=other, feed_only=True), ADMIN).cursor
    token = call(api, "List", service_pb.ListRequest(recipient=other, page_size=1), ADMIN).next_page_token
    for whom in (other, of_other_type):
        yield "CountUnread", service_pb.CountUnreadRequest(recipient=whom)
        yield "Subscribe", service_pb.SubscribeRequest(recipient=whom)
        yield "Subscribe", service_pb.SubscribeRequest(recipient=whom, cursor=cursor)
        yield "List", service_pb.ListRequest(recipient=whom, feed_only=True)
        yield "List", service_pb.ListRequest(recipient=whom)
        yield "MarkRead", service_pb.MarkReadRequest(recipient=whom)
        yield "MarkRead", service_pb.MarkReadRequest(recipient=whom, up_to_cursor=cursor)
    yield "MarkRead", service_pb.MarkReadRequest(ids=[theirs.id])
    yield "List", service_pb.ListRequest()
    yield "List", service_pb.ListRequest(page_token=token)
    yield "List", service_pb.ListRequest(recipient=me)  # not the feed: would show what went by other channels
    yield "List", service_pb.ListRequest(recipient=me, feed_only=True, page_token=token)
    yield "Subscribe", service_pb.SubscribeRequest(recipient=unregistered)
    yield "Get", service_pb.GetRequest(id=theirs.id)
    yield "Cancel", service_pb.CancelRequest(id=theirs.id)
    yield "Retry", service_pb.RetryRequest(id=theirs.id)
    yield "Route", service_pb.RouteRequest(id=theirs.id)
    yield "Send", request(other, WEBSOCKET)
    yield "SendBatch", service_pb.SendBatchRequest(requests=[request(other, WEBSOCKET)])


def test_every_way_to_anothers_data_with_a_good_token_of_ones_own_is_refused(api: Api) -> None:
    me, other = user(), user()
    mine = bearer(recipient_token(me))
    own = send(api, me)
    theirs = [send(api, other) for _ in range(2)]
    refusals: list[tuple[str, Refusal]] = []
    for method, message in other_peoples_data(api, me, other, theirs[0]):

        def attempt(method: str = method, message: Any = message) -> None:
            answer = call(api, method, message, mine)
            if method == "Subscribe":
                next(answer)

        refusals.append((method, refused(attempt)))
    mixed = refused(lambda: call(api, "MarkRead", service_pb.MarkReadRequest(ids=[own.id, theirs[0].id]), mine))

    allowed_codes = {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,  # a token of another list; a recipient without an id
        grpc.StatusCode.NOT_FOUND,  # somebody else's id looks like one that does not exist
    }
    assert {refusal.code for _, refusal in refusals} <= allowed_codes
    assert all(theirs[0].id not in refusal.metadata.values() or method == "MarkRead" for method, refusal in refusals)
    assert mixed.reason == "NOTIFICATION_NOT_FOUND"
    # And nothing happened by it.
    unread = [
        call(api, "CountUnread", service_pb.CountUnreadRequest(recipient=whom), ADMIN).unread_count
        for whom in (me, other)
    ]
    assert unread == [1, 2]


def test_a_recipients_token_does_not_mark_a_code_that_went_by_sms_to_somebody_else(api: Api) -> None:
    me, other = user(), user()
    code = send(api, other, (SMS, "+15550100"))
    refusal = refused(
        lambda: call(api, "MarkRead", service_pb.MarkReadRequest(ids=[code.id]), bearer(recipient_token(me)))
    )
    assert refusal.reason == "NOTIFICATION_NOT_FOUND"


def unsigned(recipient: pb.Recipient) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    content = {"sub": f"user:{recipient.id}", "exp": int(time.time() + 600)}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(content)}."


FORGERIES: dict[str, Callable[[pb.Recipient], str]] = {
    "another secret": lambda me: recipient_token(me, key="another secret of at least 32 bytes"),
    "no signature": unsigned,
    "another algorithm": lambda me: recipient_token(me, key=SECRET * 2, algorithm="HS512"),
    "no expiry": lambda me: recipient_token(me, exp=None),
    "no subject": lambda me: recipient_token(me, sub=None),
    "a subject without type": lambda me: recipient_token(me, sub=me.id),
    "an unknown type": lambda me: recipient_token(me, sub=f"robot:{me.id}"),
    "no id": lambda me: recipient_token(me, sub="user:"),
    "an id that is not a UUID": lambda me: recipient_token(me, sub="user:1"),
    "not yet valid": lambda me: recipient_token(me, nbf=int(time.time() + 600)),
    "an expiry beyond reason": lambda me: recipient_token(me, exp=2**60),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_is_not_exactly_right_is_worth_nothing(api: Api, forgery: str) -> None:
    me = user()
    metadata = bearer(FORGERIES[forgery](me))
    refusal = refused(lambda: call(api, "CountUnread", service_pb.CountUnreadRequest(recipient=me), metadata))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_an_expired_token_is_told_so(api: Api) -> None:
    me = user()
    metadata = bearer(recipient_token(me, lifetime=-5))
    refusal = refused(lambda: call(api, "CountUnread", service_pb.CountUnreadRequest(recipient=me), metadata))
    assert refusal.reason == "TOKEN_EXPIRED"


def test_a_stream_ends_when_its_token_does(api: Api) -> None:
    me = user()
    stream = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=me), bearer(recipient_token(me, lifetime=2)))
    assert next(stream).HasField("subscribed")
    refusal = refused(lambda: next(stream))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")


def pem(key: Any) -> str:
    public: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
    ids=["RSA", "P-256", "Ed25519"],
)
def test_with_a_public_key_its_own_algorithm_alone_is_taken(tmp_path: Path, key: Any, algorithm: str) -> None:
    me = user()
    wanted = service_pb.CountUnreadRequest(recipient=me)
    with running_server(tmp_path, jwt_public_key=pem(key)) as running, Api(running.address) as connected:
        good = recipient_token(me, key=key, algorithm=algorithm)
        assert call(connected, "CountUnread", wanted, bearer(good)).unread_count == 0
        # The classic confusion: the public key, which everybody may know, taken for a shared secret.
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
        body = good.split(".")[1].encode()
        import hmac  # noqa: PLC0415 - the library refuses to sign such a token, rightly

        mac = hmac.new(pem(key).encode(), header + b"." + body, "sha256").digest()
        forged = b".".join([header, body, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()
        refusal = refused(lambda: call(connected, "CountUnread", wanted, bearer(forged)))
    assert refusal.reason == "UNAUTHENTICATED"


def test_settings_that_cannot_be_right_are_refused_at_the_start(tmp_path: Path) -> None:
    good = entry("shop", "send", "token")
    for overrides, named in (
        ({"jwt_secret": "short"}, "TOCSIN_JWT_SECRET"),
        ({"jwt_public_key": "no key"}, "TOCSIN_JWT_PUBLIC_KEY"),
        ({"jwt_secret": SECRET, "jwt_public_key": pem(ed25519.Ed25519PrivateKey.generate())}, "TOCSIN_JWT_SECRET"),
        ({"auth_tokens": ("shop",)}, "TOCSIN_AUTH_TOKENS"),
        ({"auth_tokens": (good.replace("send", "sned"),)}, "'sned'"),
        ({"tls_cert": tmp_path / "cert.pem"}, "TOCSIN_TLS_KEY"),
        ({"tls_client_ca": tmp_path / "ca.pem"}, "TOCSIN_TLS_CLIENT_CA"),
        ({"tls_cert": tmp_path / "none.pem", "tls_key": tmp_path / "none.pem"}, "none.pem"),
        ({"listen": "0.0.0.0:0"}, "TOCSIN_LISTEN"),
        ({"listen": "0.0.0.0:0", "auth_tokens": (good,)}, "TOCSIN_LISTEN"),  # credentials in the clear
    ):
        with pytest.raises(ConfigurationError, match=named), running_server(tmp_path, **overrides):
            pass


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    wrong: dict[str, Any] = {
        "auth_tokens": ("shop",), "jwt_secret": "short", "tls_cert": missing, "tls_key": missing,
        "tls_client_ca": missing, "smtp_url": "smtp://h", "twilio_from": "+15550100", "listen": "0.0.0.0:0",
    }  # fmt: skip
    with pytest.raises(ConfigurationError) as refused, running_server(tmp_path, **wrong):
        pass
    for name in ("auth_tokens", "jwt_secret", "tls_cert", "tls_key", "tls_client_ca", "email_from", "twilio", "listen"):
        assert f"TOCSIN_{name.upper()}" in str(refused.value)


def test_tls_and_client_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    client = authority.issue_cert("backend.test")
    files: dict[str, Any] = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    trusted = authority.cert_pem.bytes()
    identified = grpc.ssl_channel_credentials(
        trusted, client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    )
    anonymous = grpc.ssl_channel_credentials(trusted)
    with running_server(tmp_path, **files, tls_client_ca=tmp_path / "ca.pem") as running:
        target = f"localhost:{running.thread.listen.port}"
        with grpc.secure_channel(target, identified) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            assert check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == 1
        for credentials in (anonymous, None):
            made = grpc.insecure_channel(target) if credentials is None else grpc.secure_channel(target, credentials)
            with made as channel, pytest.raises(grpc.RpcError) as caught:
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
            assert isinstance(caught.value, grpc.Call)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_whoever_decides_the_channels_lists_what_waits_for_a_decision_and_nothing_else(api: Api) -> None:
    agent = bearer("agent-token")
    call(api, "List", service_pb.ListRequest(unrouted_only=True), agent)
    for wanted in (service_pb.ListRequest(), service_pb.ListRequest(recipient=user(), feed_only=True)):
        refusal = refused(lambda wanted=wanted: call(api, "List", wanted, agent))  # type: ignore[misc]
        assert (refusal.reason, refusal.metadata["method"]) == (
            "PERMISSION_DENIED",
            "tocsin.v1.NotificationService/List",
        )


# -- owners --------------------------------------------------------------------------------------


def cancelled(api: Api, notification: pb.Notification, token: str) -> Any:
    return call(api, "Cancel", service_pb.CancelRequest(id=notification.id), bearer(token)).notification


def retried(api: Api, notification: pb.Notification, token: str) -> Any:
    return call(api, "Retry", service_pb.RetryRequest(id=notification.id), bearer(token)).notification


def sent_by(api: Api, token: str) -> pb.Notification:
    """Send something that waits for somebody who never subscribes."""
    notification: pb.Notification = call(api, "Send", request(user(), WEBSOCKET), bearer(token)).notification
    return notification


def test_what_was_sent_belongs_to_the_caller_that_sent_it(api: Api) -> None:
    single = sent_by(api, "shop-token")
    batch = service_pb.SendBatchRequest(requests=[request(single.recipient, WEBSOCKET)])
    [result] = call(api, "SendBatch", batch, bearer("billing-token")).results
    assert (single.owner, result.response.notification.owner) == ("shop", "billing")
    desk = bearer("desk-token")
    assert call(api, "Get", service_pb.GetRequest(id=single.id), desk).notification.owner == "shop"
    listed = call(api, "List", service_pb.ListRequest(recipient=single.recipient), desk).notifications
    assert [notification.owner for notification in listed] == ["billing", "shop"]
    assert first_event(api, user(), desk).WhichOneof("event") == "subscribed"


def test_another_caller_changes_nothing_and_sees_nothing(api: Api) -> None:
    waiting, failed = sent_by(api, "shop-token"), sent_by(api, "shop-token")
    cancelled(api, failed, "shop-token")
    for attempt, notification in ((cancelled, waiting), (retried, failed), (cancelled, failed)):
        refusal = refused(lambda a=attempt, n=notification: a(api, n, "billing-token"))  # type: ignore[misc]
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
        for content in (notification.title, notification.message, notification.recipient.id, "shop"):
            assert content not in str(refusal)
    now = call(api, "Get", service_pb.GetRequest(id=waiting.id), ADMIN).notification
    assert now == waiting
    unknown = pb.Notification(id=str(uuid.uuid4()))
    assert refused(lambda: cancelled(api, unknown, "billing-token")).reason == "NOTIFICATION_NOT_FOUND"


@pytest.mark.parametrize("token", ["shop-token", "support-token", "operator-token", "admin-token"])
def test_the_owner_and_whoever_has_a_scope_for_it_cancel_and_retry(api: Api, token: str) -> None:
    sent = sent_by(api, "shop-token")
    assert cancelled(api, sent, token).status == pb.STATUS_FAILED
    again = retried(api, sent, token)
    assert (again.status, again.owner) == (pb.STATUS_PENDING, "shop")


def test_what_was_sent_without_authentication_has_no_owner_that_a_token_could_be(tmp_path: Path) -> None:
    with running_server(tmp_path, dev=True) as running, Api(running.address) as connected:
        sent = call(connected, "Send", request(user(), WEBSOCKET), ()).notification
        assert sent.owner == ""
    tokens = (entry("one", "send", "first"), entry("two", "send_any", "second"))
    with running_server(tmp_path, dev=True, auth_tokens=tokens) as running, Api(running.address) as connected:
        assert refused(lambda: cancelled(connected, sent, "first")).reason == "PERMISSION_DENIED"
        assert cancelled(connected, sent, "second").status == pb.STATUS_FAILED


def test_recipients_do_not_see_who_sent_what(api: Api) -> None:
    sent = sent_by(api, "shop-token")
    own = bearer(recipient_token(sent.recipient))
    listed = call(api, "List", service_pb.ListRequest(recipient=sent.recipient, feed_only=True), own).notifications
    assert [(one.id, one.owner) for one in listed] == [(sent.id, "")]
    stream = call(api, "Subscribe", service_pb.SubscribeRequest(recipient=sent.recipient), own)
    next(stream)
    assert next(stream).notification == listed[0]
    stream.cancel()
