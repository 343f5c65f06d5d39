"""A provider's name with several addresses: the first that answers is used, and none takes the time of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from helpers.addresses import ANSWERING, HANGING, hanging, loops_that_resolve
from helpers.benches import open_remote
from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind

LOOPS = ["asyncio", "uvloop"]


def send(loop: Callable[[], asyncio.AbstractEventLoop], channel: str, *, timeout: float, host: str) -> Outcome:
    """Send a message to a provider whose name is ``host``, where the port of the hanging address is the real one's."""

    async def main(bench: Any) -> Outcome:
        sender = bench.sender(timeout=timeout)
        try:
            outcome: Outcome = await sender.send(Attempt(bench.message()))
            return outcome
        finally:
            await sender.close()

    with open_remote(channel) as bench:
        parts = urlsplit(bench.url)
        bench.url = bench.url.replace(str(parts.hostname), host)
        with hanging(int(parts.port or 0)), asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(main(bench))


@pytest.mark.parametrize("channel", ["email", "sms", "telegram"])
@pytest.mark.parametrize("loop", [0, 1], ids=LOOPS)
def test_an_address_that_hangs_leaves_the_message_to_the_next(channel: str, loop: int) -> None:
    factory = loops_that_resolve(provider=[HANGING, ANSWERING])[loop]
    outcome = send(factory, channel, timeout=30.0, host="provider.test")
    assert outcome.kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("channel", ["email", "sms", "telegram"])
@pytest.mark.parametrize("loop", [0, 1], ids=LOOPS)
def test_addresses_that_all_hang_are_given_up_together(channel: str, loop: int) -> None:
    factory = loops_that_resolve(provider=[HANGING, HANGING, HANGING])[loop]
    outcome = send(factory, channel, timeout=0.5, host="provider.test")
    assert (outcome.kind, outcome.provider_fault) == (OutcomeKind.TRANSIENT, True)
    assert "Timeout" in outcome.code
