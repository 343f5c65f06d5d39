"""Who may have a place at the bridge: strangers give way to one another, and take none from those who are known."""

from __future__ import annotations

import pytest

from tocsin_client import ResourceExhausted
from tocsin_server.bridge.admission import Admission, Limits, Visitor


class Door:
    """Lets visitors in, and notes who had to go."""

    def __init__(self, **limits: int) -> None:
        self.admission = Admission(Limits(**limits))
        self.turned_out: list[int] = []
        self._count = 0

    def come(self, origin: str | None = None) -> Visitor:
        number = self._count
        self._count += 1
        visitor = Visitor(self.admission, lambda: self.turned_out.append(number))
        visitor.came_from(origin)
        return visitor


def test_the_stranger_who_has_been_silent_longest_gives_way() -> None:
    door = Door(strangers=3)
    first, *_ = [door.come() for _ in range(3)]
    first.spoke()
    for _ in range(3):
        door.come()
    assert door.turned_out == [1, 2]
    assert door.admission.turned_out == 2


def test_an_address_takes_a_part_of_the_strangers_places_only() -> None:
    door = Door(strangers=8)
    door.come("other")
    for _ in range(5):
        door.come("loud")
    assert door.turned_out == [1, 2, 3]
    assert len(door.admission.strangers) == 3


def test_a_visitor_counts_for_whom_a_proxy_says_it_is() -> None:
    door = Door(strangers=8)
    for _ in range(6):
        door.come(None).came_from("loud")
    assert door.turned_out == [0, 1, 2, 3]


def test_those_who_have_spoken_give_way_to_nobody_and_the_newcomer_is_refused() -> None:
    door = Door(sockets=2)
    one, two, three = door.come(), door.come(), door.come()
    one.spoke()
    two.spoke()
    with pytest.raises(ResourceExhausted, match="2 sockets"):
        three.spoke()
    three.left()
    one.left()
    door.come().spoke()
    assert door.turned_out == []


def test_an_address_has_a_part_of_the_sockets_only() -> None:
    door = Door(sockets=4)
    for _ in range(2):
        door.come("office").spoke()
    with pytest.raises(ResourceExhausted, match="your network has 2 sockets"):
        door.come("office").spoke()
    door.come("home").spoke()
    door.come(None).spoke()


def test_the_unconfirmed_have_a_limit_of_their_own() -> None:
    door = Door(unconfirmed=2)
    one, two = door.come(), door.come()
    one.spoke()
    two.spoke()
    with pytest.raises(ResourceExhausted):
        door.come().spoke()
    one.confirmed()
    one.confirmed()
    door.come().spoke()
    assert door.admission.unconfirmed.taken == 2


def test_whoever_leaves_gives_back_all_places() -> None:
    door = Door()
    silent, asking, confirmed = (door.come("x") for _ in range(3))
    asking.spoke()
    confirmed.spoke()
    confirmed.confirmed()
    for one in (silent, asking, confirmed):
        one.left()
    admission = door.admission
    assert (len(admission.strangers), admission.sockets.taken, admission.unconfirmed.taken) == (0, 0, 0)


@pytest.mark.parametrize(
    ("open_files", "sockets", "strangers"), [(12_000, 10_000, 2_000), (4_000, 3_000, 1_000), (924, 693, 231), (1, 1, 1)]
)
def test_the_limits_fit_into_the_files_that_may_be_open(open_files: int, sockets: int, strangers: int) -> None:
    found = Limits().within(open_files)
    assert (found.sockets, found.strangers) == (sockets, strangers)
