"""How many files this process may open."""

from __future__ import annotations

import resource

import pytest

from tocsin_server.process.open_files import raise_open_files


@pytest.mark.parametrize(
    ("soft", "hard", "raised_to", "returned"),
    [
        (1_024, 20_000, 11_100, 11_100),
        (1_024, 4_096, 4_096, 4_096),
        (1_024, 1_024, None, 1_024),
        (1_024, resource.RLIM_INFINITY, 11_100, 11_100),
        (65_536, 65_536, None, 65_536),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, 11_100),
    ],
)
def test_the_limit_is_raised_as_far_as_needed_and_possible(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised_to: int | None, returned: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, found: limits.append(found))
    assert raise_open_files(11_100) == returned
    assert limits[1:] == ([] if raised_to is None else [(raised_to, hard)])
