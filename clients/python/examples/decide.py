"""Decide, again and again, how what was deferred is sent: the feed for who reads it, a message for who does not."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: decide
import os

from tocsin_client import Client, FailedPrecondition, ResourceExhausted, Undecided

PREFERRED = ("telegram", "email", "sms")


def channels_for(one: Undecided) -> list[str]:
    """Choose among what is allowed: the feed, and beside it the first of our preferences if much is unread."""
    feed = ["websocket"] if "websocket" in one.allowed else []
    others = [channel for channel in PREFERRED if channel in one.allowed]
    return feed if feed and one.context.unread_count < 3 else feed + others[:1]


with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051"), token=os.environ.get("TOCSIN_TOKEN")) as tocsin:
    while True:
        # Returns as soon as there is something; others who run this program get what we do not.
        for one in tocsin.lease_undecided(max_count=10, wait=30, deadline=40):
            lease, why = one.lease_token, f"{one.context.unread_count} unread"
            chosen = channels_for(one)
            try:
                if chosen:
                    tocsin.route(one.notification.id, chosen, lease_token=lease, reason=why, decider="decide.py 1")
                else:
                    tocsin.suppress(one.notification.id, lease_token=lease, reason=why, decider="decide.py 1")
                print(one.notification.title, "->", ", ".join(chosen) or "nothing", flush=True)
            except (FailedPrecondition, ResourceExhausted) as refused:  # cancelled, too late, or a policy: not by us
                print(one.notification.title, "->", refused.reason, flush=True)
# end of quote
