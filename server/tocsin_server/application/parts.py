"""The parts of a server, each built of what it needs. What is added to a server is a line here:

- what wants to know what happens (counts, logs, metrics): `listen_to`;
- what wants to know what was committed: `Commits`;
- a job of the clock: `jobs`;
- a service of the API: `services`.

Parts are stopped in the reverse order of what is said to `Lifecycle`, so the order of lines matters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tocsin_server.application.checking import Checked
from tocsin_server.application.tracing import start_tracing
from tocsin_server.channels.registry import REQUIRED_SETTING, address_problem
from tocsin_server.config.settings import Settings
from tocsin_server.delivery.dispatcher import Dispatcher
from tocsin_server.delivery.lane import LaneSettings
from tocsin_server.delivery.retry import RetryPolicy
from tocsin_server.domain.clock import Clock
from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.domain.model import ChannelType, ClaimedChannel, FeedEvent, Micros
from tocsin_server.domain.ports import Store
from tocsin_server.feed.bus.choice import make_bus
from tocsin_server.feed.bus.hints import Bus
from tocsin_server.feed.bus.undecided import Receivers, UndecidedHints
from tocsin_server.feed.hub import Hub
from tocsin_server.feed.settlement import Settler
from tocsin_server.feed.stream import FeedStreams
from tocsin_server.intake.accepting import Intake
from tocsin_server.intake.deciding import Deciding
from tocsin_server.intake.erasing import Erasing
from tocsin_server.intake.intervening import Interventions
from tocsin_server.intake.operating import Operations
from tocsin_server.intake.sending import PoliciesOfTheMoment
from tocsin_server.intake.simulating import Simulations
from tocsin_server.intake.waiting import Waiters
from tocsin_server.maintenance.breakers import BreakerNotes
from tocsin_server.maintenance.database_watch import DatabaseWatch
from tocsin_server.maintenance.decisions import OverdueDecisions
from tocsin_server.maintenance.ended_limits import EndedLimits
from tocsin_server.maintenance.escalation import Escalation
from tocsin_server.maintenance.feed_entry import FeedEntry
from tocsin_server.maintenance.orders import OrderWatch
from tocsin_server.maintenance.periodic import Job
from tocsin_server.maintenance.queue_figures import QueueFigures
from tocsin_server.maintenance.retention import Retention
from tocsin_server.process.lifecycle import Lifecycle, StopTimes
from tocsin_server.routing.book import CurrentRules
from tocsin_server.rpc.services.combined_service import CombinedService
from tocsin_server.rpc.services.contact_service import ContactService
from tocsin_server.rpc.services.decision_service import DecisionCalls
from tocsin_server.rpc.services.notification_service import NotificationService
from tocsin_server.rpc.services.operator_service import OperatorService
from tocsin_server.rpc.services.relay_service import RelayService
from tocsin_server.rpc.services.simulation_service import SimulationCalls
from tocsin_server.storage import opening
from tocsin_server.storage.new_ids import new_id
from tocsin_server.telemetry.incidents import log_incidents
from tocsin_server.telemetry.observer import ConditionUnjudged, Observer
from tocsin_server.telemetry.tally import Tally

log = logging.getLogger(__name__)


class Commits:
    """Passes on what the writer committed: events to the feed, leased rows to the lanes, what is undecided."""

    def __init__(self, hub: Hub, dispatcher: Dispatcher) -> None:
        self._hub = hub
        self._dispatcher = dispatcher
        self.waiters: Waiters | None = None
        """Who waits for something to decide; set once the store is there, before anything is accepted."""
        self.on_step_due: Callable[[Micros], None] = lambda _: None
        self.on_undecided: Callable[[Micros], None] = lambda _: None

    def reserve(self, channel: ChannelType) -> bool:
        """Take a place in a lane."""
        return self._dispatcher.reserve(channel)

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        """Give places back."""
        self._dispatcher.give_back(channels)

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        """Pass on; all of it returns at once."""
        if events:
            self._hub.publish(events)
        if claims:
            self._dispatcher.hand_over(claims)
        if cancelled:
            self._dispatcher.cancel(cancelled)

    def undecided(self, route_by: Micros) -> None:
        """Pass on; that returns at once."""
        self.on_undecided(route_by)
        if self.waiters is not None:
            self.waiters.arrived()

    def step_due(self, at: Micros) -> None:
        """Pass on; that returns at once."""
        self.on_step_due(at)


@dataclass(frozen=True, slots=True)
class Core:
    """What services and jobs are built of: the store and what runs by what it commits."""

    store: Store
    hub: Hub
    settler: Settler
    clock: Clock
    observer: Observer
    configured: tuple[ChannelType, ...]
    """The channels that can be delivered, beside the websocket."""
    commits: Commits
    rules: CurrentRules
    deciding: Deciding
    waiters: Waiters
    dispatcher: Dispatcher
    orders: OrderWatch


@dataclass(frozen=True, slots=True)
class Served:
    """The services, and what ends those of their calls that would not end by themselves."""

    by_name: Mapping[str, object]
    """Implementations, by the short name of the service; see `RpcServer`."""
    endings: tuple[Callable[[], None], ...]
    """In this order."""


def listen_to(observer: Observer, life: Lifecycle) -> None:
    """Add those who want to know what happens."""
    log_incidents(observer)
    life.callback(_log_tally, Tally(observer))


async def start_core(life: Lifecycle, settings: Settings, checked: Checked) -> Core:
    """Start the feed, the lanes and the store on a prepared database.

    Raises:
        StartupError: The store does not open.
    """
    url = settings.database_url.get_secret_value()
    times = StopTimes.of(settings.shutdown_grace)
    clock = opening.database_clock(url)
    observer = Observer()
    traced = start_tracing(life, settings, observer)
    listen_to(observer, life)
    bus = make_bus(settings.bus)
    hub, receivers = _start_hub(life, bus, observer, times)
    dispatcher = Dispatcher(checked.senders, _lane(settings), clock, observer)
    commits = Commits(hub, dispatcher)
    store = await opening.open_store(
        url,
        commits,
        attempt_limit=settings.max_attempts,
        lease=settings.lease,
        clock=clock,
        on_gone=lambda what: life.fail(DatabaseUnusable(what)),
        observer=observer,
    )
    life.stops("the store", store.close, times.records)
    life.watch("the store", store.run())
    settler = Settler(store, clock)
    life.stops("settlement", settler.close, times.records)
    life.watch("settlement", settler.run())
    life.stops("deliveries", lambda: dispatcher.stop(times.deliveries), times.deliveries)
    rules = CurrentRules(checked.book, lambda name: observer.report(ConditionUnjudged(name)))
    take_turn = store.take_turn if store.shared else None
    dispatcher.start(store, PoliciesOfTheMoment(rules, store), take_turn, held=True)  # until the orders are known
    if checked.configured:
        life.watch("deliveries", dispatcher.run())
    waiters = Waiters(store, clock, UndecidedHints(bus))
    commits.waiters, receivers.wake = waiters, waiters.wake
    life.stops("waiting deciders", waiters.stop, times.records)
    waiters.start()
    life.watch("waiting deciders", waiters.run())
    deciding = Deciding(
        store, waiters, dict.fromkeys(checked.configured, True), REQUIRED_SETTING, clock, rules, observer
    )
    orders = OrderWatch(store, dispatcher.pause, dispatcher.look_after_leases, observer)
    return Core(
        traced(store), hub, settler, clock, observer, checked.configured, commits, rules, deciding, waiters,
        dispatcher, orders,
    )  # fmt: skip


def jobs(core: Core, settings: Settings) -> tuple[Job, ...]:
    """Return what the clock does."""
    escalation = Escalation(core.store, core.clock, core.observer)
    core.commits.on_step_due = escalation.step_due
    decisions = OverdueDecisions(core.store, core.deciding, core.clock)
    core.commits.on_undecided = decisions.undecided
    kept = settings.retention
    return (
        core.orders,
        BreakerNotes(core.store, core.clock, core.observer),
        FeedEntry(core.store, core.clock, core.observer),
        escalation,
        DatabaseWatch(core.store, core.observer),
        EndedLimits(core.store),
        decisions,
        QueueFigures(core.store, (ChannelType.WEBSOCKET, *core.configured), core.clock, core.observer),
        *([Retention(core.store, kept, core.clock, core.observer)] if kept else []),
    )


def services(core: Core, checked: Checked) -> Served:
    """Build the services of the API."""
    available = dict.fromkeys(core.configured, True)
    intake = Intake(core.store, available, REQUIRED_SETTING, core.clock, core.rules, core.store, core.observer)
    notifications = NotificationService(
        core.store,
        FeedStreams(core.store, core.hub, core.settler),
        intake,
        Interventions(core.store, available, REQUIRED_SETTING),
        address_problem,
        core.deciding,
        checked.authenticator.present,
    )
    relay = RelayService(notifications.relayed, checked.authenticator)
    simulations = Simulations(core.store, intake, core.rules, available, core.clock)
    by_name = {
        "NotificationService": notifications,
        "ContactService": ContactService(core.store, address_problem),
        "DecisionService": CombinedService(
            DecisionCalls(core.deciding, address_problem), SimulationCalls(simulations, address_problem)
        ),
        "OperatorService": OperatorService(
            Operations(core.store, lambda: core.dispatcher.providers, core.orders.look),
            Erasing(core.store, new_id, core.hub.forget, core.orders.look),
            address_problem,
        ),
        "RelayService": relay,
    }
    return Served(by_name, (core.waiters.close, core.hub.close, relay.close))


def _start_hub(life: Lifecycle, bus: Bus, observer: Observer, times: StopTimes) -> tuple[Hub, Receivers]:
    hub = Hub(bus, observer=observer)
    receivers = Receivers(hub)
    bus.start(receivers)
    # Closed after the store: the last commits are told to the other replicas.
    life.stops("the bus", bus.close, times.records)
    life.watch("the bus", bus.run())
    return hub, receivers


def _lane(settings: Settings) -> LaneSettings:
    return LaneSettings(
        concurrency=settings.sender_concurrency,
        lease=settings.lease,
        send_timeout=settings.send_timeout,
        retry=RetryPolicy(settings.retry_base, settings.retry_cap),
    )


def _log_tally(tally: Tally) -> None:
    """Say at the end what each channel did."""
    for channel, counts in tally.counts.items():
        if counts:
            log.info("delivery ended", extra={"event": "delivery_counts", "channel": channel, **counts})
    for name, count in tally.unjudged.items():
        log.info(
            "the condition of a rule or policy could not be judged",
            extra={"event": "condition_unjudged", "rule": name, "count": count},
        )
