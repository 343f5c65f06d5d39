"""Notify many: up to a thousand in one call and one commit."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: batch
import os

from tocsin_client import Accepted, Client, Draft

ORDERS = {
    "ABC124": "0190a5d0-0000-7000-8000-000000000001",
    "ABC125": "0190a5d0-0000-7000-8000-000000000002",
}

drafts = [
    Draft(
        recipient=("user", user_id),
        title="Your order has shipped",
        message="It arrives on Friday.",
        channels=["websocket"],
        idempotency_key=f"order-{order_id}-shipped",
    )
    for order_id, user_id in ORDERS.items()
]
with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin:
    for draft, result in zip(drafts, tocsin.send_batch(drafts), strict=True):
        print(draft.idempotency_key, result.notification.id if isinstance(result, Accepted) else result)
# end of quote
