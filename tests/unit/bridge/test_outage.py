"""What the log says of a server that is not reached."""

from __future__ import annotations

import logging
import socket

import pytest

from helpers.waiting import eventually
from tocsin_client.reach import Cause, Unreachable
from tocsin_server.bridge.outage import Outage, sentence


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence(cause: Cause) -> None:
    assert sentence("tocsin.internal:50051", Unreachable(cause, "detail")).startswith(
        "the server at tocsin.internal:50051 is not reached: "
    )


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        outage = Outage(address, None)
        outage.note(well=True)
        for _ in range(3):
            outage.note(well=False)
        eventually(lambda: caplog.messages)
    outage.note(well=True)
    outage.note(well=True)
    assert caplog.messages == [
        f"the server at {address} is not reached: Connection refused",
        "the server is reached again",
    ]
