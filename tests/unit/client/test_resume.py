"""What happens after a failure: backoff, attempts of a call, the streams of a subscription. All pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1 import notification_service_pb2 as service_pb

from helpers.scripted_server import USER_ID, arrived, heartbeat, read_changed, subscribed
from tocsin_client import (
    Backoff,
    Cancelled,
    NotificationEvent,
    ReadChanged,
    Subscribed,
    TocsinError,
    Unavailable,
    errors,
)
from tocsin_client.backoff import Attempts
from tocsin_client.resume import EARLY_ATTEMPTS, STREAM_BACKOFF, Resumption, ended, fell_silent


def longest(_low: float, high: float) -> float:
    return high


def resumption(cursor: str = "", *, renewable: bool = False, attempts: int | None = None) -> Resumption:
    backoff = Backoff(initial=1, factor=2, cap=8, attempts=attempts, draw=longest)
    return Resumption(("user", USER_ID), cursor, backoff, renewable=renewable)


# -- backoff ---------------------------------------------------------------------------------------


def test_the_bound_of_the_wait_doubles_up_to_its_cap() -> None:
    backoff = Backoff(initial=0.5, factor=2, cap=3, draw=longest)
    assert [backoff.delay(failures) for failures in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 3, 3]


@given(st.integers(1, 100_000), st.floats(0, 3600))
def test_the_wait_is_anything_between_what_the_server_asks_for_and_the_bound(failures: int, asked: float) -> None:
    delay = Backoff(initial=0.1, cap=2).delay(failures, asked)
    assert delay is not None
    assert asked <= delay <= asked + 2


def test_after_its_last_attempt_it_gives_up() -> None:
    backoff = Backoff(attempts=3)
    assert backoff.delay(2) is not None
    assert backoff.delay(3) is None


# -- the attempts of one call ----------------------------------------------------------------------


def test_a_call_is_repeated_while_its_deadline_allows_and_no_longer() -> None:
    attempts = Attempts(Backoff(initial=4, factor=2, cap=100, draw=longest), deadline=10, now=100)
    assert attempts.remaining(now=101) == 9
    assert attempts.delay_after(Unavailable("away"), now=101) == 4
    assert attempts.remaining(now=105) == 5
    # The next wait would take 8 of the 5 seconds that are left.
    assert attempts.delay_after(Unavailable("away"), now=105) is None
    assert attempts.remaining(now=111) == 0


def test_a_call_is_not_repeated_when_the_server_asks_for_more_time_than_there_is() -> None:
    attempts = Attempts(Backoff(initial=0), deadline=10, now=0)
    assert attempts.delay_after(Unavailable("away", retry_after=9), now=0) == 9
    assert attempts.delay_after(Unavailable("away", retry_after=11), now=0) is None


def test_a_call_that_was_cut_off_on_its_way_is_repeated() -> None:
    attempts = Attempts(Backoff(initial=0), deadline=10, now=0)
    assert attempts.delay_after(Cancelled("CANCELLED"), now=0) == 0
    assert attempts.delay_after(Cancelled("by a server", reason="SOME_REASON"), now=0) is None


@pytest.mark.parametrize(
    "kind", [kind for kind in TocsinError.__subclasses__() if kind not in (Unavailable, Cancelled)]
)
def test_a_call_is_repeated_for_no_other_code(kind: type[TocsinError]) -> None:
    assert Attempts(Backoff(initial=0), deadline=10, now=0).delay_after(kind("no"), now=0) is None


# -- the streams of one subscription ---------------------------------------------------------------


def test_the_first_stream_starts_where_the_caller_says() -> None:
    request = resumption("c7").request()
    assert (request.cursor, request.recipient.id) == ("c7", USER_ID)


def test_every_message_moves_the_position_and_heartbeats_are_not_handed_out() -> None:
    state = resumption()
    handed_out = []
    for message in (subscribed("c0"), arrived("c1"), read_changed("c2", "a", "b"), heartbeat("c3")):
        event = state.received(message)
        handed_out.append(type(event))
        assert state.request().cursor == message.cursor
    assert handed_out == [Subscribed, NotificationEvent, ReadChanged, type(None)]


def test_a_message_without_a_cursor_leaves_the_position() -> None:
    state = resumption("c7")
    state.received(service_pb.SubscribeResponse())
    assert state.cursor == "c7"


def test_waits_grow_from_failure_to_failure_and_start_again_after_an_event() -> None:
    state = resumption()
    assert [state.interrupted(Unavailable("away")) for _ in range(5)] == [1, 2, 4, 8, 8]
    state.received(heartbeat("c1"))
    assert state.interrupted(Unavailable("away")) == 1


def test_a_stream_that_only_starts_does_not_make_the_waits_start_again() -> None:
    state = resumption()
    assert state.interrupted(Unavailable("away")) == 1
    state.received(subscribed("c0"))
    assert state.interrupted(Unavailable("away")) == 2


def test_the_servers_wish_is_the_least_to_wait() -> None:
    assert resumption().interrupted(errors.ResourceExhausted("slow down", reason="RATE_LIMITED", retry_after=5)) == 6


@pytest.mark.parametrize(
    "error",
    [
        errors.Unavailable("bye", reason="SHUTTING_DOWN"),
        errors.Unavailable("bye", reason="STREAM_AGED"),
        errors.ResourceExhausted("slow", reason="SUBSCRIBER_TOO_SLOW"),
        errors.Unavailable("connection reset"),
        errors.ResourceExhausted("a proxy's limit"),
        errors.Cancelled("RST_STREAM"),
        errors.Internal("RST_STREAM"),
        errors.Unknown("stream removed"),
        errors.DeadlineExceeded("a proxy's patience"),
        errors.Aborted("a proxy"),
        ended(),
        fell_silent(60),
    ],
    ids=repr,
)
def test_a_stream_that_was_cut_off_is_followed_by_another(error: TocsinError) -> None:
    assert resumption().interrupted(error) >= 1


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidArgument("bad", reason="MALFORMED_CURSOR"),
        errors.Unauthenticated("who?", reason="UNAUTHENTICATED"),
        errors.Unauthenticated("late", reason="TOKEN_EXPIRED"),
        errors.PermissionDenied("no", reason="PERMISSION_DENIED"),
        errors.NotFound("gone"),
        errors.FailedPrecondition("no"),
        errors.Unimplemented("no"),
        errors.Internal("a fault of the server's", reason="INTERNAL"),
        errors.DataLoss("gone"),
    ],
    ids=repr,
)
def test_what_would_happen_again_is_raised(error: TocsinError) -> None:
    with pytest.raises(type(error)) as caught:
        resumption().interrupted(error)
    assert caught.value is error


def test_an_expired_token_is_worth_one_more_stream_if_a_new_one_can_be_had() -> None:
    state = resumption(renewable=True)
    expired = errors.Unauthenticated("late", reason="TOKEN_EXPIRED")
    state.interrupted(expired)
    with pytest.raises(errors.Unauthenticated):
        state.interrupted(expired)


def test_a_token_that_worked_may_expire_again() -> None:
    state = resumption(renewable=True)
    for _ in range(3):
        state.interrupted(errors.Unauthenticated("late", reason="TOKEN_EXPIRED"))
        state.received(subscribed("c1"))


def test_a_token_whose_time_has_not_come_is_tried_again_for_a_while() -> None:
    early = errors.Unauthenticated("early", reason="UNAUTHENTICATED", metadata={"valid_from": "2026-03-01T12:00:00Z"})
    state = resumption()
    for _ in range(20):
        state.interrupted(Unavailable("away"))  # which is another matter
    for _ in range(EARLY_ATTEMPTS - 1):
        assert state.interrupted(early) > 0
    with pytest.raises(errors.Unauthenticated):
        state.interrupted(early)
    state.received(subscribed("c1"))
    assert state.interrupted(early) > 0


def test_a_subscription_with_a_limit_of_attempts_raises_the_last_error() -> None:
    state = resumption(attempts=2)
    state.interrupted(Unavailable("one"))
    with pytest.raises(Unavailable, match="two"):
        state.interrupted(Unavailable("two"))


def test_a_subscription_goes_on_for_ever_by_default() -> None:
    assert STREAM_BACKOFF.attempts is None
