"""Ending what is done for a caller over HTTP who has gone: nobody would decide what is leased for it."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndsWithCaller:
    """Cancels a request that has not been answered when its caller hangs up.

    The protocol's library reads a request, and then looks at nothing until it has the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        put, take = anyio.create_memory_object_stream[Message](0)
        answered = False

        async def watched() -> None:
            async with put:
                while (message := await receive())["type"] != "http.disconnect":
                    await put.send(message)
            # What is being answered ends by itself, and may have to put things in order.
            if not answered:
                group.cancel_scope.cancel()

        async def read() -> Message:
            try:
                return await take.receive()
            except anyio.EndOfStream:
                return {"type": "http.disconnect"}

        async def write(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        async with put, take, anyio.create_task_group() as group:
            group.start_soon(watched)
            await self._app(scope, read, write)
            group.cancel_scope.cancel()
