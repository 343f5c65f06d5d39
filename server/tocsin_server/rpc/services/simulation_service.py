"""The part of `tocsin.v1.DecisionService` that tries rules and writes nothing."""

from __future__ import annotations

from tocsin.v1 import decision_service_pb2 as pb

from tocsin_server.domain.ports import AddressProblem
from tocsin_server.intake.simulating import Simulations
from tocsin_server.rpc import convert
from tocsin_server.rpc.convert.simulations import read_backtest, write_backtested, write_simulated
from tocsin_server.rpc.principal import Principal


class SimulationCalls:
    """Simulate and Backtest; each raises a `TocsinError` to refuse.

    Args:
        simulations: The use cases.
        address_problem: Knows the channels' forms of addresses.
    """

    def __init__(self, simulations: Simulations, address_problem: AddressProblem) -> None:
        self._simulations = simulations
        self._address_problem = address_problem

    async def Simulate(self, request: pb.SimulateRequest, caller: Principal) -> pb.SimulateResponse:  # noqa: N802
        """Tell what would be decided about a notification."""
        now = self._simulations.clock()
        submission = convert.read_send(request.request, now, caller.name, self._address_problem)
        found = await self._simulations.simulate(submission, request.rules)
        return write_simulated(found, pb.SimulateResponse())

    async def Backtest(self, request: pb.BacktestRequest, _caller: Principal) -> pb.BacktestResponse:  # noqa: N802
        """Tell what rules would have decided for what is stored."""
        wanted, limit = read_backtest(request, self._simulations.clock())
        return write_backtested(await self._simulations.backtest(request.rules, wanted, limit))
