"""`tocsin.v1.DecisionService`: giving out what is undecided, trying decisions, and explaining what was decided."""

from __future__ import annotations

from tocsin.v1 import decision_service_pb2 as pb

from tocsin_server.domain.ports import AddressProblem
from tocsin_server.intake.deciding import Authority, Deciding
from tocsin_server.rpc import convert
from tocsin_server.rpc.convert.decisions import read_lease, read_route, write_decision, write_offer
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.scopes import EVERY_RPC, EXPLAIN


class DecisionCalls:
    """LeaseUndecided, Preview, Explain and WhoAmI; each raises a `TocsinError` to refuse.

    Args:
        deciding: The use cases.
        address_problem: Knows the channels' forms of addresses.
    """

    def __init__(self, deciding: Deciding, address_problem: AddressProblem) -> None:
        self._deciding = deciding
        self._address_problem = address_problem

    async def LeaseUndecided(  # noqa: N802
        self, request: pb.LeaseUndecidedRequest, caller: Principal
    ) -> pb.LeaseUndecidedResponse:
        """Give out what is undecided, and wait for it."""
        ask, wait = read_lease(request, caller.name)
        response = pb.LeaseUndecidedResponse()
        for offer in await self._deciding.lease(ask, wait):
            write_offer(offer, response.undecided.add())
        return response

    async def Preview(self, request: pb.PreviewRequest, caller: Principal) -> pb.PreviewResponse:  # noqa: N802
        """Tell what would become of a decision."""
        wish = read_route(request.route, self._deciding.clock(), self._address_problem)
        response = pb.PreviewResponse()
        decision = await self._deciding.preview(wish, authority_of(caller))
        if decision is None:
            response.already_made = True
        else:
            write_decision(decision, response.decision)
        return response

    async def WhoAmI(self, _request: pb.WhoAmIRequest, caller: Principal) -> pb.WhoAmIResponse:  # noqa: N802
        """Tell as whom the caller is known."""
        rpcs = EVERY_RPC if caller.rpcs is None else caller.rpcs
        return pb.WhoAmIResponse(name=caller.name, scopes=sorted(caller.scopes or ()), rpcs=sorted(rpcs))

    async def Explain(self, request: pb.ExplainRequest, caller: Principal) -> pb.ExplainResponse:  # noqa: N802
        """Tell who decided about a notification."""
        notification_id = convert.read_id(request.id)
        response = pb.ExplainResponse()
        for decision in await self._deciding.explain(notification_id, authority_of(caller), EXPLAIN):
            write_decision(decision, response.decisions.add())
        return response


def authority_of(caller: Principal) -> Authority:
    """Return what a caller may decide and be told."""
    return Authority(caller.name, caller.routes_anywhere, caller.explains_everything)
