"""What a stream is told, and how much of it waits: in number, in bytes, and for all streams together."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.drafts import notification, user
from tocsin_server.domain.model import Entered, FeedPosition, MarkedRead
from tocsin_server.domain.shares import Room
from tocsin_server.feed import mailbox as mailbox_module
from tocsin_server.feed.items import Changed, LiveItem, ReadChanged
from tocsin_server.feed.mailbox import (
    CLOSING,
    DUE,
    MOST_BYTES,
    TOO_SLOW,
    CheckWithin,
    Mailbox,
    Reached,
)

EPOCH = 7


def live(sequence: int, message: str = "It arrives on Friday.") -> LiveItem:
    entered = notification(sequence=sequence, message=message)
    return LiveItem(Entered(user(), EPOCH, sequence, sequence, 1, entered))


def mailbox(limit: int = 100, room: Room | None = None) -> Mailbox:
    return Mailbox(limit, room or Room(64 * 1024 * 1024), asyncio.get_running_loop())


def at(sequence: int, epoch: int = EPOCH) -> FeedPosition:
    return FeedPosition(epoch, sequence)


async def test_entries_come_in_their_order() -> None:
    box, one, two = mailbox(), live(1), live(2)
    box.put(one)
    box.check_within(3.0)
    box.put(two)
    assert [box.take() for _ in range(4)] == [one, CheckWithin(3.0), two, None]


async def test_of_several_positions_only_the_newest_is_kept_and_what_comes_with_it_goes_first() -> None:
    box, change = mailbox(), live(3)
    for sequence in (1, 3, 2):
        box.reached(at(sequence))
    box.put(change)
    assert box.take() is change
    reached = box.take()
    assert isinstance(reached, Reached)
    assert reached.position == at(3)
    assert box.take() is None
    box.reached(at(1))
    box.reached(at(9, epoch=2))
    reached = box.take()
    assert isinstance(reached, Reached)
    assert reached.position == at(9, epoch=2)


async def test_a_future_is_done_by_the_first_entry() -> None:
    box = mailbox()
    waiting = box.wait()
    assert not waiting.done()
    box.check_within(1.0)
    assert waiting.done()
    cancelled = mailbox()
    cancelled.wait().cancel()
    cancelled.put(live(1))
    assert cancelled.take() is not None


async def test_changes_beyond_the_limit_end_the_stream_before_what_waits() -> None:
    room = Room(64 * 1024 * 1024)
    before = room.left
    box = mailbox(3, room)
    for sequence in range(1, 5):
        box.put(live(sequence))
    assert room.left == before, "what nobody will take waits no longer"
    assert [box.take(), box.take()] == [TOO_SLOW, None]
    box.put(live(5))
    box.reached(at(6))
    box.close()
    assert box.take() is None


async def test_a_stream_that_is_always_a_little_behind_is_not_too_slow() -> None:
    box = mailbox(3)
    box.put(live(0))
    for sequence in range(1, 100):
        box.put(live(sequence))
        assert isinstance(box.take(), LiveItem)


async def test_the_end_of_the_server_goes_before_what_waits() -> None:
    box = mailbox()
    box.put(live(1))
    box.close()
    box.close()
    assert [box.take(), box.take()] == [CLOSING, None]


# -- bytes ---------------------------------------------------------------------------------------

LARGE = "x" * 60_000
SMALL = 1024 * 1024


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a mailbox hold a sixteenth of what it usually does, so that a test need not fill it."""
    monkeypatch.setattr(mailbox_module, "MOST_BYTES", SMALL)


@pytest.mark.usefixtures("small")
async def test_more_bytes_than_a_mailbox_holds_leave_a_position_behind_and_nothing_is_lost() -> None:
    box = mailbox()
    for sequence in range(1, 51):
        box.put(live(sequence, LARGE))
    kept = 0
    while isinstance(entry := box.take(), LiveItem):
        kept += 1
    assert 1 < kept <= SMALL // len(LARGE)
    assert isinstance(entry, Reached)
    assert entry.position == at(50)
    assert box.take() is None
    assert box._bytes == 0


