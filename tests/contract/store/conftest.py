"""What the tests of every store share: an empty one on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.store import BACKENDS, StoreBench


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreBench]:
    """An empty store."""
    with StoreBench(BACKENDS[request.param](tmp_path)) as bench:
        yield bench


@pytest.fixture(scope="module", params=BACKENDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreBench]:
    """A store that the examples of property tests share, each with recipients and keys of its own."""
    with StoreBench(BACKENDS[request.param](tmp_path_factory.mktemp("shared"))) as bench:
        yield bench
