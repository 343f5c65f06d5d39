import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from tocsin.v1 import notification_pb2 as _notification_pb2
from tocsin.v1 import notification_service_pb2 as _notification_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecidedBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECIDED_BY_UNSPECIFIED: _ClassVar[DecidedBy]
    DECIDED_BY_CALLER: _ClassVar[DecidedBy]
    DECIDED_BY_RULE: _ClassVar[DecidedBy]
    DECIDED_BY_DECIDER: _ClassVar[DecidedBy]
    DECIDED_BY_DEADLINE: _ClassVar[DecidedBy]
    DECIDED_BY_POLICY: _ClassVar[DecidedBy]
    DECIDED_BY_ESCALATION: _ClassVar[DecidedBy]
DECIDED_BY_UNSPECIFIED: DecidedBy
DECIDED_BY_CALLER: DecidedBy
DECIDED_BY_RULE: DecidedBy
DECIDED_BY_DECIDER: DecidedBy
DECIDED_BY_DEADLINE: DecidedBy
DECIDED_BY_POLICY: DecidedBy
DECIDED_BY_ESCALATION: DecidedBy

class LeaseUndecidedRequest(_message.Message):
    __slots__ = ("max_count", "lease", "wait", "category", "recipient_types")
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    max_count: int
    lease: _duration_pb2.Duration
    wait: _duration_pb2.Duration
    category: str
    recipient_types: _containers.RepeatedScalarFieldContainer[_notification_pb2.RecipientType]
    def __init__(self, max_count: _Optional[int] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., category: _Optional[str] = ..., recipient_types: _Optional[_Iterable[_Union[_notification_pb2.RecipientType, str]]] = ...) -> None: ...

class LeaseUndecidedResponse(_message.Message):
    __slots__ = ("undecided",)
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    undecided: _containers.RepeatedCompositeFieldContainer[Undecided]
    def __init__(self, undecided: _Optional[_Iterable[_Union[Undecided, _Mapping]]] = ...) -> None: ...

class Undecided(_message.Message):
    __slots__ = ("notification", "lease_token", "lease_until", "options", "context")
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LEASE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    lease_token: str
    lease_until: _timestamp_pb2.Timestamp
    options: _containers.RepeatedCompositeFieldContainer[Option]
    context: RecipientContext
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ..., lease_token: _Optional[str] = ..., lease_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., options: _Optional[_Iterable[_Union[Option, _Mapping]]] = ..., context: _Optional[_Union[RecipientContext, _Mapping]] = ...) -> None: ...

class Option(_message.Message):
    __slots__ = ("channel", "allowed", "denied_by", "masked_address")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    DENIED_BY_FIELD_NUMBER: _ClassVar[int]
    MASKED_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    allowed: bool
    denied_by: _containers.RepeatedScalarFieldContainer[str]
    masked_address: str
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., allowed: _Optional[bool] = ..., denied_by: _Optional[_Iterable[str]] = ..., masked_address: _Optional[str] = ...) -> None: ...

class RecipientContext(_message.Message):
    __slots__ = ("locale", "time_zone", "local_time", "unread_count", "last_sent")
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    LOCAL_TIME_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_SENT_FIELD_NUMBER: _ClassVar[int]
    locale: str
    time_zone: str
    local_time: str
    unread_count: int
    last_sent: _containers.RepeatedCompositeFieldContainer[LastSent]
    def __init__(self, locale: _Optional[str] = ..., time_zone: _Optional[str] = ..., local_time: _Optional[str] = ..., unread_count: _Optional[int] = ..., last_sent: _Optional[_Iterable[_Union[LastSent, _Mapping]]] = ...) -> None: ...

class LastSent(_message.Message):
    __slots__ = ("channel", "at")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    at: _timestamp_pb2.Timestamp
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("decided_at", "by", "name", "channels", "denied", "reason", "decider")
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    decided_at: _timestamp_pb2.Timestamp
    by: DecidedBy
    name: str
    channels: _containers.RepeatedCompositeFieldContainer[_notification_pb2.ChannelTarget]
    denied: _containers.RepeatedCompositeFieldContainer[Denied]
    reason: str
    decider: str
    def __init__(self, decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., by: _Optional[_Union[DecidedBy, str]] = ..., name: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.ChannelTarget, _Mapping]]] = ..., denied: _Optional[_Iterable[_Union[Denied, _Mapping]]] = ..., reason: _Optional[str] = ..., decider: _Optional[str] = ...) -> None: ...

