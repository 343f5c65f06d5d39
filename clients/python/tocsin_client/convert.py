"""Between the client's plain values and protobuf messages: the only module that knows both.

Names say the direction: ``…_message`` builds a message from values, ``…_from`` reads values from a message.
The shapes of the values are described in `tocsin_client.model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2, error_details_pb2, status_pb2
from tocsin.v1 import contact_service_pb2 as contact_pb
from tocsin.v1 import decision_service_pb2 as decision_pb
from tocsin.v1 import notification_pb2 as pb
from tocsin.v1 import notification_service_pb2 as service_pb
from tocsin.v1 import operator_service_pb2 as operator_pb

from tocsin_client import decisions, model, operating, trials
from tocsin_client.errors import TocsinError, Violation, error_class

DOMAIN: Final = "tocsin"
"""``domain`` of every ErrorInfo of ours."""

_EXACT: Final = 2**53
"""Integers up to here, either sign, are exact as the doubles that a Struct holds."""

DEEPEST: Final = 32
"""Levels of objects and arrays that the server takes. What is far deeper it cannot even read, and refuses with all that
comes with it. Ends circles, too."""

_Word = TypeVar("_Word", bound=StrEnum)

# Enum numbers by word, from the generated enums, so that a value added there needs no second table here.
_PREFIXES: Final = (
    (model.RecipientType, pb.RecipientType, "RECIPIENT_TYPE_"),
    (model.ChannelType, pb.ChannelType, "CHANNEL_TYPE_"),
    (model.Status, pb.Status, "STATUS_"),
    (model.StrategyKind, pb.StrategyKind, "STRATEGY_KIND_"),
    (model.StrategyGoal, pb.StrategyGoal, "STRATEGY_GOAL_"),
    (model.AttemptOutcome, pb.AttemptOutcome, "ATTEMPT_OUTCOME_"),
    (decisions.DecidedBy, decision_pb.DecidedBy, "DECIDED_BY_"),
)
_NUMBERS: Final[dict[type[StrEnum], dict[str, int]]] = {
    words: {name.removeprefix(prefix).lower(): number for name, number in enum.items()}
    for words, enum, prefix in _PREFIXES
}


# -- scalars ---------------------------------------------------------------------------------------


def _number(words: type[StrEnum], word: str) -> Any:
    """Return the enum's number for a word; raises ValueError for a word that it does not have."""
    return _NUMBERS[words][words(word)]


def _word(words: type[_Word], number: int) -> _Word:
    """Return the word for an enum's number, also for one that is newer than this client.

    The API's enums may grow, and a client should show what it does not know instead of failing. So an unknown
    number becomes a word outside the list of members that is still a string of their type.
    """
    word = _WORDS[words].get(number)
    return _stranger(words, f"unknown_{number}") if word is None else cast("_Word", word)


def _stranger(words: type[_Word], word: str) -> _Word:
    stranger = str.__new__(words, word)
    stranger._name_, stranger._value_ = word.upper(), word
    return stranger


# By number, because asking the enum for every word took a quarter of the time of reading a notification.
_WORDS: Final[dict[type[StrEnum], dict[int, StrEnum]]] = {
    words: {
        number: words(word) if word in words.__members__.values() else _stranger(words, word)
        for word, number in numbers.items()
    }
    for words, numbers in _NUMBERS.items()
}


def _timestamp(name: str, at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"{name} has no time zone: give an aware datetime, such as datetime.now(UTC)")
    message = Timestamp()
    try:
        message.FromDatetime(at)
    except OverflowError:
        raise ValueError(f"{name} is not between the years 1 and 9999 in UTC: {at.isoformat()}") from None
    return message


def _duration(length: model.Seconds | None) -> Duration | None:
    if length is None:
        return None
    message = Duration()
    message.FromTimedelta(length if isinstance(length, timedelta) else timedelta(seconds=length))
    return message


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def _time_of(message: Any, name: str) -> datetime | None:
    return _time(getattr(message, name)) if message.HasField(name) else None


# -- JSON ------------------------------------------------------------------------------------------


