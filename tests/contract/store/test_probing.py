"""Asking whether the database answers changes nothing."""

from __future__ import annotations

import asyncio

import pytest

from helpers.drafts import draft
from helpers.store import StoreBench


@pytest.mark.parametrize("writing", [False, True])
def test_a_database_that_is_well_says_so_and_is_not_changed(bench: StoreBench, *, writing: bool) -> None:
    async def ask() -> None:
        [stored] = await bench.store.accept([draft()])
        await asyncio.gather(*(bench.store.probe(writing=writing) for _ in range(3)))
        assert not bench.store.away
        assert [stored.notification] == [await bench.store.get(stored.notification.id)]  # type: ignore[union-attr]

    asyncio.run(ask())
