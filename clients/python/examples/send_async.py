"""The same verbs as coroutines."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: async
import asyncio
import os

from tocsin_client import AsyncClient


async def main() -> None:
    async with AsyncClient(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin:
        sent = await tocsin.send(
            recipient="guest",
            title="Your code",
            message="824193",
            channels=[("sms", "+15550100")],
        )
        print(await tocsin.get(sent.notification.id))


asyncio.run(main())
# end of quote
