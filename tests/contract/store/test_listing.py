"""Reading and listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.drafts import (
    EMAIL,
    FAILED,
    GUEST,
    PENDING,
    SENT,
    SMS,
    WEBSOCKET,
    dice,
    draft,
    ids_of,
    user,
)
from helpers.store import (
    BACKENDS,
    StoreBench,
)
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    NotificationNotFound,
)
from tocsin_server.domain.model import (
    NO_FEED,
    ChannelType,
    Entered,
    FeedState,
    Notification,
    NotificationFilter,
    Recipient,
    RecipientType,
    Status,
)

UNKNOWN_ID = "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41"


def test_an_unknown_id_is_not_found(bench: StoreBench) -> None:
    with pytest.raises(NotificationNotFound) as missing:
        bench.run(bench.store.get(UNKNOWN_ID))
    assert missing.value.metadata == {"id": UNKNOWN_ID}


@pytest.fixture(scope="module", params=BACKENDS)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A store with some of everything."""
    with StoreBench(BACKENDS[request.param](tmp_path_factory.mktemp("archive"))) as bench:
        yield Archive(bench)


class Archive:
    """Notifications of a few recipients, in all states, and which of them a filter has to find."""

    def __init__(self, bench: StoreBench) -> None:
        self.bench = bench
        self.recipients = [user(), Recipient(RecipientType.PARTNER, user().id)]
        chance = dice(7)
        choices: list[tuple[ChannelType, ...]] = [(WEBSOCKET,), (EMAIL,), (WEBSOCKET, EMAIL), (EMAIL, SMS), (SMS,)]
        stored: list[Notification] = []
        for _ in range(60):
            channels = chance.choice(choices)
            whose = chance.choice([*self.recipients, GUEST]) if WEBSOCKET not in channels else None
            send_at = bench.clock() + micros(chance.randint(1, 900)) if chance.random() < 0.3 else None
            recipient = whose or chance.choice(self.recipients)
            category = chance.choice(["", "order", "order.shipped", "order.shipped.late", "orders", "order-x"])
            wanted = draft(*channels, recipient=recipient, send_at=send_at, category=category)
            stored.append(bench.accept_one(wanted))
        bench.clock.advance(1000)
        bench.run(bench.store.enter_due(100))
        for kind in (EMAIL, SMS):
            for row in bench.claim(kind):
                if chance.random() < 0.7:
                    bench.record(row, chance.choice([SENT, FAILED]))
        for notification in stored:
            if chance.random() < 0.4:
                bench.run(bench.store.mark_read([notification.id]))
        self.stored = [bench.get(notification) for notification in stored]
        # The order of entry, before reading moved anything: the events tell it.
        self.entered = ids_of([event.notification for event in bench.listener.events if isinstance(event, Entered)])

    def found(self, wanted: NotificationFilter) -> list[str]:
        """Return what a filter has to find, in order."""
        matching = [notification for notification in self.stored if _matches(notification, wanted)]
        if wanted.feed_only:
            return [found for found in self.entered[::-1] if found in set(ids_of(matching))]
        return sorted(ids_of(matching), reverse=True)


def _below(category: str, wanted: str) -> bool:
    return category.startswith(wanted[:-1]) if wanted.endswith(".*") else category == wanted


def _matches(notification: Notification, wanted: NotificationFilter) -> bool:
    return (
        (wanted.recipient is None or notification.recipient == wanted.recipient)
        and (not wanted.feed_only or notification.sequence is not None)
        and (not wanted.unread_only or not notification.is_read)
        and (not wanted.unrouted_only or notification.route_by is not None)
        and (not wanted.category or _below(notification.category, wanted.category))
        and (not wanted.statuses or notification.status in wanted.statuses)
        and (not wanted.channels or any(row.channel in wanted.channels for row in notification.channels))
        and (wanted.created_after is None or notification.created_at >= wanted.created_after)
        and (wanted.created_before is None or notification.created_at < wanted.created_before)
    )


def test_the_archive_has_some_of_everything(archive: Archive) -> None:
    assert {notification.status for notification in archive.stored} == set(Status)
    assert {notification.is_read for notification in archive.stored} == {True, False}
    assert {notification.sequence is None for notification in archive.stored} == {True, False}
    assert archive.entered != sorted(archive.entered)


@pytest.mark.parametrize(
    "narrow",
    [
        {},
        {"feed_only": True},
        {"unread_only": True},
        {"feed_only": True, "unread_only": True},
        {"unrouted_only": True},
        *({"statuses": (status,)} for status in Status),
        {"statuses": (PENDING, FAILED)},
        {"statuses": tuple(Status)},
        *({"channels": (channel,)} for channel in ChannelType),
        {"channels": (SMS, WEBSOCKET), "statuses": (SENT,), "unread_only": True},
        *({"category": category} for category in ("order", "order.*", "order.shipped", "order.shipped.*", "none")),
        {"category": "order.*", "feed_only": True},
    ],
    ids=str,
)
def test_a_filter_finds_what_matches_and_only_that(archive: Archive, narrow: dict[str, Any]) -> None:
    for recipient in archive.recipients:
        wanted = NotificationFilter(recipient=recipient, **narrow)
        assert archive.bench.find(wanted) == archive.found(wanted)
    if not narrow.get("feed_only"):
        wanted = NotificationFilter(**narrow)
        assert archive.bench.find(wanted) == archive.found(wanted)


