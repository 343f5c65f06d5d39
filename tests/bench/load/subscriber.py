"""A subscriber of one feed, which reads what comes, or never reads.

Run as ``python -m bench.load.subscriber ADDRESS RECIPIENT reads|never``. When its stream ends it opens another.
"""

from __future__ import annotations

import sys

from tocsin.v1 import notification_pb2
from tocsin.v1 import notification_service_pb2 as pb

from bench.load.http2 import LARGEST_WINDOW, Client, open_streams
from bench.processes import end_with_parent, say

SUBSCRIBE = "/tocsin.v1.NotificationService/Subscribe"

NARROW = 16_384
"""Bytes that the server can send to one that never reads: some twenty events."""


def main(address: str, recipient: str, *, reads: bool) -> None:
    """Follow the feed until the parent is gone."""
    request = pb.SubscribeRequest(
        recipient=notification_pb2.Recipient(type=notification_pb2.RECIPIENT_TYPE_USER, id=recipient)
    ).SerializeToString()
    client = Client(address, 1, window=LARGEST_WINDOW if reads else NARROW, replenish=reads)
    said = False

    def on_message(message: bytes, at: float, number: int) -> None:
        nonlocal said
        if not said:
            said = True
            say()

    while True:
        if not client.connections[0].open_calls:
            open_streams(client, SUBSCRIBE, [request], on_message)
        client.poll(1.0)


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1], sys.argv[2], reads=sys.argv[3] == "reads")
