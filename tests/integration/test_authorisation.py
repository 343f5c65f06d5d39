"""Every RPC that the server answers, with every kind of credentials, over a real port with TLS.

What is allowed stands once, in `ROWS`, and is not taken from the server's own table. The RPCs come from the descriptors
of the services that the server lists by reflection: one without a row fails, and so does a scope without a caller.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import grpc
import jwt
import pytest
import trustme
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from helpers.access import channel_credentials, entry, write_certificate
from helpers.calls import DEADLINE
from helpers.process import serving
from helpers.waiting import eventually
from tocsin_server.rpc.scopes import SCOPES

SECRET: Final = "a secret of at least thirty-two bytes"
OURS: Final = "tocsin.v1."
NOTIFICATIONS: Final = "tocsin.v1.NotificationService/"
CONTACTS: Final = "tocsin.v1.ContactService/"
OPERATORS: Final = "tocsin.v1.OperatorService/"
DECISIONS: Final = "tocsin.v1.DecisionService/"

ME: Final = {"type": "RECIPIENT_TYPE_USER", "id": "01890a5d-ac96-774b-bcce-b302099a8057"}
SOMEBODY: Final = ME | {"id": "01890a5d-ac96-774b-bcce-b302099a8058"}
NOBODYS: Final = "01890a5d-ac96-774b-bcce-b302099a8059"
"""The id of no notification."""

# -- who calls -----------------------------------------------------------------------------------

ALL_SCOPES: Final = "scope *"
OWN: Final = "the recipient's token"
OTHER: Final = "another recipient's token"
NONE: Final = "no credentials"
NAMED: Final = "a certificate with a name"
"""Of a caller with the scope send. All others show a certificate whose name is nobody's."""
UNKNOWN: Final = frozenset({"a wrong token", "an expired token", "another secret's token", "a revoked token"})


def of_scopes(*names: str) -> frozenset[str]:
    """Return the callers that have one of some scopes."""
    return frozenset({ALL_SCOPES, *(f"scope {name}" for name in names)})


SCOPED: Final = {f"scope {name}": name for name in (*SCOPES, "*")}
CALLERS: Final = (NONE, *sorted(UNKNOWN), *SCOPED, NAMED, OWN, OTHER)


def recipients_token(recipient: Mapping[str, str], lifetime: float = 600, secret: str = SECRET) -> str:
    return jwt.encode({"sub": f"user:{recipient['id']}", "exp": int(time.time() + lifetime)}, secret, "HS256")


def token_of(caller: str) -> str | None:
    """Return what a caller shows."""
    tokens = {
        NONE: None,
        NAMED: None,
        "a wrong token": "nobody's",
        "a revoked token": "revoked",
        "an expired token": recipients_token(ME, -5),
        "another secret's token": recipients_token(ME, secret="another secret of thirty-two bytes or so"),
        OWN: recipients_token(ME),
        OTHER: recipients_token(SOMEBODY),
    }
    return f"token of {caller}" if caller in SCOPED else tokens[caller]


# -- what they may do ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A request, and who may make it; ``about`` tells those of one RPC apart."""

    rpc: str
    allowed: frozenset[str]
    request: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""


READ: Final = of_scopes("read")
SENDERS: Final = of_scopes("send", "send_any") | {NAMED}
CHANGERS: Final = SENDERS | of_scopes("admin")
DECIDERS: Final = of_scopes("route", "route_anywhere")
ANYBODY: Final = frozenset(CALLERS)

