"""From the bytes of a request to its message. What it holds at most is looked at before anything else is. Pure.

Nothing here is read for a caller who may not call: `rpc.handlers` asks first who calls, then reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from tocsin_server.domain.errors import (
    BatchTooLarge,
    InvalidArgument,
    MalformedRequest,
    RequestTooLarge,
    Violation,
)

LARGEST_BATCH: Final = 2 * 1024 * 1024
LARGEST: Final = 64 * 1024
"""Bytes of a request of which `LARGEST_OF` says nothing else."""

LARGEST_OF: Final[Mapping[str, int]] = {
    # A message and metadata as large as they may be, the latter as a Struct, and every address.
    "tocsin.v1.SendRequest": 320 * 1024,
    "tocsin.v1.SendBatchRequest": LARGEST_BATCH,
    # What Send takes, and a file of rules.
    "tocsin.v1.SimulateRequest": 384 * 1024,
    "tocsin.v1.BacktestRequest": 72 * 1024,
    # A thousand openings with tokens of a kilobyte.
    "tocsin.v1.RelayRequest": 1024 * 1024,
}
"""Bytes of a request at most, by its message. What is larger is not even parsed: two bytes can stand for an object."""

MOST_OF_A_KIND: Final = 16
"""Of what can be named once for each channel or status: more than there are, so that a mistake is told as such."""

MOST_IDS: Final = 500
MOST_REQUESTS: Final = 1_000
MOST_OPENINGS: Final = 1_000
MOST_NOTES: Final = 10_000
"""Of closings, and of receipts, in a message to a relay."""

MOST: Final[Mapping[str, int]] = {
    "tocsin.v1.SendRequest.channels": MOST_OF_A_KIND,
    "tocsin.v1.SendRequest.addresses": MOST_OF_A_KIND,
    "tocsin.v1.SendBatchRequest.requests": MOST_REQUESTS,
    "tocsin.v1.ListRequest.statuses": MOST_OF_A_KIND,
    "tocsin.v1.ListRequest.channels": MOST_OF_A_KIND,
    "tocsin.v1.MarkReadRequest.ids": MOST_IDS,
    "tocsin.v1.RetryRequest.channels": MOST_OF_A_KIND,
    "tocsin.v1.RouteRequest.channels": MOST_OF_A_KIND,
    "tocsin.v1.Contact.addresses": MOST_OF_A_KIND,
    "tocsin.v1.LeaseUndecidedRequest.recipient_types": MOST_OF_A_KIND,
    "tocsin.v1.RelayRequest.openings": MOST_OPENINGS,
    "tocsin.v1.RelayRequest.closings": MOST_NOTES,
    "tocsin.v1.RelayRequest.receipts": MOST_NOTES,
}
"""Elements of a repeated field at most, by its full name."""

MEASURED: Final = frozenset({"google.protobuf.Struct"})
"""Messages that are measured as a whole where they are read, see `rpc.convert`."""

EACH_BY_ITSELF: Final = frozenset({"tocsin.v1.SendBatchRequest.requests"})
"""Elements that are requests of their own: each is checked, and refused, by itself."""

_BATCH: Final = "tocsin.v1.SendBatchRequest"


class Bound(NamedTuple):
    """How many elements a repeated field of a request may have, ``where`` it is in the request, and how to get it."""

    get: Callable[[Any], Sequence[Any]]
    where: str
    most: int


def request_reader(message: Any) -> Callable[[bytes], Any]:
    """Return what reads the requests of an RPC, given by the descriptor of their message.

    It raises

    - `RequestTooLarge` for what is too large to be parsed, a `BatchTooLarge` for a batch,
    - `MalformedRequest` for bytes that are something else,
    - `InvalidArgument` when there are too many of something.

    Raises:
        LookupError: A repeated field has no bound.
    """
    name: str = message.full_name
    largest = LARGEST_OF.get(name, LARGEST)
    parse = GetMessageClass(message).FromString
    bounds = bounds_of(message)

    def read(data: bytes) -> Any:
        if len(data) > largest:
            if name == _BATCH:
                raise BatchTooLarge(len(data), largest, "bytes")
            raise RequestTooLarge(name, len(data), largest)
        try:
            request = parse(data)
        except DecodeError:
            raise MalformedRequest(name) from None
        for bound in bounds:
            check(request, bound)
        return request

    return read


def check(message: Any, bound: Bound) -> None:
    """Raise InvalidArgument when there are more than a bound says."""
    get, where, most = bound
    if (count := len(get(message))) > most:
        if where == "requests":
            raise BatchTooLarge(count, most, where)
        raise InvalidArgument([Violation(where, f"must be at most {most}, are {count}")])


def bounds_of(message: Any, path: str = "") -> tuple[Bound, ...]:
    """Return the bounds of all repeated fields that a message, given by its descriptor, holds or has in a field of it.

    Raises:
        LookupError: One has none.
    """
    bounds: list[Bound] = []
    for field in message.fields:
        where, inner = f"{path}{field.name}", field.message_type
        if field.is_repeated:
            if field.full_name not in MOST:
                raise LookupError(f"{field.full_name} has no bound: give it one in MOST, and say so in its comment")
            if inner is not None and field.full_name not in EACH_BY_ITSELF and bounds_of(inner):
                raise LookupError(f"{field.full_name} repeats a message that repeats something, which nothing looks at")
            bounds.append(Bound(attrgetter(where), where, MOST[field.full_name]))
        elif inner is not None and inner.full_name not in MEASURED:
            bounds += bounds_of(inner, f"{where}.")
    return tuple(bounds)
