"""What gathers for a stream of many subscriptions: in which message it goes, in which order, and what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from tocsin.v1 import relay_service_pb2 as pb

from tocsin_server.domain.model import FeedPosition
from tocsin_server.rpc.convert import FeedMessage
from tocsin_server.rpc.handlers import UnplacedMessage
from tocsin_server.rpc.relay_stream import LARGEST_RESPONSE, Followed, RelayStream, RelayTimes


def at(sequence: int, size: int = 0) -> FeedMessage:
    """Make an event, which begins with its sequence."""
    return FeedMessage(str(sequence).encode().ljust(size, b"."), FeedPosition(7, sequence))


class Owner:
    """Subscriptions with ready events, by their ids. They go on for ever after that.

    ``asked`` has the events that each was asked for, ``noted`` the positions that were told of each.
    """

    closing = False

    def __init__(self, events: Mapping[int, Sequence[FeedMessage]]) -> None:
        self._events = events
        self.asked: dict[int, list[FeedMessage]] = {number: [] for number in events}
        self.noted: dict[int, list[int]] = {number: [] for number in events}

    def follow(self, opening: pb.RelayOpening) -> Followed:
        return Followed(self._messages(opening.id), lambda position: self.noted[opening.id].append(position.sequence))

    def accepted(self, stream: RelayStream) -> None:
        pass

    async def _messages(self, number: int) -> AsyncIterator[FeedMessage]:
        for message in self._events[number]:
            self.asked[number].append(message)
            yield message
        await asyncio.Event().wait()


async def _requests(waiting: asyncio.Queue[pb.RelayRequest]) -> AsyncIterator[pb.RelayRequest]:
    while True:
        yield await waiting.get()
        waiting.task_done()  # it was obeyed


@contextlib.asynccontextmanager
async def opened(
    owner: Owner, *numbers: int
) -> AsyncIterator[tuple[AsyncIterator[UnplacedMessage], asyncio.Queue[pb.RelayRequest]]]:
    """Open subscriptions at once; yield what is to be written, and where further requests go."""
    waiting: asyncio.Queue[pb.RelayRequest] = asyncio.Queue()
    waiting.put_nowait(pb.RelayRequest(openings=[pb.RelayOpening(id=number) for number in numbers]))
    async with contextlib.aclosing(RelayStream(owner, RelayTimes()).messages(_requests(waiting))) as messages:  # type: ignore[type-var]
        yield messages, waiting


async def written(messages: AsyncIterator[UnplacedMessage]) -> None:
    """Say that what was yielded last is written, when nothing else is to be; the stream ends by it."""
    following = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])


def events_in(message: UnplacedMessage) -> list[tuple[list[int], int]]:
    """Return the subscriptions and the sequence of each event."""
    events = pb.RelayResponse.FromString(message.data).events
    return [(list(event.ids), int(event.event.rstrip(b"."))) for event in events]


async def test_what_waits_for_a_subscription_goes_out_together() -> None:
    async with opened(Owner({1: [at(1), at(2), at(3)]}), 1) as (messages, _):
        assert events_in(await anext(messages)) == [([1], 1), ([1], 2), ([1], 3)]


async def test_it_is_told_how_far_was_written_once_it_was() -> None:
    owner = Owner({1: [at(1), at(2)], 2: [at(2)]})
    async with opened(owner, 1, 2) as (messages, _):
        await anext(messages)
        assert owner.noted == {1: [], 2: []}
        await written(messages)
        assert owner.noted == {1: [1, 2], 2: [2]}


async def test_nothing_is_noted_of_events_that_tell_no_change() -> None:
    owner = Owner({1: [at(1)._replace(change=False), at(2), at(2)._replace(data=b"2", change=False)], 2: [at(3)]})
    async with opened(owner, 1, 2) as (messages, _):
        await anext(messages)
        await written(messages)
        assert owner.noted == {1: [2], 2: [3]}


async def test_an_event_that_another_has_brought_already_does_not_overtake() -> None:
    # The second of the first is the first of the second, which comes before.
    async with opened(Owner({1: [at(1), at(2)], 2: [at(2)], 3: [at(1), at(2)]}), 2, 1, 3) as (messages, _):
        assert events_in(await anext(messages)) == [([2], 2), ([1, 3], 1), ([1, 3], 2)]


async def test_nothing_is_told_of_a_subscription_that_was_closed_meanwhile() -> None:
    owner = Owner({1: [at(1)], 2: [at(5)]})
    async with opened(owner, 1, 2) as (messages, requests):
        await anext(messages)
        requests.put_nowait(pb.RelayRequest(closings=[1]))
        await requests.join()
        await written(messages)
        assert owner.noted == {1: [], 2: [5]}


async def test_no_more_gathers_than_a_message_holds() -> None:
    size = LARGEST_RESPONSE // 4
    owner = Owner({number: [at(10 * number + place, size) for place in range(3)] for number in (1, 2, 3)})
    async with opened(owner, 1, 2, 3) as (messages, _):
        first = events_in(await anext(messages))
        # The first brought three, the second one with which it was full, the third one that is always let in.
        assert {number: len(asked) for number, asked in owner.asked.items()} == {1: 3, 2: 1, 3: 1}
        assert first == [([1], 10), ([1], 11), ([1], 12), ([2], 20)]
        assert events_in(await anext(messages)) == [([3], 30)]
        assert events_in(await anext(messages)) == [([2], 21), ([2], 22), ([3], 31), ([3], 32)]
