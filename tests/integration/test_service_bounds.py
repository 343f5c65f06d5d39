"""Small requests that ask for big work: they are refused by what they hold, before anybody looks at what it says.

The requests are bytes, since a few of them stand for what would take long to build. What matters is that each answer
names the bound: it is looked at first, so whatever lies beyond it has cost nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.calls import Api, refused, request, user
from helpers.server import ServerUnderTest, running_server
from tocsin_server.rpc import handlers
from tocsin_server.rpc.requests import LARGEST, request_reader

TOKEN = "a token that may do everything"
BEARER = (("authorization", f"Bearer {TOKEN}"),)
SCOPES = f"everything:*:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
ID = b"0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with running_server(tmp_path_factory.mktemp("bounds"), dev=True, auth_tokens=(SCOPES,)) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: ServerUnderTest) -> Iterator[Api]:
    with Api(server.address) as connected:
        yield connected


def field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def metadata(elements: bytes) -> bytes:
    """Return the field `SendRequest.metadata` with a list of these elements."""
    return field(4, field(1, field(1, b"k") + field(2, field(6, elements))))


SEND = request(user()).SerializeToString()
RECIPIENT = field(2, b"\x08\x01" + field(2, ID))
NULL = b"\x0a\x00"
NUMBER = b"\x0a\x09\x11\x00\x00\x00\x00\x00\x00\xf0\x3f"
EMPTY_ADDRESS = b"\x32\x00"

TOO_MUCH: dict[str, tuple[str, bytes, str, str]] = {
    # RPC, request, reason, field
    "repeated channels to retry": ("Retry", field(1, ID) + field(2, b"\x01" * 60_000), "INVALID_FIELD", "channels"),
    "unknown channels to retry": ("Retry", field(1, ID) + field(2, b"\x63" * 60_000), "INVALID_FIELD", "channels"),
    "more channels than are read": ("Retry", field(1, ID) + field(2, b"\x01" * 195_000), "REQUEST_TOO_LARGE", ""),
    "unknown statuses": ("List", field(5, b"\x63" * 60_000), "INVALID_FIELD", "statuses"),
    "more statuses than are read": ("List", field(5, b"\x63" * 4_000_000), "REQUEST_TOO_LARGE", ""),
    "channels to list": ("List", field(6, b"\x01" * 60_000), "INVALID_FIELD", "channels"),
    "a long page token": ("List", field(10, b"A" * 60_000), "MALFORMED_PAGE_TOKEN", "page_token"),
    "empty addresses": ("Send", SEND + EMPTY_ADDRESS * 100_000, "INVALID_FIELD", "addresses"),
    "more addresses than are read": ("Send", SEND + EMPTY_ADDRESS * 2_000_000, "REQUEST_TOO_LARGE", ""),
    "empty channels": ("Send", SEND + b"\x2a\x00" * 100_000, "INVALID_FIELD", "channels"),
    "nulls in metadata": ("Send", SEND + metadata(NULL * 80_000), "INVALID_FIELD", "metadata"),
    "numbers in metadata": ("Send", SEND + metadata(NUMBER * 17_000), "INVALID_FIELD", "metadata"),
    "metadata far too large": ("Send", SEND + metadata(NUMBER * 26_000), "INVALID_FIELD", "metadata"),
    "channels to route to": ("Route", field(1, ID) + b"\x12\x00" * 30_000, "INVALID_FIELD", "channels"),
    "empty ids": ("MarkRead", b"\x0a\x00" * 30_000, "INVALID_FIELD", "ids"),
    "a long cursor": ("MarkRead", RECIPIENT + field(3, b"A" * 60_000), "MALFORMED_CURSOR", "up_to_cursor"),
    "empty requests": ("SendBatch", b"\x0a\x00" * 1_000_000, "BATCH_TOO_LARGE", "requests"),
    "unknown fields": ("Get", field(1, ID) + b"\xa8\x06\x01" * 1_300_000, "REQUEST_TOO_LARGE", ""),
}  # fmt: skip


@pytest.mark.parametrize(("rpc", "payload", "reason", "named"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_of_something_is_refused_by_its_bound(
    api: Api, rpc: str, payload: bytes, reason: str, named: str
) -> None:
    refusal = refused(lambda: api.raw(f"NotificationService/{rpc}", payload, metadata=BEARER))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert list(refusal.violations) == [named]


@pytest.mark.parametrize(
    ("payload", "reason", "named"),
    [
        pytest.param(b"\x1a\x00" * 2_000_000, "REQUEST_TOO_LARGE", "", id="more receipts than are read"),
        pytest.param(b"\x1a\x00" * 500_000, "INVALID_FIELD", "receipts", id="receipts"),
        pytest.param(field(2, b"\x01" * 1_000_000), "INVALID_FIELD", "closings", id="closings"),
        pytest.param(b"\x0a\x00" * 500_000, "INVALID_FIELD", "openings", id="openings"),
        pytest.param(b"\x0a\x00" * 1_000, "INVALID_FIELD", "openings[0].id", id="openings without ids"),
    ],
)
def test_too_much_of_something_ends_a_relay(api: Api, payload: bytes, reason: str, named: str) -> None:
    end = api.raw_relay(payload)
    assert (end.code, end.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert next(iter(end.violations)) == named
    assert len(end.violations) <= 50


def test_each_request_of_a_batch_has_the_bounds_of_a_send(api: Api) -> None:
    items = [SEND, SEND + EMPTY_ADDRESS * 500_000, SEND + metadata(NULL * 80_000), SEND]
    payload = b"".join(field(1, item) for item in items)
    answer = api.raw("NotificationService/SendBatch", payload, metadata=BEARER)
    results = service_pb.SendBatchResponse.FromString(answer).results
    assert [result.WhichOneof("result") for result in results] == ["response", "error", "error", "response"]
    assert [results[place].error.message.partition(":")[0] for place in (1, 2)] == ["addresses", "metadata"]


def test_nothing_is_parsed_for_whoever_may_not_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def counting_reader(message: Any) -> Callable[[bytes], Any]:
        read = request_reader(message)

        def counted(data: bytes) -> Any:
            parsed.append(data)
            return read(data)

        return counted

    monkeypatch.setattr(handlers, "request_reader", counting_reader)
    reader = "a token that may read"
    scopes = f"reader:read:{hashlib.sha256(reader.encode()).hexdigest()}"
    with running_server(tmp_path, dev=True, auth_tokens=(scopes,)) as running, Api(running.address) as connected:

        def refuse(rpc: str, payload: bytes, *metadata: tuple[str, str], streams: bool = False) -> str:
            path = f"NotificationService/{rpc}"
            return refused(lambda: connected.raw(path, payload, metadata=metadata, streams=streams)).reason

        assert refuse("Send", SEND) == "UNAUTHENTICATED"
        assert refuse("Send", SEND, ("authorization", f"Bearer {reader}")) == "PERMISSION_DENIED"
        assert refuse("Subscribe", b"\xff" * LARGEST, streams=True) == "UNAUTHENTICATED"
        assert parsed == []
        assert refuse("Get", b"\xff", ("authorization", f"Bearer {reader}")) == "MALFORMED_REQUEST"
    assert parsed == [b"\xff"]
