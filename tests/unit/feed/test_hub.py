"""What the hub tells those who watch it; what it does for streams is tested in `test_live` and `test_hints`."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.drafts import notification, user
from tocsin_server.domain.errors import StreamAged
from tocsin_server.domain.model import Entered
from tocsin_server.feed.hub import Hub
from tocsin_server.telemetry.observer import CLOSED, FeedPublished, Observer, StreamEnded


def watched() -> tuple[Hub, list[Any]]:
    observer, reports = Observer(), list[Any]()
    observer.listen(FeedPublished, reports.append)
    observer.listen(StreamEnded, reports.append)
    return Hub(observer=observer), reports


async def test_the_end_of_a_stream_is_told_with_its_reason() -> None:
    hub, reports = watched()
    async with hub.mailbox(user()):
        pass
    with pytest.raises(StreamAged):
        async with hub.mailbox(user()):
            raise StreamAged("the stream reached its maximum age", cursor="")
    assert reports == [StreamEnded(CLOSED), StreamEnded("STREAM_AGED")]


async def test_events_are_told_by_their_number() -> None:
    hub, reports = watched()
    to = user()
    hub.publish([Entered(to, 1, number, number, number, notification=notification()) for number in (1, 2)])
    assert reports == [FeedPublished(2)]
