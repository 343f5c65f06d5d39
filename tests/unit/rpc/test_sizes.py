"""How large answers get: whatever is stored, a client with gRPC's default limit of 4 MiB can read it."""

from __future__ import annotations

from typing import Any

import pytest
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.drafts import NOON, channel, notification
from tocsin_server.channels.bounds import FACT_LIMIT, FACTS_LIMIT
from tocsin_server.channels.sender import DETAIL_LIMIT, Outcome, OutcomeKind
from tocsin_server.domain import errors
from tocsin_server.domain.attempt_log import HISTORY_LIMIT, attempted
from tocsin_server.domain.errors import InvalidArgument, TocsinError, Violation
from tocsin_server.domain.model import Accepted, ChannelType, FeedPosition, Notification
from tocsin_server.feed.items import Changed, ReadChanged
from tocsin_server.rpc import convert
from tocsin_server.rpc.relay_stream import LARGEST_RESPONSE
from tocsin_server.rpc.status import LARGEST_REFUSALS, LARGEST_STATUS, to_status
from tocsin_server.rpc.validation import LONGEST_METADATA, MOST_VIOLATIONS

READABLE = 4 * 1024 * 1024
"""What gRPC's clients take by default."""

BELL = "\U0001f514"
"""Four bytes, and a character."""


def longest_response() -> dict[str, Any]:
    """Return what a channel keeps of attempts of which every one was answered with as much as is believed."""
    response: dict[str, Any] | None = None
    for _ in range(HISTORY_LIMIT + 3):
        outcome = Outcome(
            OutcomeKind.TRANSIENT,
            code=BELL * 1_000,
            detail=BELL * 10_000,
            data={f"fact {number:02}": BELL * 10_000 for number in range(100)},
        )
        response = attempted(
            response, outcome=outcome.kind, code=outcome.code, detail=outcome.detail, provider="x" * 200, at=NOON,
            data=outcome.data,
        )  # fmt: skip
    assert response is not None
    assert len(response["history"]) == HISTORY_LIMIT
    assert len(response["detail"]) == DETAIL_LIMIT
    assert len(response["data"]) == FACTS_LIMIT
    assert all(len(value) == FACT_LIMIT for value in response["data"].values())
    return response


def largest() -> Notification:
    """Return the notification that takes the most bytes of all that can be stored."""
    rows = [
        channel(kind, response=longest_response(), address="a" * 254, next_attempt_at=NOON, attempts=2**31 - 1)
        for kind in ChannelType
    ]
    numbers = (LONGEST_METADATA - len('{"k":[]}')) // 2
    return notification(
        *rows, title=BELL * 255, message="x" * 64 * 1024, metadata={"k": [1] * numbers}, read_at=NOON, send_at=NOON,
        expires_at=NOON, owner="o" * 64,
    )  # fmt: skip


def test_a_single_notification_is_an_eighth_of_what_clients_take_at_most() -> None:
    written = convert.write_notification(largest(), pb.Notification())
    assert 300_000 < written.ByteSize() < READABLE // 8


def test_the_fullest_page_can_be_read() -> None:
    """A page ends with the notification that makes it a mebibyte."""
    size = convert.LARGEST_PAGE - 1 + convert.write_notification(largest(), pb.Notification()).ByteSize()
    tags_and_tokens = 500 * 6 + 1_024 + 128
    assert size + tags_and_tokens < READABLE


def test_every_event_and_every_message_of_a_relay_can_be_read() -> None:
    event = convert.serialise_feed_item(Changed(FeedPosition(2**62, 2**62), 2**62, largest()), private=True)
    ids = [f"01926f3e-7c1a-7b52-9d0e-{number:012x}" for number in range(500)]
    marked = convert.serialise_feed_item(ReadChanged(FeedPosition(2**62, 2**62), 0, ids, NOON), private=True)
    every_stream_of_a_process, id_of_a_subscription = 50_000, 11
    assert len(marked.data) < len(event.data) < READABLE // 8
    assert LARGEST_RESPONSE + len(event.data) + every_stream_of_a_process * id_of_a_subscription < READABLE // 2


def refusals() -> list[TocsinError]:
    """Return errors that have as much to say as an error can have."""
    many = [Violation(f"channels[{place}].address", "must be " + BELL * 100) for place in range(MOST_VIOLATIONS)]
    return [InvalidArgument(many), errors.IdempotencyKeyReused(BELL * 255, "x" * 36), errors.AddressUnknown("email")]


@pytest.mark.parametrize("error", refusals(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("count", [1, 10, 500, 1_000])
def test_the_refusals_of_a_batch_share_what_can_be_read(error: TocsinError, count: int) -> None:
    share = min(LARGEST_STATUS, LARGEST_REFUSALS // count)
    response = service_pb.SendBatchResponse()
    for _ in range(count):
        response.results.add().error.CopyFrom(to_status(error, share))
    assert response.ByteSize() < READABLE
    alone = to_status(error)
    if count <= 500:
        assert response.results[0].error == alone
    assert response.results[0].error.message == alone.message
    assert len(response.results[0].error.details) == len(alone.details)


def test_a_batch_of_accepted_and_refused_requests_can_be_read() -> None:
    response = service_pb.SendBatchResponse()
    share = LARGEST_REFUSALS // 1_000
    accepted = Accepted(largest(), duplicate=True)
    for number in range(1_000):
        if number % 2:
            convert.write_accepted(accepted, service_pb.SendRequest(), response.results.add().response, brief=True)
        else:
            response.results.add().error.CopyFrom(to_status(refusals()[0], share))
    assert response.ByteSize() < READABLE
    [first] = {result.response.notification.channels[0].address for result in response.results[1::2]}
    assert first == "a" * 254