ROWS: Final = (
    Row(NOTIFICATIONS + "Send", SENDERS),
    Row(NOTIFICATIONS + "SendBatch", SENDERS),
    Row(NOTIFICATIONS + "Get", READ, {"id": NOBODYS}),
    Row(NOTIFICATIONS + "List", READ | {OWN}, {"recipient": ME, "feed_only": True}, "a feed"),
    Row(NOTIFICATIONS + "List", READ, {"recipient": ME}, "what went to a recipient"),
    Row(NOTIFICATIONS + "List", READ, {}, "everything"),
    Row(NOTIFICATIONS + "List", READ | DECIDERS, {"unrouted_only": True}, "what waits for a decision"),
    Row(NOTIFICATIONS + "MarkRead", READ | {OWN}, {"recipient": ME}, "a feed"),
    # Whose it would be is not said to anybody; with one that is there it is another matter, see test_service_auth.
    Row(NOTIFICATIONS + "MarkRead", READ | {OWN, OTHER}, {"ids": [NOBODYS]}, "nobody's"),
    Row(NOTIFICATIONS + "CountUnread", READ | {OWN}, {"recipient": ME}),
    Row(NOTIFICATIONS + "Subscribe", READ | {OWN}, {"recipient": ME}),
    Row(NOTIFICATIONS + "Cancel", CHANGERS, {"id": NOBODYS}),
    Row(NOTIFICATIONS + "Retry", CHANGERS, {"id": NOBODYS}),
    Row(NOTIFICATIONS + "Route", DECIDERS, {"id": NOBODYS}),
    Row(CONTACTS + "PutContact", of_scopes("contacts")),
    Row(CONTACTS + "GetContact", of_scopes("contacts", "read"), {"recipient": ME}),
    Row(CONTACTS + "ListContacts", of_scopes("contacts", "read")),
    Row(CONTACTS + "DeleteContact", of_scopes("contacts"), {"recipient": ME}),
    Row(DECISIONS + "LeaseUndecided", DECIDERS),
    Row(DECISIONS + "Preview", DECIDERS, {"route": {"id": NOBODYS}}),
    Row(DECISIONS + "Explain", DECIDERS | of_scopes("read", "simulate"), {"id": NOBODYS}),
    Row(DECISIONS + "Simulate", of_scopes("read", "simulate")),
    Row(DECISIONS + "Backtest", of_scopes("read", "simulate")),
    Row(DECISIONS + "WhoAmI", frozenset(SCOPED) | {NAMED}),
    Row(OPERATORS + "PauseChannel", of_scopes("admin")),
    Row(OPERATORS + "ResumeChannel", of_scopes("admin")),
    Row(OPERATORS + "GetQueue", of_scopes("admin")),
    Row(OPERATORS + "Erase", of_scopes("erase")),
    Row(OPERATORS + "Export", of_scopes("erase")),
    # A stream of a relay may be opened without credentials: each subscription on it has its own.
    Row("tocsin.v1.RelayService/Relay", of_scopes("relay") | {NONE}),
    Row("grpc.health.v1.Health/Check", ANYBODY),
    Row("grpc.health.v1.Health/List", ANYBODY),
    Row("grpc.health.v1.Health/Watch", ANYBODY),
    Row("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ANYBODY, {"listServices": ""}),
)


def refusal(row: Row, caller: str) -> grpc.StatusCode | None:
    """Return how a call has to be refused, None if it has not to be."""
    if caller in row.allowed:
        return None
    without = caller == NONE or caller in UNKNOWN
    return grpc.StatusCode.UNAUTHENTICATED if without else grpc.StatusCode.PERMISSION_DENIED


# -- asking --------------------------------------------------------------------------------------


class Channels(NamedTuple):
    """Connections by the certificate that they show."""

    nobodys: grpc.Channel
    named: grpc.Channel

    def of(self, caller: str) -> grpc.Channel:
        return self.named if caller == NAMED else self.nobodys


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channels]:
    folder = tmp_path_factory.mktemp("matrix")
    authority = trustme.CA()
    cert, key, trusted, tokens = (folder / name for name in ("cert.pem", "key.pem", "ca.pem", "tokens"))
    write_certificate(authority, cert, key)
    authority.cert_pem.write_to_path(str(trusted))
    entries = [
        entry(caller.replace(" ", "-").replace("*", "all"), scope, token_of(caller) or "")
        for caller, scope in SCOPED.items()
    ]
    entries.append("shop.internal:send:certificate")
    tokens.write_text("\n".join([*entries, entry("revoked", "*", "revoked")]))
    settings = {
        "TOCSIN_TLS_CERT": str(cert),
        "TOCSIN_TLS_KEY": str(key),
        "TOCSIN_TLS_CLIENT_CA": str(trusted),
        "TOCSIN_AUTH_TOKENS_FILE": str(tokens),
        "TOCSIN_JWT_SECRET": SECRET,
    }
    with serving(folder, "--dev", **settings) as server:
        target = server.address.replace("127.0.0.1", "localhost")
        nobodys, named = (
            grpc.secure_channel(
                target,
                channel_credentials(authority, client=authority, name=name),
                [("grpc.use_local_subchannel_pool", 1)],
            )
            for name in ("nobody.internal", "shop.internal")
        )
        with nobodys, named:
            get = methods_served(nobodys)[NOTIFICATIONS + "Get"]
            request = GetMessageClass(get.input_type)(id=NOBODYS)
            assert outcome(nobodys, get, request, "revoked").code is grpc.StatusCode.NOT_FOUND
            tokens.write_text("\n".join(entries))
            server.signal(signal.SIGHUP)
            eventually(lambda: "event=access_reloaded" in server.errors)
            yield Channels(nobodys, named)


