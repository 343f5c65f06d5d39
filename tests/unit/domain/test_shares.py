"""Places that are shared out: nobody takes them all, and the oldest of those who said nothing gives way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_server.domain.shares import Crowd, Quota, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_an_address_counts_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_quota_ends_with_its_limit_or_with_the_holders_share() -> None:
    quota = Quota(limit=3, share=2)
    assert quota.exceeded_by("ann") is None
    quota.take("ann")
    quota.take("ann")
    assert quota.exceeded_by("ann") == 2
    assert quota.exceeded_by("bob") is None
    quota.take(None)
    assert quota.exceeded_by("bob") == quota.exceeded_by(None) == 3
    quota.give_back("ann")
    assert quota.exceeded_by("ann") is None
    quota.give_back("ann")
    quota.give_back(None)
    assert (quota.taken, quota._by_holder) == (0, {})


def test_one_of_whom_nothing_is_known_has_no_share() -> None:
    quota = Quota(limit=10, share=1)
    for _ in range(10):
        assert quota.exceeded_by(None) is None
        quota.take(None)
    assert quota.exceeded_by(None) == 10


def test_the_oldest_of_an_origin_over_its_share_gives_way_and_else_the_oldest_of_all() -> None:
    crowd: Crowd[str] = Crowd(limit=4, share=2)
    assert [crowd.enter(one, origin) for one, origin in (("a", None), ("b1", "b"), ("b2", "b"))] == [None] * 3
    assert crowd.enter("b3", "b") == "b1"
    assert crowd.enter("c1", "c") is None
    assert crowd.enter("d1", "d") == "a"
    assert crowd.enter("d2", None) == "b2"
    assert [one for one in ("a", "b1", "b2", "b3", "c1", "d1", "d2") if one in crowd] == ["b3", "c1", "d1", "d2"]


def test_who_has_left_gives_way_to_nobody() -> None:
    crowd: Crowd[str] = Crowd(limit=2, share=2)
    crowd.enter("a", "x")
    crowd.enter("b", "x")
    assert crowd.leave("a")
    assert not crowd.leave("a")
    assert crowd.enter("c", "x") is None
    assert crowd.enter("d", "x") == "b"


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["x", "y", None]), st.booleans()), max_size=80))
def test_a_crowd_is_never_larger_than_its_limit_nor_an_origin_than_its_share(
    steps: list[tuple[int, str | None, bool]],
) -> None:
    crowd: Crowd[int] = Crowd(limit=5, share=2)
    inside: dict[int, str | None] = {}
    for member, origin, leaves in steps:
        if leaves or member in inside:
            assert crowd.leave(member) is (inside.pop(member, "nobody") != "nobody")
            continue
        leaving = crowd.enter(member, origin)
        if leaving is not None:
            of_origin = [one for one, where in inside.items() if where == origin]
            assert leaving == (of_origin[0] if origin is not None and len(of_origin) == 2 else next(iter(inside)))
            del inside[leaving]
        inside[member] = origin
        assert len(crowd) == len(inside) <= 5
        assert sum(where == "x" for where in inside.values()) <= 2
