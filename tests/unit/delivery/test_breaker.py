"""When a provider is kept out, and when it is tried again."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tocsin_server.delivery.breaker import FAILURES_TO_OPEN, PAUSES, Breaker

FIRST_PAUSE, LONGEST_PAUSE = PAUSES.first, PAUSES.longest


def _opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.wait(at) == 0
        breaker.failed(at)
    return breaker


def test_a_new_breaker_lets_everything_pass() -> None:
    breaker = Breaker()
    assert [breaker.wait(1000.0) for _ in range(100)] == [0.0] * 100


def test_it_opens_after_faults_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(10.0)
    assert breaker.wait(10.0) == 0
    breaker.failed(10.0)
    assert breaker.wait(10.0) == FIRST_PAUSE
    assert breaker.wait(12.0) == FIRST_PAUSE - 2


def test_a_good_answer_between_faults_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES_TO_OPEN - 1):
            breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.wait(0.0) == 0


def test_after_the_pause_one_attempt_passes_as_a_probe() -> None:
    breaker = _opened()
    assert breaker.wait(FIRST_PAUSE) == 0
    assert breaker.wait(FIRST_PAUSE) > 0
    assert breaker.wait(FIRST_PAUSE + 1) > 0


def test_asking_when_an_attempt_may_pass_lets_none_pass() -> None:
    breaker = Breaker()
    assert (breaker.tripped, breaker.kept_out(0.0)) == (False, 0.0)
    breaker = _opened()
    assert (breaker.tripped, breaker.kept_out(2.0)) == (True, FIRST_PAUSE - 2)
    assert [breaker.kept_out(FIRST_PAUSE) for _ in range(3)] == [0.0] * 3
    assert breaker.wait(FIRST_PAUSE) == 0
    assert breaker.kept_out(FIRST_PAUSE) > 0


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = _opened()
    assert breaker.wait(FIRST_PAUSE) == 0
    breaker.succeeded()
    assert [breaker.wait(FIRST_PAUSE) for _ in range(3)] == [0, 0, 0]
    assert breaker == Breaker()


def test_a_probe_that_fails_doubles_the_pause_up_to_a_limit() -> None:
    breaker, now, pauses = _opened(), 0.0, []
    for _ in range(7):
        pause = breaker.wait(now)
        pauses.append(pause)
        now += pause
        assert breaker.wait(now) == 0
        breaker.failed(now)
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert pauses[0] == FIRST_PAUSE
    assert pauses[-1] == LONGEST_PAUSE


def test_a_probe_that_tells_nothing_makes_room_for_another() -> None:
    breaker = _opened()
    assert breaker.wait(FIRST_PAUSE) == 0
    breaker.abandoned()
    assert breaker.wait(FIRST_PAUSE) == 0


def test_faults_of_attempts_that_were_under_way_do_not_lengthen_the_pause() -> None:
    breaker = _opened(at=100.0)
    for late in range(20):
        breaker.failed(100.0 + late / 10)
    assert breaker.wait(102.0) == FIRST_PAUSE - 2


def test_a_late_success_closes_it_and_the_next_outage_pauses_anew() -> None:
    breaker = _opened(at=100.0)
    breaker.succeeded()
    assert breaker.wait(101.0) == 0
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(101.0)
    assert breaker.wait(101.0) == FIRST_PAUSE


class Provider(RuleBasedStateMachine):
    """A provider behind a breaker, with attempts that end in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = 0.0
        self.under_way = 0
        self.faults_in_a_row = 0
        self.untold = 0
        """Attempts that have passed since the last one that ended."""

    @rule()
    def attempt(self) -> None:
        wait = self.breaker.wait(self.now)
        assert 0 <= wait <= LONGEST_PAUSE
        assert wait == 0 or self.faults_in_a_row >= FAILURES_TO_OPEN
        if wait == 0:
            self.under_way += 1
            self.untold += 1
        # While it is open a probe may pass, and no other until one has told something.
        assert self.faults_in_a_row < FAILURES_TO_OPEN or self.untold <= 1

    @precondition(lambda self: self.under_way)
    @rule()
    def succeed(self) -> None:
        self._end(faults_in_a_row=0)
        self.breaker.succeeded()

    @precondition(lambda self: self.under_way)
    @rule()
    def fail(self) -> None:
        self._end(faults_in_a_row=self.faults_in_a_row + 1)
        self.breaker.failed(self.now)

    @precondition(lambda self: self.under_way)
    @rule()
    def abandon(self) -> None:
        self._end(faults_in_a_row=self.faults_in_a_row)
        self.breaker.abandoned()

    @rule(seconds=st.sampled_from([0.5, FIRST_PAUSE, LONGEST_PAUSE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def _end(self, *, faults_in_a_row: int) -> None:
        self.under_way -= 1
        self.untold = 0
        self.faults_in_a_row = faults_in_a_row

    def teardown(self) -> None:
        # However it went, a provider that was left alone long enough gets a chance once no probe is under way.
        self.breaker.abandoned()
        assert self.breaker.wait(self.now + LONGEST_PAUSE) == 0


def test_whatever_happens_a_provider_is_neither_flooded_nor_forgotten() -> None:
    run_state_machine_as_test(Provider, settings=settings(deadline=None, max_examples=100))
