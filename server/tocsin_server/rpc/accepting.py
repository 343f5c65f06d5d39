"""The gRPC library's server, with a way of our own of taking calls.

The library's own way (grpcio 1.85, ``_server_main_loop`` in ``server.pyx.pxi``) has two faults. It decodes the path of
a call that it has no method for in the one task that takes all calls: a path that is not UTF-8 raises there, and the
server ends, for everybody. And it asks for one call of each method at a time, and waits for all methods at once, which
costs more than the call: an empty handler takes 270 us of processor time a call in that way and 110 us in this one
(27 methods, 256 calls in flight, the same over one connection as over sixteen).

Here many calls of each method are asked for. What is called that is no method is refused without a look at its name.

And brief calls are not watched: to be told that a client has gone away is an operation of the library and a task of its
own, an eighth of what an empty call costs (118 us with it, 103 without; medians of 20 rounds in turns). One that turns
out not to be brief is watched from then on. And where a client has left in the middle of one, all are watched for a
while: what is done for those who leave takes the others' time.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server as library

log = logging.getLogger(__name__)

CALLS_ASKED_FOR: Final = 32
"""Calls of each method that the library may have ready when the loop wakes; half of it costs a tenth more a call."""

LASTING: Final = 0.5
"""Seconds after which a call is not brief any more, at most twice of it."""

WARY: Final = 30.0
"""Seconds for which all calls are watched after a client has left in the middle of one that was not."""

LAST_BYTES: Final = 0.5
"""Seconds that connections have for what is on its way, and their clients for hanging up, once all calls have ended."""

_NEEDED: Final = (
    *(
        (cygrpc, name)
        for name in (
            "_RequestCallError",
            "_handle_cancellation_from_core",
            "_handle_rpc",
            "_schedule_rpc_coro",
            "get_working_loop",
        )
    ),
    (library, "_augment_channel_arguments"),
    *(
        (cygrpc.AioServer, name)
        for name in (
            "_make_request_call_future",
            "_request_call",
            "_request_registered_call",
            "_server_main_loop",
            "_serving_task_crash_handler",
        )
    ),
)
"""What is used of the library that it does not promise to keep; a test takes all of it through a call."""

Handlers: TypeAlias = "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"
"""By the name of the method in its service."""

Options: TypeAlias = Sequence[tuple[str, int]]

Ended: TypeAlias = Callable[[BaseException | None], None]


class _Method:
    """Finds its own handler only: which method it is was known before."""

    __slots__ = ("_handler", "brief", "path")

    def __init__(self, path: str, handler: grpc.RpcMethodHandler[Any, Any] | None, *, brief: bool) -> None:
        self.path = path
        self.brief = brief
        self._handler = handler

    def resolve_handler(self, _details: object) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler; called by the library."""
        return self._handler


_NO_METHOD = _Method("", None, brief=False)


