"""A relay as a test drives it: opens and closes subscriptions on one stream, and reads what comes for each."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Self

import grpc
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1 import relay_service_pb2 as relay_pb
from tocsin.v1.relay_service_pb2_grpc import RelayServiceStub

from helpers.calls import DEADLINE, Api, Refusal, read_refusal, read_status


class RelayCaller:
    """One stream. Use it as a context; reading waits for what is asked for, and keeps the rest.

    ``confirms`` false sends no receipts but those that the test does; ``token`` is for the stream itself.
    """

    def __init__(self, api: Api, *, confirms: bool = True, token: str = "") -> None:
        self._requests: queue.SimpleQueue[relay_pb.RelayRequest | None] = queue.SimpleQueue()
        requests: Iterator[relay_pb.RelayRequest] = iter(self._requests.get, None)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self.call: Any = RelayServiceStub(api.channel).Relay(requests, metadata=metadata, timeout=DEADLINE)
        self._confirms = confirms
        self._events: dict[int, list[service_pb.SubscribeResponse]] = defaultdict(list)
        self._endings: dict[int, Refusal] = {}
        self.cursors: dict[int, str] = {}
        self.sizes: dict[int, int] = defaultdict(int)
        self.shared: list[list[int]] = []  # ids of events that were for several subscriptions

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.call.cancel()
        self.hang_up()

    def say(self, request: relay_pb.RelayRequest) -> None:
        """Send a request."""
        self._requests.put(request)

    def hang_up(self) -> None:
        """Close this side."""
        self._requests.put(None)

    def open(self, number: int, recipient: pb.Recipient, cursor: str = "", token: str = "") -> None:
        """Open a subscription."""
        wanted = service_pb.SubscribeRequest(recipient=recipient, cursor=cursor)
        self.say(relay_pb.RelayRequest(openings=[relay_pb.RelayOpening(id=number, token=token, subscribe=wanted)]))

    def close(self, *numbers: int) -> None:
        """Close subscriptions."""
        self.say(relay_pb.RelayRequest(closings=numbers))

    def confirm(self, number: int, size: int) -> None:
        """Send a receipt."""
        self.say(relay_pb.RelayRequest(receipts=[relay_pb.RelayReceipt(id=number, bytes=size)]))

    def event(self, number: int) -> service_pb.SubscribeResponse:
        """Return the next event of a subscription."""
        self._read_until(lambda: bool(self._events[number]), number)
        event = self._events[number].pop(0)
        self.cursors[number] = event.cursor
        return event

    def subscribed(self, number: int) -> service_pb.Subscribed:
        """Return the next event, which says that the subscription has begun."""
        event = self.event(number)
        assert event.WhichOneof("event") == "subscribed", event
        return event.subscribed

    def ids(self, number: int, count: int) -> list[str]:
        """Return the ids of the next notifications of a subscription."""
        found = [self.event(number) for _ in range(count)]
        assert all(event.HasField("notification") for event in found)
        return [event.notification.id for event in found]

    def ending(self, number: int) -> Refusal:
        """Return how a subscription ends."""
        self._read_until(lambda: number in self._endings, number)
        return self._endings.pop(number)

    def end(self) -> Refusal | None:
        """Read on to the end of the stream; return how it ends, None for OK."""
        try:
            for response in self.call:
                self._take(response)
        except grpc.RpcError as error:
            return read_refusal(error)
        return None

    def _read_until(self, found: Callable[[], bool], number: int) -> None:
        while not found():
            assert number not in self._endings, f"{number} has ended: {self._endings[number]}"
            self._take(next(self.call))

    def _take(self, response: relay_pb.RelayResponse) -> None:
        for relayed in response.events:
            if len(relayed.ids) > 1:
                self.shared.append(sorted(relayed.ids))
            for number in relayed.ids:
                self._events[number].append(service_pb.SubscribeResponse.FromString(relayed.event))
                self.sizes[number] += len(relayed.event)
                if self._confirms:
                    self.confirm(number, len(relayed.event))
        for ending in response.endings:
            self._endings[ending.id] = read_status(ending.status)