def struct_message(values: Mapping[str, Any]) -> Struct:
    """Build a Struct from a JSON object; raises ValueError or TypeError, naming the member, for what is none."""
    return _object(values, "metadata", DEEPEST)


def _object(values: Mapping[Any, Any], path: str, levels: int) -> Struct:
    members = {_key(key, path): _value(value, f"{path}.{key}", levels - 1) for key, value in values.items()}
    return Struct(fields=members)


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path} has the key {key!r}; keys of JSON objects are strings")
    return key


def _inner(path: str, levels: int) -> int:
    if levels <= 0:
        raise ValueError(f"{path} lies too deep: metadata has {DEEPEST} levels at most")
    return levels


def _value(value: Any, path: str, levels: int) -> Value:
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int():
            if abs(value) > _EXACT:
                raise ValueError(f"{path} is an integer beyond 2^53, which would lose digits; give it as a string")
            return Value(number_value=value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{path} is {value}, which JSON does not have")
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Mapping():
            return Value(struct_value=_object(value, path, _inner(path, levels)))
        case list() | tuple():
            levels = _inner(path, levels) - 1
            items = [_value(item, f"{path}[{index}]", levels) for index, item in enumerate(value)]
            return Value(list_value=ListValue(values=items))
    raise TypeError(f"{path} is of type {type(value).__name__}, which is not JSON")


def struct_from(message: Struct) -> dict[str, Any]:
    """Read a Struct as a dictionary; integral numbers, which the wire holds as doubles, become ``int``.

    The members come sorted by name: the wire keeps no order, and an accidental one would change from run to run.
    """
    return {key: _plain(message.fields[key]) for key in sorted(message.fields)}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return struct_from(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _EXACT else number
    return None if kind in {"null_value", None} else getattr(value, kind)


# -- resources -------------------------------------------------------------------------------------


def recipient_message(recipient: model.RecipientLike) -> pb.Recipient:
    """Build a Recipient from any of the forms that the client accepts; raises ValueError for another."""
    whom = model.Recipient.of(recipient)
    number = _number(model.RecipientType, whom.type)
    if whom.external_id:
        return pb.Recipient(type=number, external_id=whom.external_id)
    return pb.Recipient(type=number, id=whom.id or "")


def recipient_from(message: pb.Recipient) -> model.Recipient:
    """Read a Recipient."""
    return model.Recipient(_word(model.RecipientType, message.type), message.id or None, message.external_id or None)


def channel_from(message: pb.Channel) -> model.Channel:
    """Read a Channel."""
    return model.Channel(
        id=message.id,
        notification_id=message.notification_id,
        channel=_word(model.ChannelType, message.channel),
        status=_word(model.Status, message.status),
        attempts=message.attempts,
        response=struct_from(message.response),
        created_at=_time(message.created_at),
        address=message.address or None,
        next_attempt_at=_time_of(message, "next_attempt_at"),
        history=tuple(attempt_from(attempt) for attempt in message.history),
    )


def attempt_from(message: pb.Attempt) -> model.Attempt:
    """Read an Attempt."""
    return model.Attempt(
        attempted_at=_time_of(message, "attempted_at"),
        outcome=_word(model.AttemptOutcome, message.outcome),
        provider=message.provider,
        code=message.code,
        detail=message.detail,
    )


def notification_from(message: pb.Notification) -> model.Notification:
    """Read a Notification with its channels."""
    return model.Notification(
        id=message.id,
        recipient=recipient_from(message.recipient),
        title=message.title,
        message=message.message,
        status=_word(model.Status, message.status),
        metadata=struct_from(message.metadata),
        is_read=message.is_read,
        created_at=_time(message.created_at),
        channels=tuple(channel_from(channel) for channel in message.channels),
        read_at=_time_of(message, "read_at"),
        send_at=_time_of(message, "send_at"),
        expires_at=_time_of(message, "expires_at"),
        owner=message.owner,
        category=message.category,
        route_by=_time_of(message, "route_by"),
    )


def contact_message(
    recipient: model.RecipientLike, addresses: Mapping[str, str], locale: str, time_zone: str
) -> contact_pb.Contact:
    """Build a Contact; raises ValueError for an unknown word."""
    return contact_pb.Contact(
        recipient=recipient_message(recipient),
        addresses=_addresses(addresses),
        locale=locale,
        time_zone=time_zone,
    )


def contact_from(message: contact_pb.Contact) -> model.Contact:
    """Read a Contact."""
    return model.Contact(
        recipient=recipient_from(message.recipient),
        addresses={_word(model.ChannelType, entry.channel): entry.address for entry in message.addresses},
        locale=message.locale,
        time_zone=message.time_zone,
        updated_at=_time(message.updated_at),
    )


def contact_page_from(message: contact_pb.ListContactsResponse) -> model.ContactPage:
    """Read a page of contacts."""
    return model.ContactPage(tuple(map(contact_from, message.contacts)), message.next_page_token)


def paused_channel_from(message: operator_pb.PausedChannel) -> operating.PausedChannel:
    """Read a pause."""
    channel = _word(model.ChannelType, message.channel)
    return operating.PausedChannel(channel, _time(message.paused_at), message.paused_by, message.reason)


def queue_from(message: operator_pb.GetQueueResponse) -> operating.QueueState:
    """Read what waits."""
    channels = tuple(map(_channel_queue_from, message.channels))
    return operating.QueueState(channels, message.undecided_count, message.undecided_late_count)


def _channel_queue_from(message: operator_pb.ChannelQueue) -> operating.ChannelQueue:
    return operating.ChannelQueue(
        channel=_word(model.ChannelType, message.channel),
        due_count=message.due_count,
        oldest_due_at=_time_of(message, "oldest_due_at"),
        leased_count=message.leased_count,
        waiting_count=message.waiting_count,
        paused=paused_channel_from(message.paused) if message.HasField("paused") else None,
        providers=tuple(
            operating.ProviderQueue(
                provider.provider,
                provider.retrying_count,
                provider.open_breaker_count,
                _time_of(provider, "breaker_open_since"),
                provider.breaker_code,
            )
            for provider in message.providers
        ),
    )


def erasure_from(message: operator_pb.Erasure) -> operating.Erasure:
    """Read the note of what was erased."""
    return operating.Erasure(message.id, _time(message.erased_at), message.erased_by, message.notification_count)


# -- requests --------------------------------------------------------------------------------------


def list_contacts_request(
    recipient_type: str | None, page_size: int, page_token: str
) -> contact_pb.ListContactsRequest:
    """Build a ListContactsRequest; raises ValueError for an unknown word."""
    number = _number(model.RecipientType, recipient_type) if recipient_type else pb.RECIPIENT_TYPE_UNSPECIFIED
    return contact_pb.ListContactsRequest(recipient_type=number, page_size=page_size, page_token=page_token)


def channel_numbers(channels: Sequence[str]) -> list[Any]:
    """Return the enum numbers of channels' words; raises ValueError for an unknown one."""
    return [_number(model.ChannelType, word) for word in _several(channels)]


def person(recipient: model.RecipientLike, address: tuple[str, str] | None) -> dict[str, Any]:
    """Build the fields of a request about somebody who is registered, or is known by an address."""
    fields: dict[str, Any] = {"recipient": recipient_message(recipient)}
    if address is not None:
        channel, text = address
        fields["address"] = pb.Address(channel=_number(model.ChannelType, channel), address=text)
    return fields


def targets(channels: Sequence[model.ChannelLike]) -> list[pb.ChannelTarget]:
    """Build the targets of Send and Route; raises ValueError for an unknown word."""
    chosen = [model.ChannelTarget.of(channel) for channel in _several(channels)]
    return [
        pb.ChannelTarget(
            channel=_number(model.ChannelType, target.channel),
            address=target.address or "",
            escalate_after=_duration(target.escalate_after),
        )
        for target in chosen
    ]


def _several(items: Sequence[Any]) -> Iterable[Any]:
    # A lone string is a sequence of letters to Python, and surely meant as one item.
    return (items,) if isinstance(items, str) else items


def _addresses(addresses: Mapping[str, str]) -> list[pb.Address]:
    return [
        pb.Address(channel=_number(model.ChannelType, word), address=address) for word, address in addresses.items()
    ]


def strategy_message(
    kind: str | None, escalate_after: model.Seconds | None, goal: str | None = None
) -> pb.Strategy | None:
    """Build a Strategy, None when no part is given; raises ValueError for an unknown word."""
    if kind is None and escalate_after is None and goal is None:
        return None
    return pb.Strategy(
        kind=pb.STRATEGY_KIND_UNSPECIFIED if kind is None else _number(model.StrategyKind, kind),
        escalate_after=_duration(escalate_after),
        goal=pb.STRATEGY_GOAL_UNSPECIFIED if goal is None else _number(model.StrategyGoal, goal),
    )


def send_request(draft: model.Draft, idempotency_key: str) -> service_pb.SendRequest:
    """Build a SendRequest; raises ValueError or TypeError for arguments that have no place in one."""
    routing = None
    if draft.deferred or draft.route_by is not None:
        routing = pb.Routing(deferred=draft.deferred, route_by=_timestamp("route_by", draft.route_by))
    return service_pb.SendRequest(
        recipient=recipient_message(draft.recipient),
        title=draft.title,
        message=draft.message,
        metadata=None if draft.metadata is None else struct_message(draft.metadata),
        channels=targets(draft.channels),
        addresses=_addresses(draft.addresses),
        idempotency_key=idempotency_key,
        send_at=_timestamp("send_at", draft.send_at),
        expires_at=_timestamp("expires_at", draft.expires_at),
        strategy=strategy_message(draft.strategy, draft.escalate_after, draft.goal),
        routing=routing,
        category=draft.category,
    )


def list_request(filters: model.ListFilter, page_token: str) -> service_pb.ListRequest:
    """Build a ListRequest; raises ValueError for an unknown word or a time without zone, TypeError for a key."""
    given: dict[str, Any] = dict(filters)
    if unknown := given.keys() - model.ListFilter.__annotations__.keys():
        raise TypeError(f"unknown condition: {', '.join(sorted(unknown))}")
    recipient = given.pop("recipient", None)
    statuses = [_number(model.Status, word) for word in _several(given.pop("statuses", ()))]
    channels = channel_numbers(given.pop("channels", ()))
    for name in ("created_after", "created_before"):
        given[name] = _timestamp(name, given.get(name))
    return service_pb.ListRequest(
        recipient=None if recipient is None else recipient_message(recipient),
        statuses=statuses,
        channels=channels,
        page_token=page_token,
        **given,
    )


# -- answers ---------------------------------------------------------------------------------------


def event_from(message: service_pb.SubscribeResponse) -> model.Event | None:
    """Read an event of a stream; None for a heartbeat, and for kinds that are newer than this client."""
    cursor, unread = message.cursor, message.unread_count
    match message.WhichOneof("event"):
        case "subscribed":
            return model.Subscribed(cursor, unread, message.subscribed.recovered)
        case "notification":
            return model.NotificationEvent(cursor, unread, notification_from(message.notification))
        case "read_changed":
            changed = message.read_changed
            return model.ReadChanged(cursor, unread, tuple(changed.ids), _time(changed.read_at))
    return None


def simulation_from(message: decision_pb.SimulateResponse) -> trials.Simulation:
    """Read what would be decided."""
    refusal = error_from(message.refusal) if message.HasField("refusal") else None
    tried = tuple(trials.RuleTrial(trial.rule, trial.matched, trial.why) for trial in message.trials)
    return trials.Simulation(decision_from(message.decision), tried, refusal)


def backtest_request(
    rules: str, since: datetime | None, until: datetime | None, category: str, limit: int
) -> decision_pb.BacktestRequest:
    """Build a BacktestRequest; raises ValueError for times without a zone."""
    return decision_pb.BacktestRequest(
        rules=rules,
        since=_timestamp("since", since),
        until=_timestamp("until", until),
        category=category,
        limit=limit,
    )


def backtest_from(message: decision_pb.BacktestResponse) -> trials.Backtest:
    """Read what rules would have decided."""
    return trials.Backtest(
        examined=message.examined,
        agreed=message.agreed,
        changes=tuple(
            trials.ChannelChange(_word(model.ChannelType, change.channel), change.added, change.removed)
            for change in message.changes
        ),
        examples=tuple(
            trials.BacktestExample(
                id=example.id,
                category=example.category,
                recipient_type=_word(model.RecipientType, example.recipient_type),
                was=tuple(_word(model.ChannelType, channel) for channel in example.was),
                would_be=tuple(_word(model.ChannelType, channel) for channel in example.would_be),
                rule=example.rule,
            )
            for example in message.examples
        ),
        truncated=message.truncated,
    )


def error_from(status: status_pb2.Status) -> TocsinError:
    """Read a google.rpc.Status with the details that Tocsin attaches; ignores details that it does not know."""
    try:
        code = code_pb2.Code.Name(status.code)
    except ValueError:
        code = "UNKNOWN"
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after = None
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        try:
            if detail.Unpack(info) and info.domain == DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad):
                violations += [Violation(entry.field, entry.description) for entry in bad.field_violations]
            elif detail.Unpack(retry):
                # Not ToTimedelta, which raises for what it cannot hold.
                retry_after = max(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9, 0.0)
        except DecodeError:
            # A proxy may have cut the details short; the code and the message still tell the essence.
            continue
    return error_class(code)(
        status.message, reason=reason, metadata=metadata, violations=violations, retry_after=retry_after
    )


def error_from_bytes(code: int, message: str, details: bytes | None) -> TocsinError:
    """Read an error from a call's code, its message, and the trailer ``grpc-status-details-bin`` if it had one."""
    status = status_pb2.Status()
    try:
        status.ParseFromString(details or b"")
    except DecodeError:
        status.Clear()
    # gRPC's own code and message win: they are there on every error, the details only on ours.
    status.code = code
    status.message = message
    return error_from(status)


# -- decisions -------------------------------------------------------------------------------------


def route_request(
    notification_id: str,
    grounds: decisions.Grounds,
    *,
    channels: Sequence[model.ChannelLike] = (),
    strategy: Any = None,
    hold_until: datetime | None = None,
    suppress: bool = False,
) -> service_pb.RouteRequest:
    """Build a RouteRequest; raises ValueError for an unknown word or a time without zone."""
    return service_pb.RouteRequest(
        id=notification_id,
        channels=targets(channels),
        strategy=strategy,
        hold_until=_timestamp("hold_until", hold_until),
        suppress=suppress,
        **grounds,
    )


def lease_request(options: decisions.LeaseOptions) -> decision_pb.LeaseUndecidedRequest:
    """Build a LeaseUndecidedRequest; raises ValueError for an unknown word."""
    return decision_pb.LeaseUndecidedRequest(
        max_count=options.get("max_count", 0),
        lease=_duration(options.get("lease")),
        wait=_duration(options.get("wait")),
        category=options.get("category", ""),
        recipient_types=[_number(model.RecipientType, word) for word in options.get("recipient_types", ())],
    )


def undecided_from(message: decision_pb.Undecided) -> decisions.Undecided:
    """Read an Undecided."""
    context = message.context
    return decisions.Undecided(
        notification_from(message.notification),
        message.lease_token,
        _time(message.lease_until),
        tuple(
            decisions.Option(
                _word(model.ChannelType, option.channel),
                option.allowed,
                tuple(option.denied_by),
                option.masked_address,
            )
            for option in message.options
        ),
        decisions.RecipientContext(
            context.locale,
            context.time_zone,
            context.local_time,
            context.unread_count,
            {_word(model.ChannelType, last.channel): _time(last.at) for last in context.last_sent},
        ),
    )


def decision_from(message: decision_pb.Decision) -> decisions.Decision:
    """Read a Decision."""
    return decisions.Decision(
        _time_of(message, "decided_at"),
        _word(decisions.DecidedBy, message.by),
        message.name,
        tuple(
            model.ChannelTarget(_word(model.ChannelType, target.channel), target.address) for target in message.channels
        ),
        tuple(
            decisions.Denied(_word(model.ChannelType, denied.channel), denied.policy, denied.detail)
            for denied in message.denied
        ),
        message.reason,
        message.decider,
    )
