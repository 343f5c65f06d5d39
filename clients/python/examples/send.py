"""Notify somebody: an entry in their feed and an e-mail."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: send
import os

from tocsin_client import Client, TocsinError

with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin:
    sent = tocsin.send(
        recipient=("user", "0190a5d0-0000-7000-8000-000000000001"),
        title="Your order has shipped",
        message="It arrives on Friday.",
        channels=["websocket", ("email", "ann@example.org")],
        metadata={"order_id": "ABC123"},
        idempotency_key="order-ABC123-shipped",
    )
    print(sent.notification.id, "was stored before" if sent.duplicate else "is stored")
    # end of quote

    # quote: errors
    try:
        tocsin.send(recipient="guest", title="Your code", message="824193", channels=[("sms", "not a number")])
    except TocsinError as error:
        for violation in error.violations:
            print(f"{violation.field}: {violation.description}")
    # end of quote
