"""What the package offers, and what it keeps to itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import tocsin_client
from tocsin_client import AsyncClient, Client, Draft, ListFilter, SendOptions, calls
from tocsin_client.transport import Tls, channel_options, check_token, credentials_metadata, is_local, methods

PACKAGE = Path(tocsin_client.__file__).parent

VERBS = [
    "backtest",
    "bulk_sender",
    "cancel",
    "close",
    "count_unread",
    "delete_contact",
    "erase",
    "explain",
    "export",
    "get",
    "get_contact",
    "get_queue",
    "hold",
    "iterate",
    "lease_undecided",
    "list",
    "list_contacts",
    "mark_read",
    "pause_channel",
    "preview",
    "put_contact",
    "resume_channel",
    "retry",
    "route",
    "send",
    "send_batch",
    "simulate",
    "subscribe",
    "suppress",
    "who_am_i",
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
        "AsyncBulkSender",
        "AsyncClient",
        "AsyncSubscription",
        "Attempt",
        "AttemptOutcome",
        "Backoff",
        "Backtest",
        "BacktestExample",
        "BulkOptions",
        "BulkSender",
        "Caller",
        "Cancelled",
        "Channel",
        "ChannelChange",
        "ChannelQueue",
        "ChannelTarget",
        "ChannelType",
        "Client",
        "Contact",
        "DataLoss",
        "DeadlineExceeded",
        "DecidedBy",
        "Decision",
        "Denied",
        "Draft",
        "Erasure",
        "Event",
        "FailedPrecondition",
        "Grounds",
        "Internal",
        "InvalidArgument",
        "LeaseOptions",
        "ListFilter",
        "MarkedRead",
        "NotFound",
        "Notification",
        "NotificationEvent",
        "Option",
        "OutOfRange",
        "Page",
        "PausedChannel",
        "PermissionDenied",
        "ProviderQueue",
        "QueueState",
        "ReadChanged",
        "Recipient",
        "RecipientContext",
        "RecipientType",
        "ResourceExhausted",
        "RuleTrial",
        "SendOptions",
        "Simulation",
        "Status",
        "StrategyGoal",
        "StrategyKind",
        "Subscribed",
        "Subscription",
        "Tls",
        "TocsinError",
        "Unauthenticated",
        "Unavailable",
        "Undecided",
        "Unimplemented",
        "Unknown",
        "UnreadCount",
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


# -- RPCs ------------------------------------------------------------------------------------------


class Channel:
    """Gives what starts an RPC: its path."""

    def __getattr__(self, kind: str) -> Any:
        return lambda path, *_, **__: path


def rpcs_of_the_api() -> set[str]:
    """Return the full names of all RPCs of the generated package."""
    modules = [
        importlib.import_module(f"tocsin.v1.{path.name.removesuffix('.py')}")
        for path in files("tocsin.v1").iterdir()
        if path.name.endswith("_service_pb2.py")
    ]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return {f"{service.full_name}/{method.name}" for service in services for method in service.methods}


def test_a_channel_has_every_rpc_of_the_api_by_its_full_name() -> None:
    started: dict[str, Any] = dict(methods(Channel()))
    assert set(started) == rpcs_of_the_api()
    assert all(path == f"/{rpc}" for rpc, path in started.items())


def test_every_call_is_of_an_rpc_of_the_api() -> None:
    draft = Draft("guest", "Hello", "Hello.")
    made: list[calls.Call[Any]] = [
        calls.send(draft), calls.send_batch([draft]), calls.get("x"), calls.list_page({}, ""),
        calls.mark_read("x", None, ""), calls.count_unread("user:x"), calls.cancel("x"), calls.retry("x", ()),
        calls.route("x", (), None, None, {}), calls.hold("x", datetime.now(UTC), {}), calls.suppress("x", {}),
        calls.lease_undecided({}), calls.explain("x"),
        calls.preview("x", (), None, None, None, False, {}), calls.who_am_i(),
        calls.put_contact("user:x", {}, "", ""), calls.get_contact("user:x"),
        calls.delete_contact("user:x"), calls.list_contacts(None, 0, ""),
        calls.pause_channel("sms", ""), calls.resume_channel("sms"), calls.get_queue(), calls.erase("user:x", None),
        calls.export("user:x", None),
        calls.simulate(draft, ""), calls.backtest("", None, None, "", 0),
    ]  # fmt: skip
    assert {call.rpc for call in made} | {calls.SUBSCRIBE, calls.RELAY} == rpcs_of_the_api()


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
        from_elsewhere = {root for root in roots if root not in known and root not in sys.stdlib_module_names}
        assert not from_elsewhere, path.name


# -- the connection --------------------------------------------------------------------------------


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
