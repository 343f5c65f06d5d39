"""What the package offers, and what it keeps to itself."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import tocsin_client
from tocsin_client import AsyncClient, Client, Draft, ListFilter, SendOptions
from tocsin_client.transport import Tls, channel_options, check_token, credentials_metadata, is_local

PACKAGE = Path(tocsin_client.__file__).parent

VERBS = [
    "cancel",
    "close",
    "count_unread",
    "delete_contact",
    "get",
    "get_contact",
    "iterate",
    "list",
    "mark_read",
    "put_contact",
    "retry",
    "route",
    "send",
    "send_batch",
    "subscribe",
    "with_token",
]


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


# -- names -----------------------------------------------------------------------------------------


def test_the_package_offers_exactly_these_names() -> None:
    assert tocsin_client.__all__ == [
        "Aborted",
        "Accepted",
        "AlreadyExists",
        "AsyncClient",
        "AsyncSubscription",
        "Backoff",
        "Cancelled",
        "Channel",
        "ChannelTarget",
        "ChannelType",
        "Client",
        "Contact",
        "DataLoss",
        "DeadlineExceeded",
        "Draft",
        "Event",
        "FailedPrecondition",
        "Internal",
        "InvalidArgument",
        "ListFilter",
        "MarkedRead",
        "NotFound",
        "Notification",
        "NotificationEvent",
        "OutOfRange",
        "Page",
        "PermissionDenied",
        "ReadChanged",
        "Recipient",
        "RecipientType",
        "ResourceExhausted",
        "SendOptions",
        "Status",
        "StrategyKind",
        "Subscribed",
        "Subscription",
        "Tls",
        "TocsinError",
        "Unauthenticated",
        "Unavailable",
        "Unimplemented",
        "Unknown",
        "Violation",
        "as_plain",
    ]
    assert all(hasattr(tocsin_client, name) for name in tocsin_client.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    assert files("tocsin_client").joinpath("py.typed").is_file()


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.default, each.annotation) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_client_has_exactly_these_verbs(client: type) -> None:
    assert sorted(name for name in vars(client) if not name.startswith("_")) == VERBS


@pytest.mark.parametrize("verb", ["__init__", *VERBS])
def test_both_clients_take_the_same_arguments(verb: str) -> None:
    assert parameters(getattr(Client, verb)) == parameters(getattr(AsyncClient, verb))


def test_the_options_of_send_are_the_fields_of_a_draft() -> None:
    drafted = {field.name: field.type for field in fields(Draft)}
    for required in ("recipient", "title", "message"):
        del drafted[required]
    assert {name: hint.__forward_arg__ for name, hint in SendOptions.__annotations__.items()} == drafted


def test_the_conditions_of_a_list_are_the_fields_of_its_request() -> None:
    from tocsin.v1.notification_service_pb2 import ListRequest  # noqa: PLC0415 - of this test only

    request = {field.name for field in ListRequest.DESCRIPTOR.fields}
    assert set(ListFilter.__annotations__) == request - {"page_token"}


# -- what it depends on ----------------------------------------------------------------------------


def test_only_the_conversion_and_what_feeds_it_know_protobuf() -> None:
    knowing = {
        path.name
        for path in PACKAGE.glob("*.py")
        if any(name.startswith(("google.", "tocsin.v1")) for name in imports(path))
    }
    # calls names the request messages, transport the generated stubs; neither looks into a message.
    assert knowing == {"convert.py", "calls.py", "transport.py"}


def test_it_depends_on_nothing_but_grpc_protobuf_and_the_generated_code() -> None:
    known = {"grpc", "google", "tocsin", "tocsin_client"}
    for path in PACKAGE.glob("*.py"):
        roots = {name.partition(".")[0] for name in imports(path)}
        from_elsewhere = {root for root in roots if root not in known and root not in STANDARD}
        assert not from_elsewhere, path.name


STANDARD = {
    "__future__",
    "abc",
    "asyncio",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "enum",
    "ipaddress",
    "math",
    "pathlib",
    "random",
    "threading",
    "time",
    "types",
    "typing",
    "urllib",
    "uuid",
    "weakref",
}


# -- the line --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.8.9.10:1",
        "localhost:50051",
        "LOCALHOST:50051",
        "[::1]:50051",
        "::1",
        "dns:///localhost:50051",
        "dns://resolver.example/127.0.0.1:50051",
        "ipv4:127.0.0.1:50051",
        "ipv6:[::1]:50051",
        "ipv4:127.0.0.1:1,127.0.0.1:2",
        "unix:/run/tocsin.sock",
        "unix:///run/tocsin.sock",
        "unix-abstract:tocsin",
    ],
)
def test_loopback_and_sockets_are_local(target: str) -> None:
    assert is_local(target)
    check_token(target, "secret", None)


@pytest.mark.parametrize(
    "target",
    [
        "tocsin.example:50051",
        "10.0.0.1:50051",
        "0.0.0.0:50051",
        "[2001:db8::1]:50051",
        "localhost.example:50051",
        "127.0.0.1.example:50051",
        "dns:///tocsin.example:50051",
        "dns://127.0.0.1/tocsin.example:50051",
        "ipv4:127.0.0.1:1,10.0.0.1:2",
        "xds:///tocsin",
        "",
    ],
)
def test_a_token_is_refused_an_unprotected_way_to_another_machine(target: str) -> None:
    for client in (Client, AsyncClient):
        with pytest.raises(ValueError, match="refusing to send a token"):
            client(target, token="secret")
    check_token(target, "secret", Tls())
    check_token(target, None, None)


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_token_given_later_is_refused_an_unprotected_way_too_unless_that_is_wanted(client: type) -> None:
    remote = client("tocsin.example:50051")
    with pytest.raises(ValueError, match="refusing to send a token"):
        remote.with_token("secret")
    remote.with_token(None)
    remote.with_token("secret", insecure=True)
    client("tocsin.example:50051", tls=Tls()).with_token("secret")


def test_the_refusal_does_not_show_the_token() -> None:
    with pytest.raises(ValueError) as caught:
        check_token("tocsin.example:50051", "s3cr3t", None)
    assert "s3cr3t" not in str(caught.value)


def test_a_private_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(Tls(certificate=b"CERT", private_key=b"PRIVATE"))


def test_half_a_client_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Tls(certificate=b"CERT")


def test_a_token_may_come_from_a_function() -> None:
    tokens = iter(["one", "two", ""])
    assert credentials_metadata(lambda: next(tokens)) == (("authorization", "Bearer one"),)
    assert credentials_metadata(lambda: next(tokens)) == (("authorization", "Bearer two"),)
    assert credentials_metadata(lambda: next(tokens)) == ()
    assert credentials_metadata(None) == ()


def test_idle_lines_are_asked_for_signs_of_life_no_more_often_than_the_server_allows() -> None:
    options = dict(channel_options("tocsin.example:50051", None))
    assert options["grpc.keepalive_time_ms"] == 60_000
    assert options["grpc.http2.max_pings_without_data"] == 0


def test_loopback_traffic_never_goes_through_a_proxy() -> None:
    assert dict(channel_options("localhost:50051", None))["grpc.enable_http_proxy"] == 0
    assert "grpc.enable_http_proxy" not in dict(channel_options("tocsin.example:443", Tls()))


def test_the_callers_channel_options_win() -> None:
    options = channel_options("localhost:50051", None, (("grpc.keepalive_time_ms", 90_000),))
    assert dict(options)["grpc.keepalive_time_ms"] == 90_000
