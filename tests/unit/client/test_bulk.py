"""What goes together, and what becomes of it: without a server, a clock or a thread."""

from __future__ import annotations

from typing import Any

import pytest
from tocsin.v1 import notification_service_pb2 as pb

from tocsin_client import Backoff, BulkOptions
from tocsin_client.bulk import Attempts, Gathering, Item
from tocsin_client.errors import (
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    TocsinError,
    Unavailable,
)

NO_JITTER = Backoff(initial=1, factor=2, cap=8, draw=lambda _, most: most)
Result: Any = object()


def item(size: int = 0, deadline: float = 100.0) -> Item[None]:
    return Item(pb.SendRequest(message="x" * size), None, deadline)


def gathering(**options: Any) -> Gathering[None]:
    return Gathering(BulkOptions(**options))


def test_nothing_is_due_while_nothing_waits() -> None:
    assert gathering().wait(0.0) is None


def test_a_batch_is_due_when_its_first_request_has_waited() -> None:
    waiting = gathering(linger=5)
    assert waiting.add(item(), now=10.0)
    assert not waiting.add(item(), now=14.0)
    assert waiting.wait(14.0) == 1.0
    assert waiting.wait(15.0) == 0.0
    assert len(waiting.take(15.0)) == 2
    assert waiting.wait(15.0) is None


def test_a_batch_is_due_when_it_is_full() -> None:
    waiting = gathering(linger=5, max_requests=2)
    assert [waiting.add(item(), 0.0) for _ in range(3)] == [True, True, False]
    assert waiting.wait(0.0) == 0.0
    assert len(waiting.take(0.0)) == 2
    assert waiting.wait(0.0) == 5.0


def test_a_batch_ends_before_it_is_too_large_and_a_request_that_is_larger_goes_alone() -> None:
    waiting = gathering(linger=5, max_bytes=1000)
    for size in (400, 400, 400, 5000, 10):
        waiting.add(item(size), 0.0)
    assert [len(waiting.take(0.0)) for _ in range(4)] == [2, 1, 1, 1]


def test_what_waits_when_it_is_hurried_goes_at_once_and_what_comes_later_waits() -> None:
    waiting = gathering(linger=5, max_requests=2)
    for _ in range(3):
        waiting.add(item(), 0.0)
    waiting.hurry()
    waiting.take(0.0)
    assert waiting.wait(0.0) == 0.0
    waiting.take(0.0)
    waiting.add(item(), 1.0)
    assert waiting.wait(1.0) == 5.0


def test_room_is_taken_until_there_is_a_result() -> None:
    waiting = gathering(max_pending=2, max_pending_bytes=1000)
    waiting.add(item(), 0.0)
    assert waiting.has_room(10)
    assert not waiting.has_room(1000)
    waiting.add(item(), 0.0)
    assert not waiting.has_room(1)
    batch = waiting.take(1.0)
    assert not waiting.has_room(1)
    waiting.resolved(batch)
    assert waiting.has_room(1)
    assert waiting.pending == 0


def test_a_request_that_is_larger_than_all_room_goes_when_it_is_alone() -> None:
    waiting = gathering(max_pending_bytes=100)
    assert waiting.has_room(1000)
    waiting.add(item(1000), 0.0)
    assert not waiting.has_room(1)


def attempts(count: int = 2, deadline: float = 100.0, **options: Any) -> Attempts[None]:
    return Attempts([item(deadline=deadline) for _ in range(count)], BulkOptions(retry=NO_JITTER, **options))


def test_each_request_has_its_own_result() -> None:
    batch = attempts(3)
    refused = InvalidArgument("no title")
    results = [settled.result for settled in batch.answered([Result, refused, Result], 0.0)]
    assert results == [Result, refused, Result]
    assert not batch.left


@pytest.mark.parametrize(
    "error", [Unavailable("u"), ResourceExhausted("r"), DeadlineExceeded("d"), Cancelled("cut off")], ids=repr
)
def test_a_batch_that_may_have_failed_by_accident_goes_again_after_growing_waits(error: TocsinError) -> None:
    batch = attempts()
    whole = list(batch.left)
    for delay in (1.0, 2.0, 4.0):
        assert batch.failed(error, 0.0) == []
        assert batch.left == whole
        assert batch.delay == delay


@pytest.mark.parametrize("error", [PermissionDenied("p"), Internal("i"), Cancelled("c", reason="X"), OSError("token")])
def test_a_batch_that_would_fail_again_fails(error: Exception) -> None:
    batch = attempts()
    assert [settled.result for settled in batch.failed(error, 0.0)] == [error, error]
    assert not batch.left


def test_only_what_the_server_could_not_take_goes_again() -> None:
    batch = attempts(3)
    second = batch.left[1]
    settled = batch.answered([Result, Unavailable("u", retry_after=3.0), Result], 0.0)
    assert [one.result for one in settled] == [Result, Result]
    assert batch.left == [second]
    assert batch.delay == 4.0


def test_a_policys_limit_is_not_waited_for() -> None:
    limit = ResourceExhausted("of a day", reason="POLICY_LIMIT", retry_after=1.0)
    batch = attempts(2)
    assert [settled.result for settled in batch.answered([Result, limit], 0.0)] == [Result, limit]
    assert [settled.result for settled in attempts(1).failed(limit, 0.0)] == [limit]


def test_a_wait_that_reaches_past_the_time_of_a_request_is_not_begun() -> None:
    batch = Attempts([item(deadline=2.5), item(deadline=100)], BulkOptions(retry=NO_JITTER))
    early, late = batch.left
    error = Unavailable("u", retry_after=1.0)
    assert batch.failed(error, 1.0) == [(early, error)]
    assert batch.left == [late]


def test_an_attempt_takes_no_longer_than_the_last_request_has() -> None:
    batch = attempts(deadline=12.0, attempt_timeout=10)
    assert batch.timeout(0.0) == 10.0
    assert batch.timeout(9.0) == 3.0
    assert batch.timeout(99.0) == 0.0


def test_an_answer_with_another_number_of_results_is_a_fault() -> None:
    [first, second] = attempts(2).answered([Result], 0.0)
    assert isinstance(first.result, Internal)
    assert isinstance(second.result, Internal)


@pytest.mark.parametrize(
    ("name", "value"), [("linger", -1), ("max_requests", 0), ("max_requests", 1001), ("in_flight", 0)]
)
def test_an_option_out_of_its_range_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}, but must be from"):
        BulkOptions(**{name: value})  # type: ignore[arg-type]
