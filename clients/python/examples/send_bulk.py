"""Notify many, one by one, at the speed of batches."""

# quote: bulk
import os

from tocsin_client import Client, TocsinError

with (
    Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin,
    tocsin.bulk_sender() as sender,
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
    for order_id, future in sent.items():
        try:
            future.result()  # when it is stored
        except TocsinError as error:
            print(order_id, error)
    print(len(sent), "are stored")
# end of quote