class _Core(cygrpc.AioServer):  # type: ignore[misc]  # the library has no types for it
    """What does the work of the library's server."""

    methods: Mapping[bytes, _Method]
    ended: Ended
    calls: set[asyncio.Task[None]]
    unwatched: dict[asyncio.Task[None], Any]
    """The brief ones among the calls, with what the library knows of each."""
    seen: frozenset[asyncio.Task[None]] = frozenset()
    """Those of them that were there at the last look."""
    next_look: asyncio.TimerHandle | None = None
    """None while there are none of them."""
    wary_until: float = 0.0
    """Of the loop's clock: until then, all calls are watched."""
    without_calls: asyncio.Event | None = None
    """Set when there are no calls; made once the server stops."""

    async def _server_main_loop(self, started: asyncio.Future[bool]) -> None:
        cause: BaseException | None = None
        try:
            await super()._server_main_loop(started)
        except BaseException as error:
            cause = error
            raise
        finally:
            self.ended(cause)

    def _serving_task_crash_handler(self, task: asyncio.Task[None]) -> None:
        """Do nothing: `ended` was called, and whoever was is to stop the server."""
        _look_at(task)

    def _make_request_call_future(self, path: bytes | None) -> asyncio.Future[Any]:
        """Return what the main loop waits for; it is done when the server stops, or cannot go on.

        The main loop cancels it when it ends by an error. What was asked for must outlive that: the library will still
        write into it, as long as the server is not stopped (grpcio 1.85 itself lets go of it, and may crash).
        """
        calls = asyncio.gather(*(self._take_calls(path) for _ in range(CALLS_ASKED_FOR if path else 1)))
        calls.add_done_callback(_look_at)
        return asyncio.shield(calls)

    async def _take_calls(self, path: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        method = self.methods[path] if path else _NO_METHOD
        while True:
            try:
                state = await (self._request_registered_call(path) if path else self._request_call())
            except cygrpc._RequestCallError:
                if not self.is_running():
                    raise
                continue
            call = cygrpc._handle_rpc(method.path, method, (), state, loop, False)
            if method.brief and self.without_calls is None and self.wary_until < loop.time():
                task = loop.create_task(call)
                self.unwatched[task] = state
                if self.next_look is None:
                    self.next_look = loop.call_later(LASTING, self._look)
            else:
                task = loop.create_task(cygrpc._schedule_rpc_coro(call, state, loop, method.path))
            self.calls.add(task)
            task.add_done_callback(self._forget)
            del state, call, task  # they would live until the next call comes

    def _look(self) -> None:
        for task in self.seen & self.unwatched.keys():
            self._watch(task)
        self.seen = frozenset(self.unwatched)
        self.next_look = asyncio.get_running_loop().call_later(LASTING, self._look) if self.seen else None

    def watch_all(self) -> None:
        """Have all calls cancelled whose clients go away, or that the library cancels."""
        for task in [*self.unwatched]:
            self._watch(task)

    def _watch(self, task: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        watching = cygrpc._handle_cancellation_from_core(task, self.unwatched.pop(task), loop)
        loop.create_task(watching).add_done_callback(_look_at)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self.calls.discard(task)
        self.unwatched.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, grpc.aio.InternalError):  # the client is not there any more
                self.wary_until = task.get_loop().time() + WARY
            elif not isinstance(error, grpc.aio.AbortError):  # which ends a call that was refused
                # Not with its frames, which somebody might keep: the call ends when nothing leads to it any more.
                place = traceback.extract_tb(error.__traceback__)[-1]
                told = {"event": "call_broken", "error": type(error).__name__}
                log.error("a call broke off in line %s of %s", place.lineno, place.filename, extra=told)
            # Its frames lead back to the call: a circle, which would keep that until the collector comes by.
            error.__traceback__ = None
        if self.without_calls is not None and not self.calls:
            self.without_calls.set()


def _look_at(done: asyncio.Future[Any]) -> None:
    """Ask for the exception, or the event loop would log that nobody did."""
    if not done.cancelled():
        done.exception()


class _Server(library.Server):
    """The library's server around a core of ours."""

    def __init__(
        self, options: Options, handlers: Mapping[str, Handlers], ended: Ended, brief: Collection[str]
    ) -> None:
        # Not by the library's constructor, which would make a core of its own.
        self._loop = cygrpc.get_working_loop()
        self._server = _Core(self._loop, None, (), None, library._augment_channel_arguments(options, None), None)
        self._server.ended = ended
        self._server.calls, self._server.unwatched = set(), {}
        paths = {f"/{service}/{name}": one for service, several in handlers.items() for name, one in several.items()}
        if unknown := set(brief) - paths.keys():
            raise LookupError(f"there are no methods {', '.join(sorted(unknown))}")
        self._server.methods = {
            path.encode(): _Method(path, handler, brief=path in brief) for path, handler in paths.items()
        }

    async def stop(self, grace: float | None) -> None:
        """See `grpc.aio.Server.stop`. Connections without calls are not waited for: their clients may be silent."""
        core = self._server
        core.without_calls = asyncio.Event()
        if not core.calls:
            core.without_calls.set()
        core.watch_all()
        stopping = asyncio.ensure_future(self._stop(grace))
        idle = asyncio.ensure_future(core.without_calls.wait())
        await asyncio.wait([stopping, idle], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        await asyncio.wait([stopping], timeout=LAST_BYTES)
        await self._stop(None)
        await stopping

    async def _stop(self, grace: float | None) -> None:
        try:
            await super().stop(grace)
        except Exception:  # noqa: BLE001 - the first time, it raises what ended the server
            await super().stop(grace)


def fits() -> bool:
    """Tell whether the library has all that is used here."""
    return all(hasattr(owner, name) for owner, name in _NEEDED)


def make_server(
    options: Options,
    handlers: Mapping[str, Handlers],
    ended: Ended,
    *,
    brief: Collection[str] = (),
    ours: bool = True,
) -> grpc.aio.Server:
    """Make a server for the handlers of each service, by the service's full name.

    Args:
        options: Of the library.
        handlers: They get all calls there are.
        ended: Is called once when the server ends, whatever ended it, with the error if it was one.
        brief: Paths of unary methods whose handlers soon end by themselves.
        ours: Take calls as said above, else as the library does, which also tells of its end only when the last call
            has ended.
    """
    server: Any
    if ours:
        server = _Server(options, handlers, ended, brief)
    else:
        server = grpc.aio.server(options=options)
        end = asyncio.ensure_future(server.wait_for_termination())
        end.add_done_callback(lambda task: None if task.cancelled() else ended(task.exception()))
    for service, several in handlers.items():
        server.add_registered_method_handlers(service, dict(several))
    return cast("grpc.aio.Server", server)
