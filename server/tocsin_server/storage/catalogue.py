"""Everything that is done on one database, put together once."""

from __future__ import annotations

from tocsin_server.domain.model import Micros
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.operations.accepting import Accepting
from tocsin_server.storage.operations.channels import Channels
from tocsin_server.storage.operations.claiming import Claiming
from tocsin_server.storage.operations.contacts import ContactWriting
from tocsin_server.storage.operations.deciding import Deciding
from tocsin_server.storage.operations.decisions import DecisionLog
from tocsin_server.storage.operations.entering import Entering
from tocsin_server.storage.operations.erasing import Erasing
from tocsin_server.storage.operations.escalating import Escalating
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.interventions import Interventions
from tocsin_server.storage.operations.leaving import Leaving
from tocsin_server.storage.operations.limits import Limits
from tocsin_server.storage.operations.marking import Marking
from tocsin_server.storage.operations.operating import Operating
from tocsin_server.storage.operations.pacing import Pacing
from tocsin_server.storage.operations.probing import Probing
from tocsin_server.storage.operations.purging import Purging
from tocsin_server.storage.operations.recording import Recording
from tocsin_server.storage.operations.settling import Settling
from tocsin_server.storage.operations.starting import Starting
from tocsin_server.storage.operations.statuses import Statuses
from tocsin_server.storage.operations.steps import Steps
from tocsin_server.storage.operations.superseding import Superseding
from tocsin_server.storage.queries.contacts import ContactReader
from tocsin_server.storage.queries.decisions import DecisionReader
from tocsin_server.storage.queries.due import DueReader
from tocsin_server.storage.queries.feeds import FeedReader
from tocsin_server.storage.queries.limits import LimitReader
from tocsin_server.storage.queries.listing import Listing
from tocsin_server.storage.queries.operating import OperatingReader
from tocsin_server.storage.queries.persons import PersonReader
from tocsin_server.storage.queries.rows import NotificationReader
from tocsin_server.storage.queries.undecided import UndecidedReader


class Catalogue:
    """Queries and operations, compiled for one database when they are first used.

    Args:
        on: The database.
        attempt_limit: Attempts that a new channel row gets.
        lease: Microseconds for which rows handed over at once are leased.
    """

    def __init__(self, on: Dialect, *, attempt_limit: int, lease: Micros) -> None:
        heads, statuses = FeedHeads(on), Statuses(on)
        self.limits = Limits(on)
        self.limit_reader = LimitReader(on)
        self.notifications = NotificationReader(on)
        self.feeds = FeedReader(on, self.notifications)
        self.listing = Listing(on, self.notifications)
        self.due = DueReader(on)
        self.probing = Probing(on)
        self.operating = Operating(on)
        self.pacing = Pacing(on)
        self.operating_reader = OperatingReader(on)
        self.purging = Purging(on, heads)
        self.erasing = Erasing(on, heads, self.purging)
        self.persons = PersonReader(on)
        self.contacts = ContactReader(on)
        self.contact_writing = ContactWriting(on)
        decision_log = DecisionLog(on)
        channels = Channels(on, attempt_limit=attempt_limit, lease=lease)
        steps = Steps(on)
        self.accepting = Accepting(on, self.notifications, heads, self.limits, channels, steps, decision_log)
        self.claiming = Claiming(on)
        self.entering = Entering(on, self.notifications, heads, statuses, steps)
        self.starting = Starting(on, self.entering, channels, steps)
        self.escalating = Escalating(on, self.notifications, heads, statuses, self.starting, steps, decision_log)
        self.recording = Recording(on, statuses, decision_log, steps, self.escalating)
        self.marking = Marking(on, self.feeds, heads, Superseding(on, statuses, steps))
        self.settling = Settling(on, heads, statuses, steps)
        leaving = Leaving(on)
        self.decisions = DecisionReader(on)
        self.undecided = UndecidedReader(on, self.feeds)
        self.deciding = Deciding(
            on,
            self.notifications,
            undecided=self.undecided,
            decisions=self.decisions,
            heads=heads,
            limits=self.limits,
            starting=self.starting,
            statuses=statuses,
            log=decision_log,
            leaving=leaving,
        )
        self.interventions = Interventions(
            on, self.notifications, heads, self.entering, statuses, leaving, steps, attempt_limit=attempt_limit
        )
