"""Stop a channel, look at what waits, let it go on; then show what is stored of somebody, and erase it."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: operate
import json
import os

from tocsin_client import Client

with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin:
    tocsin.pause_channel("sms", reason="the provider asked us to")
    for queue in tocsin.get_queue().channels:
        print(queue.channel, queue.due_count, "due,", "paused" if queue.paused else "sends")
    tocsin.resume_channel("sms")

    for line in tocsin.export("user:ext:erased"):
        print(json.loads(line)["table"])
    print(tocsin.erase("user:ext:erased").notification_count, "erased")
# end of quote
