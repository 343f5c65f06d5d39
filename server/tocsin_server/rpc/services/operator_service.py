"""`tocsin.v1.OperatorService`: a coroutine per RPC, from request to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tocsin.v1 import operator_service_pb2 as pb

from tocsin_server.domain.ports import AddressProblem
from tocsin_server.intake.erasing import Erasing
from tocsin_server.intake.operating import Operations
from tocsin_server.rpc.convert.operating import (
    read_pause,
    read_person,
    read_resume,
    serialise_line,
    write_erasure,
    write_pause,
    write_queue,
)
from tocsin_server.rpc.handlers import UnplacedMessage
from tocsin_server.rpc.principal import Principal


class OperatorService:
    """The RPCs. Each raises a `TocsinError` to refuse; `rpc.handlers` turns it into a status.

    Args:
        operations: The use cases of the queue.
        erasing: Those of a person.
        address_problem: Knows the channels' forms of addresses.
    """

    def __init__(self, operations: Operations, erasing: Erasing, address_problem: AddressProblem) -> None:
        self._operations = operations
        self._erasing = erasing
        self._address_problem = address_problem

    async def PauseChannel(self, request: pb.PauseChannelRequest, caller: Principal) -> pb.PauseChannelResponse:  # noqa: N802
        """Stop a channel."""
        channel, reason = read_pause(request)
        response = pb.PauseChannelResponse()
        write_pause(await self._operations.pause(channel, caller.name, reason), response.paused_channel)
        return response

    async def ResumeChannel(  # noqa: N802
        self, request: pb.ResumeChannelRequest, _caller: Principal
    ) -> pb.ResumeChannelResponse:
        """Let a channel go on."""
        return pb.ResumeChannelResponse(was_paused=await self._operations.resume(read_resume(request)))

    async def GetQueue(self, _request: pb.GetQueueRequest, _caller: Principal) -> pb.GetQueueResponse:  # noqa: N802
        """Tell what waits."""
        return write_queue(await self._operations.queue())

    async def Erase(self, request: pb.EraseRequest, caller: Principal) -> pb.EraseResponse:  # noqa: N802
        """Erase a person."""
        return write_erasure(await self._erasing.erase(read_person(request, self._address_problem), caller.name))

    async def Export(self, request: pb.ExportRequest, _caller: Principal) -> AsyncIterator[UnplacedMessage]:  # noqa: N802
        """Show what is stored of a person."""
        async for line in self._erasing.export(read_person(request, self._address_problem)):
            yield UnplacedMessage(serialise_line(line))