def test_times_are_inclusive_from_and_exclusive_to(archive: Archive) -> None:
    first, middle, last = (archive.stored[place].created_at for place in (0, 30, -1))
    spans = [(None, middle), (middle, last), (last, None)]
    parts = [
        archive.bench.find(NotificationFilter(created_after=after, created_before=before)) for after, before in spans
    ]
    assert [*parts[2], *parts[1], *parts[0]] == archive.found(NotificationFilter())
    assert archive.stored[30].id in parts[1]
    # A bound within a millisecond belongs to the next one.
    assert archive.bench.find(NotificationFilter(created_after=last + 1)) == []
    assert archive.bench.find(NotificationFilter(created_before=first)) == []
    assert archive.bench.find(NotificationFilter(created_before=first + 1)) != []


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """Conditions of a list; the recipient and the times are numbers of an archive's."""
    return {
        "recipient": draw(st.one_of(st.none(), st.integers(0, 1))),
        "feed_only": draw(st.booleans()),
        "unread_only": draw(st.booleans()),
        "statuses": tuple(draw(st.lists(st.sampled_from(Status), unique=True))),
        "channels": tuple(draw(st.lists(st.sampled_from(ChannelType), unique=True))),
        "created_after": draw(st.one_of(st.none(), st.integers(0, 59))),
        "created_before": draw(st.one_of(st.none(), st.integers(0, 59))),
    }


@settings(deadline=None, max_examples=120)
@given(narrow=filters(), page_size=st.integers(1, 70), arrivals=st.booleans())
def test_the_pages_of_a_list_are_together_the_whole_in_order_while_new_ones_arrive(
    archive: Archive, narrow: dict[str, Any], page_size: int, *, arrivals: bool
) -> None:
    assume(narrow["recipient"] is not None or not narrow["feed_only"])
    bench, values = archive.bench, dict(narrow)
    if values["recipient"] is not None:
        values["recipient"] = archive.recipients[values["recipient"]]
    for bound in ("created_after", "created_before"):
        if values[bound] is not None:
            values[bound] = archive.stored[values[bound]].created_at
    wanted = NotificationFilter(**values)
    expected = archive.found(wanted)
    found: list[str] = []
    before: str | None = None
    while True:
        page = bench.run(bench.store.find(wanted, before, page_size)).page
        assert len(page.notifications) == len(page.positions) <= page_size
        found += ids_of(page.notifications)
        if not page.more:
            break
        assert page.notifications
        before = page.positions[-1]
        if arrivals and len(found) == page_size:  # once: the archive keeps it
            archive.stored += bench.accept(draft(WEBSOCKET, EMAIL, recipient=wanted.recipient))
            archive.entered.append(archive.stored[-1].id)
    assert found == expected


def test_a_listed_notification_is_the_whole_of_it(archive: Archive) -> None:
    page = archive.bench.run(archive.bench.store.find(NotificationFilter(), None, 500)).page
    stored = {notification.id: notification for notification in archive.stored}
    assert [stored[notification.id] for notification in page.notifications] == page.notifications


def test_a_page_ends_when_it_holds_a_mebibyte(bench: StoreBench) -> None:
    recipient, large = user(), "é" * 32 * 1024
    stored = bench.accept(*(draft(recipient=recipient, message=large) for _ in range(20)))
    for feed_only in (False, True):
        wanted = NotificationFilter(recipient=recipient, feed_only=feed_only)
        first = bench.run(bench.store.find(wanted, None, 500)).page
        size = sum(len(notification.message.encode()) for notification in first.notifications)
        assert size <= 1024 * 1024
        assert first.more
        rest = bench.run(bench.store.find(wanted, first.positions[-1], 500)).page
        assert not rest.more
        assert ids_of([*first.notifications, *rest.notifications]) == ids_of(stored)[::-1]


def test_the_largest_notification_still_makes_a_page(bench: StoreBench) -> None:
    stored = bench.accept_one(draft(message="m" * 64 * 1024, metadata={"blob": "x" * 32_000}))
    page = bench.run(bench.store.find(NotificationFilter(), None, 500)).page
    assert page.notifications == [stored]
    assert not page.more


def test_a_list_tells_the_head_of_the_feed_of_the_recipient_it_is_for(bench: StoreBench) -> None:
    recipient = user()
    bench.accept(draft(recipient=recipient))
    for feed_only in (False, True):
        wanted = NotificationFilter(recipient=recipient, feed_only=feed_only)
        assert bench.run(bench.store.find(wanted, None, 10)).state == bench.state(recipient)
    nobody = NotificationFilter(recipient=user())
    assert bench.run(bench.store.find(nobody, None, 10)).state == FeedState(*NO_FEED, 0, 0)
    assert bench.run(bench.store.find(NotificationFilter(), None, 10)).state is None