class Denied(_message.Message):
    __slots__ = ("channel", "policy", "detail")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    policy: str
    detail: str
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., policy: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class PreviewRequest(_message.Message):
    __slots__ = ("route",)
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    route: _notification_service_pb2.RouteRequest
    def __init__(self, route: _Optional[_Union[_notification_service_pb2.RouteRequest, _Mapping]] = ...) -> None: ...

class PreviewResponse(_message.Message):
    __slots__ = ("decision", "already_made")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ALREADY_MADE_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    already_made: bool
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., already_made: _Optional[bool] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("decisions",)
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class SimulateRequest(_message.Message):
    __slots__ = ("request", "rules")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    request: _notification_service_pb2.SendRequest
    rules: str
    def __init__(self, request: _Optional[_Union[_notification_service_pb2.SendRequest, _Mapping]] = ..., rules: _Optional[str] = ...) -> None: ...

class SimulateResponse(_message.Message):
    __slots__ = ("decision", "trials", "refusal")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    trials: _containers.RepeatedCompositeFieldContainer[RuleTrial]
    refusal: _status_pb2.Status
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., trials: _Optional[_Iterable[_Union[RuleTrial, _Mapping]]] = ..., refusal: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class RuleTrial(_message.Message):
    __slots__ = ("rule", "matched", "why")
    RULE_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    rule: str
    matched: bool
    why: str
    def __init__(self, rule: _Optional[str] = ..., matched: _Optional[bool] = ..., why: _Optional[str] = ...) -> None: ...

class BacktestRequest(_message.Message):
    __slots__ = ("rules", "since", "until", "category", "limit")
    RULES_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    rules: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    category: str
    limit: int
    def __init__(self, rules: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., category: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class BacktestResponse(_message.Message):
    __slots__ = ("examined", "agreed", "changes", "examples", "truncated")
    EXAMINED_FIELD_NUMBER: _ClassVar[int]
    AGREED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    examined: int
    agreed: int
    changes: _containers.RepeatedCompositeFieldContainer[ChannelChange]
    examples: _containers.RepeatedCompositeFieldContainer[BacktestExample]
    truncated: bool
    def __init__(self, examined: _Optional[int] = ..., agreed: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[ChannelChange, _Mapping]]] = ..., examples: _Optional[_Iterable[_Union[BacktestExample, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class ChannelChange(_message.Message):
    __slots__ = ("channel", "added", "removed")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    added: int
    removed: int
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., added: _Optional[int] = ..., removed: _Optional[int] = ...) -> None: ...

class BacktestExample(_message.Message):
    __slots__ = ("id", "category", "recipient_type", "was", "would_be", "rule")
    ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    WAS_FIELD_NUMBER: _ClassVar[int]
    WOULD_BE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    id: str
    category: str
    recipient_type: _notification_pb2.RecipientType
    was: _containers.RepeatedScalarFieldContainer[_notification_pb2.ChannelType]
    would_be: _containers.RepeatedScalarFieldContainer[_notification_pb2.ChannelType]
    rule: str
    def __init__(self, id: _Optional[str] = ..., category: _Optional[str] = ..., recipient_type: _Optional[_Union[_notification_pb2.RecipientType, str]] = ..., was: _Optional[_Iterable[_Union[_notification_pb2.ChannelType, str]]] = ..., would_be: _Optional[_Iterable[_Union[_notification_pb2.ChannelType, str]]] = ..., rule: _Optional[str] = ...) -> None: ...

class WhoAmIRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WhoAmIResponse(_message.Message):
    __slots__ = ("name", "scopes", "rpcs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    RPCS_FIELD_NUMBER: _ClassVar[int]
    name: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    rpcs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., rpcs: _Optional[_Iterable[str]] = ...) -> None: ...
