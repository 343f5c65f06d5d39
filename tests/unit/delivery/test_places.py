"""Who gets a lane's places."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tocsin_server.delivery.places import Places


def opened(count: int) -> Places:
    places = Places(count)
    places.open()
    return places


def test_new_rows_find_places_until_there_are_none() -> None:
    places = opened(2)
    assert [places.reserve() for _ in range(3)] == [True, True, False]
    places.give_back()
    assert [places.reserve() for _ in range(2)] == [True, False]


def test_new_rows_find_no_place_before_the_start_and_after_the_end() -> None:
    places = Places(2)
    assert not places.reserve()
    places.open()
    places.close()
    places.close()
    assert not places.reserve()
    assert places.take() == 2  # a claim under way may still use them


def test_a_claim_takes_what_is_free_and_no_more_than_it_asks_for() -> None:
    places = opened(5)
    places.reserve()
    assert (places.take(3), places.take(), places.take()) == (3, 1, 0)


def test_new_rows_queue_behind_what_is_due_already() -> None:
    places = opened(2)
    places.queue_behind()
    assert places.backlog
    assert not places.reserve()
    places.caught_up()
    assert places.reserve()


def test_a_claim_is_worth_while_once_half_the_places_are_free_and_more_is_due() -> None:
    places = opened(4)
    assert places.take() == 4
    assert [places.give_back() for _ in range(2)] == [False, False]  # nothing else is due
    assert places.take() == 2
    places.queue_behind()
    assert [places.give_back() for _ in range(3)] == [False, True, True]


def test_no_place_is_given_twice_however_many_ask() -> None:
    places = opened(500)
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda _: places.reserve(), range(2000)))
    assert given.count(True) == 500
