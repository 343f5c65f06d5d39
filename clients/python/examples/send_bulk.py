"""Notify many, one by one, at the speed of batches."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: bulk
import os

from tocsin_client import BulkOptions, Client, InvalidArgument

with (
    Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin,
    tocsin.bulk_sender(BulkOptions(delivery_timeout=30)) as sender,
):
    sent = {
        order_id: sender.send(  # returns at once
            recipient=f"user:ext:{order_id % 100}",
            title="Your order has shipped",
            message="It arrives on Friday.",
            channels=["websocket"],
            idempotency_key=f"order-{order_id}-shipped",
        )
        for order_id in range(1_000)
    }
    stored = 0
    for order_id, future in sent.items():
        try:
            future.result()  # when it is stored
            stored += 1
        except InvalidArgument as error:  # of this one; whatever else fails is not its fault
            print(order_id, error)
    print(stored, "are stored")
# end of quote