@pytest.mark.usefixtures("small")
async def test_what_found_no_room_counts_as_behind() -> None:
    box = mailbox(30)
    for sequence in range(1, 31):
        box.put(live(sequence, LARGE))
    assert isinstance(box.take(), LiveItem)
    box.put(live(31, LARGE))
    box.put(live(32, LARGE))
    assert box.take() is TOO_SLOW


@pytest.mark.usefixtures("small")
async def test_whoever_has_read_again_is_no_longer_behind() -> None:
    box = mailbox(30)
    for first in (1, 31, 61):
        for sequence in range(first, first + 30):
            box.put(live(sequence, LARGE))
        while not isinstance(box.take(), Reached):
            pass


@pytest.mark.usefixtures("small")
async def test_a_change_too_many_is_read_after_what_waits_before_it_even_if_more_follow() -> None:
    box = mailbox()
    for sequence in range(1, 30):
        box.put(live(sequence, LARGE))
    while isinstance(box.take(), LiveItem) and box._changes:
        pass
    box.put(live(30))
    assert isinstance(box.take(), Reached)


async def test_all_mailboxes_share_the_room_and_each_can_hold_one_change() -> None:
    room = Room(200_000)
    boxes = [mailbox(room=room) for _ in range(10)]
    for sequence in (1, 2):
        for box in boxes:
            box.put(live(sequence, LARGE))
    entries = [[box.take(), box.take()] for box in boxes]
    assert all(isinstance(first, LiveItem) for first, _ in entries)
    assert all(isinstance(second, Reached) for _, second in entries)
    assert room.left == 200_000
    for box in boxes:
        box.put(live(3, LARGE))
        box.discard()
        box.discard()
    assert room.left == 200_000


async def test_a_change_that_waits_in_several_mailboxes_takes_room_once() -> None:
    room = Room(200_000)
    one, other = mailbox(room=room), mailbox(room=room)
    change = live(1, LARGE)
    one.put(change)
    other.put(change)
    assert room.left == 200_000 - change.weight
    assert one.take() is change
    assert room.left == 200_000 - change.weight
    other.discard()
    assert room.left == 200_000


@given(st.lists(st.sampled_from("pPrtcd"), max_size=200))
def test_whatever_happens_the_room_is_given_back(steps: list[str]) -> None:
    async def scenario() -> None:
        room = Room(1_000_000)
        box = mailbox(20, room)
        for sequence, step in enumerate(steps):
            match step:
                case "p":
                    box.put(live(sequence))
                case "P":
                    box.put(live(sequence, LARGE))
                case "r":
                    box.reached(at(sequence))
                case "c":
                    box.check_within(1.0)
                case _:
                    box.take()
            assert 0 <= box._bytes <= MOST_BYTES
            assert room.left == 1_000_000 - box._bytes
        box.discard()
        assert room.left == 1_000_000

    asyncio.run(scenario())


# -- alarms --------------------------------------------------------------------------------------


async def test_an_alarm_rings_once_and_the_earliest_counts() -> None:
    box = mailbox()
    box.ring_within(3600.0)
    box.ring_within(0.0)
    box.ring_within(3600.0)
    await box.wait()
    assert [box.take(), box.take()] == [DUE, None]
    box.ring_within(3600.0)
    box.discard()
    assert box._alarm is None


def test_a_live_item_knows_what_it_weighs() -> None:
    small, large = live(1), live(2, LARGE)
    assert large.weight - small.weight > 59_000
    assert isinstance(small.item, Changed)
    entered = notification(sequence=1, metadata={"deep": [{}] * 5_000})
    assert LiveItem(Entered(user(), EPOCH, 1, 1, 1, entered)).weight > 80_000
    read = LiveItem(MarkedRead(user(), EPOCH, 1, 500, 0, ["n"] * 500, 1))
    assert isinstance(read.item, ReadChanged)
    assert 40_000 < read.weight < 60_000
