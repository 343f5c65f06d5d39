"""What operators ask and order: messages to plain values and back."""

from __future__ import annotations

from tocsin.v1 import operator_service_pb2 as pb

from tocsin_server.domain.model import ChannelType
from tocsin_server.domain.operating import Erasure, Pause, Person
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.intake.operating import ChannelQueue, Queue
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.recipients import checked_recipient
from tocsin_server.rpc.convert.times import write_time
from tocsin_server.rpc.convert.words import CHANNEL_NUMBERS, CHANNEL_TYPES
from tocsin_server.rpc.validation import Violations

CHANNEL_PROBLEM = "must be CHANNEL_TYPE_EMAIL, CHANNEL_TYPE_TELEGRAM or CHANNEL_TYPE_SMS: the feed cannot be paused"

ADDRESS_CHANNEL_PROBLEM = "must be CHANNEL_TYPE_EMAIL, CHANNEL_TYPE_TELEGRAM or CHANNEL_TYPE_SMS"


def read_pause(request: pb.PauseChannelRequest) -> tuple[ChannelType, str]:
    """Read which channel is to be paused, and why."""
    problems = Violations()
    channel = _channel(request.channel, problems)
    problems.add("reason", validation.reason_problem(request.reason))
    problems.raise_any()
    return channel, request.reason


def read_resume(request: pb.ResumeChannelRequest) -> ChannelType:
    """Read which channel is to go on."""
    problems = Violations()
    channel = _channel(request.channel, problems)
    problems.raise_any()
    return channel


def _channel(number: int, problems: Violations) -> ChannelType:
    channel = CHANNEL_TYPES.get(number, ChannelType.WEBSOCKET)
    if channel == ChannelType.WEBSOCKET:
        problems.add("channel", CHANNEL_PROBLEM)
    return channel


def write_pause(pause: Pause, message: pb.PausedChannel) -> None:
    """Fill a pause."""
    message.channel = CHANNEL_NUMBERS[pause.channel]
    write_time(message.paused_at, pause.at)
    message.paused_by = pause.by
    message.reason = pause.reason


def write_queue(queue: Queue) -> pb.GetQueueResponse:
    """Return what is told of the queue."""
    response = pb.GetQueueResponse(
        undecided_count=queue.undecided.waiting, undecided_late_count=queue.undecided.late
    )  # fmt: skip
    for channel in queue.channels:
        _write_channel(channel, response.channels.add())
    return response


def _write_channel(queue: ChannelQueue, message: pb.ChannelQueue) -> None:
    message.channel = CHANNEL_NUMBERS[queue.channel]
    counts = queue.counts
    message.due_count, message.leased_count, message.waiting_count = counts.due, counts.leased, counts.waiting
    if counts.oldest_due_at is not None:
        write_time(message.oldest_due_at, counts.oldest_due_at)
    if queue.pause is not None:
        write_pause(queue.pause, message.paused)
    for provider in queue.providers:
        shown = message.providers.add(
            provider=provider.provider, retrying_count=provider.retrying, open_breaker_count=len(provider.breakers)
        )
        if provider.breakers:
            write_time(shown.breaker_open_since, provider.breakers[0].opened_at)
            shown.breaker_code = provider.breakers[0].code


def read_person(request: pb.EraseRequest | pb.ExportRequest, address_problem: AddressProblem) -> Person:
    """Read who is meant: a registered recipient, or one who is not, with an address."""
    problems = Violations()
    named = request.HasField("address")
    recipient = checked_recipient(request.recipient, problems, registered=False)
    if recipient.registered and named:
        problems.add("address", "must not come with a registered recipient: their id finds all of it")
    if not recipient.registered and not named:
        problems.add("address", "must be given for a recipient without id and external_id")
    channel = CHANNEL_TYPES.get(request.address.channel)
    if named and channel in (None, ChannelType.WEBSOCKET):
        problems.add("address.channel", ADDRESS_CHANNEL_PROBLEM)
    elif named and channel is not None:
        problems.add("address.address", address_problem(channel, request.address.address))
    problems.raise_any()
    return Person(recipient, channel, request.address.address) if named else Person(recipient)


def write_erasure(erasure: Erasure) -> pb.EraseResponse:
    """Return the note of what was erased."""
    response = pb.EraseResponse()
    response.erasure.id, response.erasure.erased_by = erasure.id, erasure.by
    response.erasure.notification_count = erasure.notifications
    write_time(response.erasure.erased_at, erasure.at)
    return response


def serialise_line(line: str) -> bytes:
    """Return a message of an export, as it goes on the wire."""
    data: bytes = pb.ExportResponse(line=line).SerializeToString()
    return data