def methods_served(channel: grpc.Channel) -> dict[str, MethodDescriptor]:
    """Return every RPC of every service that the server lists, by its full name, as the server itself describes it."""
    ask = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    [answer] = ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=DEADLINE)
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    services = [pool.FindServiceByName(service.name) for service in answer.list_services_response.service]
    return {f"{service.full_name}/{method.name}": method for service in services for method in service.methods}


class Outcome(NamedTuple):
    """How a call ended, and what was said of it."""

    code: grpc.StatusCode
    details: str


def outcome(channel: grpc.Channel, method: MethodDescriptor, request: Message, token: str | None) -> Outcome:
    """Make a call, and return how it ended; of a stream, whether anything came at all."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata: Sequence[tuple[str, str]] = () if token is None else (("authorization", f"Bearer {token}"),)
    read = GetMessageClass(method.output_type).FromString
    options: dict[str, Any] = {"metadata": metadata, "timeout": DEADLINE}
    call: Any = None
    try:
        if method.client_streaming:
            call = channel.stream_stream(path, type(request).SerializeToString, read)(iter([request]), **options)
            next(call)
        elif method.server_streaming:
            call = channel.unary_stream(path, type(request).SerializeToString, read)(request, **options)
            next(call)
        else:
            channel.unary_unary(path, type(request).SerializeToString, read)(request, **options)
    except StopIteration:
        pass
    except grpc.RpcError as error:
        return Outcome(error.code(), error.details() or "")
    finally:
        if call is not None:
            call.cancel()
    return Outcome(grpc.StatusCode.OK, "")


def test_every_rpc_that_is_served_has_a_row_and_every_row_an_rpc(channels: Channels) -> None:
    served = set(methods_served(channels.nobodys))
    assert served - {row.rpc for row in ROWS} == set(), "an RPC without a row: say who may call it"
    assert {row.rpc for row in ROWS} - served == set()


def test_every_scope_allows_something_and_every_row_names_callers_that_there_are() -> None:
    for row in ROWS:
        assert row.allowed <= ANYBODY, row
    for caller in SCOPED:
        assert any(caller in row.allowed for row in ROWS if row.rpc.startswith(OURS)), caller


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(filter(None, (row.rpc.rpartition("/")[2], row.about))))
def test_whoever_may_call_gets_an_answer_and_everybody_else_a_refusal(channels: Channels, row: Row) -> None:
    method = methods_served(channels.nobodys)[row.rpc]
    request = json_format.ParseDict(dict(row.request), GetMessageClass(method.input_type)())
    got = {caller: outcome(channels.of(caller), method, request, token_of(caller)) for caller in CALLERS}

    refusals = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
    assert {caller: code if code in refusals else None for caller, (code, _) in got.items()} == {
        caller: refusal(row, caller) for caller in CALLERS
    }
    # What is allowed reaches what answers: it may be refused for what it asks, never for want of anybody who does it.
    faults = {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    assert not {code for code, _ in got.values()} & faults
    # Whoever lacks a scope learns which one would do.
    enough = {name for caller, name in SCOPED.items() if caller in row.allowed and name != "*"}
    for caller in (*SCOPED, NAMED):
        if got[caller].code is grpc.StatusCode.PERMISSION_DENIED:
            _, _, named = got[caller].details.partition("needs ")
            assert enough & set(re.findall(r"\w+", named.partition(";")[0])), (caller, got[caller].details)
