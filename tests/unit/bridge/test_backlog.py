"""What waits for browsers: when it is too much for all, the one for which something has waited longest goes."""

from __future__ import annotations

from tocsin_server.bridge.backlog import Backlog


class Socket:
    def __init__(self) -> None:
        self.ended = False

    def too_slow(self) -> None:
        self.ended = True


def test_the_slowest_goes_when_there_is_too_much() -> None:
    backlog = Backlog(100)
    slow, quick, late = Socket(), Socket(), Socket()
    backlog.add(slow, 40)
    backlog.add(quick, 40)
    backlog.add(slow, 20)
    backlog.remove(quick, 40)
    backlog.add(late, 40)
    assert not slow.ended
    backlog.add(quick, 1)
    assert (slow.ended, quick.ended, late.ended) == (True, False, False)
    assert backlog._left == 100 - 41
    backlog.remove(slow, 20)
    backlog.forget(slow)
    backlog.forget(late)
    backlog.forget(late)
    backlog.remove(quick, 1)
    assert backlog._left == 100


def test_as_many_go_as_have_to_and_the_last_one_may_be_whoever_asks() -> None:
    backlog = Backlog(100)
    sockets = [Socket() for _ in range(5)]
    for socket in sockets:
        backlog.add(socket, 20)
    backlog.add(sockets[4], 50)
    assert [socket.ended for socket in sockets] == [True, True, True, False, False]
    backlog.add(sockets[4], 1_000)
    assert [socket.ended for socket in sockets] == [True] * 5
    assert backlog._left == 100


def test_what_is_partly_written_keeps_its_place() -> None:
    backlog = Backlog(100)
    first, second = Socket(), Socket()
    backlog.add(first, 60)
    backlog.add(second, 20)
    backlog.remove(first, 50)
    backlog.add(second, 71)
    assert (first.ended, second.ended) == (True, False)
