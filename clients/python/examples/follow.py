"""Follow somebody's feed, and go on after a restart of this program where it stopped."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: follow
import os
from pathlib import Path

from tocsin_client import Client, NotificationEvent, Subscribed

USER = ("user", "0190a5d0-0000-7000-8000-000000000001")

place, new_place = Path("cursor"), Path("cursor.new")
cursor = place.read_text() if place.exists() else ""

with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin, tocsin.subscribe(USER, cursor) as events:
    for event in events:
        if isinstance(event, Subscribed) and not event.recovered:
            print("too long away: list the feed again")
        elif isinstance(event, NotificationEvent):
            print(event.notification.title, f"({event.unread_count} unread)", flush=True)
        # Once the event is dealt with; whole or not at all, whenever this program ends.
        new_place.write_text(event.cursor)
        new_place.replace(place)
# end of quote
