import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecipientType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECIPIENT_TYPE_UNSPECIFIED: _ClassVar[RecipientType]
    RECIPIENT_TYPE_USER: _ClassVar[RecipientType]
    RECIPIENT_TYPE_GUEST: _ClassVar[RecipientType]
    RECIPIENT_TYPE_POTENTIAL_CUSTOMER: _ClassVar[RecipientType]
    RECIPIENT_TYPE_PARTNER: _ClassVar[RecipientType]
    RECIPIENT_TYPE_OTHER: _ClassVar[RecipientType]

class ChannelType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_TYPE_UNSPECIFIED: _ClassVar[ChannelType]
    CHANNEL_TYPE_WEBSOCKET: _ClassVar[ChannelType]
    CHANNEL_TYPE_EMAIL: _ClassVar[ChannelType]
    CHANNEL_TYPE_TELEGRAM: _ClassVar[ChannelType]
    CHANNEL_TYPE_SMS: _ClassVar[ChannelType]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_PENDING: _ClassVar[Status]
    STATUS_SENT: _ClassVar[Status]
    STATUS_FAILED: _ClassVar[Status]

class AttemptOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_OUTCOME_UNSPECIFIED: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_ACCEPTED: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_TRANSIENT: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_THROTTLED: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_PERMANENT: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_UNKNOWN: _ClassVar[AttemptOutcome]

class StrategyKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRATEGY_KIND_UNSPECIFIED: _ClassVar[StrategyKind]
    STRATEGY_KIND_PARALLEL: _ClassVar[StrategyKind]
    STRATEGY_KIND_FALLBACK: _ClassVar[StrategyKind]

class StrategyGoal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRATEGY_GOAL_UNSPECIFIED: _ClassVar[StrategyGoal]
    STRATEGY_GOAL_READ: _ClassVar[StrategyGoal]
    STRATEGY_GOAL_SENT: _ClassVar[StrategyGoal]
RECIPIENT_TYPE_UNSPECIFIED: RecipientType
RECIPIENT_TYPE_USER: RecipientType
RECIPIENT_TYPE_GUEST: RecipientType
RECIPIENT_TYPE_POTENTIAL_CUSTOMER: RecipientType
RECIPIENT_TYPE_PARTNER: RecipientType
RECIPIENT_TYPE_OTHER: RecipientType
CHANNEL_TYPE_UNSPECIFIED: ChannelType
CHANNEL_TYPE_WEBSOCKET: ChannelType
CHANNEL_TYPE_EMAIL: ChannelType
CHANNEL_TYPE_TELEGRAM: ChannelType
CHANNEL_TYPE_SMS: ChannelType
STATUS_UNSPECIFIED: Status
STATUS_PENDING: Status
STATUS_SENT: Status
STATUS_FAILED: Status
ATTEMPT_OUTCOME_UNSPECIFIED: AttemptOutcome
ATTEMPT_OUTCOME_ACCEPTED: AttemptOutcome
ATTEMPT_OUTCOME_TRANSIENT: AttemptOutcome
ATTEMPT_OUTCOME_THROTTLED: AttemptOutcome
ATTEMPT_OUTCOME_PERMANENT: AttemptOutcome
ATTEMPT_OUTCOME_UNKNOWN: AttemptOutcome
STRATEGY_KIND_UNSPECIFIED: StrategyKind
STRATEGY_KIND_PARALLEL: StrategyKind
STRATEGY_KIND_FALLBACK: StrategyKind
STRATEGY_GOAL_UNSPECIFIED: StrategyGoal
STRATEGY_GOAL_READ: StrategyGoal
STRATEGY_GOAL_SENT: StrategyGoal

class Notification(_message.Message):
    __slots__ = ("id", "recipient", "title", "message", "status", "metadata", "is_read", "created_at", "channels", "read_at", "send_at", "expires_at", "owner", "category", "route_by")
    ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    IS_READ_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    READ_AT_FIELD_NUMBER: _ClassVar[int]
    SEND_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ROUTE_BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    recipient: Recipient
    title: str
    message: str
    status: Status
    metadata: _struct_pb2.Struct
    is_read: bool
    created_at: _timestamp_pb2.Timestamp
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    read_at: _timestamp_pb2.Timestamp
    send_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    owner: str
    category: str
    route_by: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., recipient: _Optional[_Union[Recipient, _Mapping]] = ..., title: _Optional[str] = ..., message: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., is_read: _Optional[bool] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., read_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., send_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., owner: _Optional[str] = ..., category: _Optional[str] = ..., route_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("id", "notification_id", "channel", "status", "attempts", "response", "created_at", "address", "next_attempt_at", "history")
    ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_AT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    id: str
    notification_id: str
    channel: ChannelType
    status: Status
    attempts: int
    response: _struct_pb2.Struct
    created_at: _timestamp_pb2.Timestamp
    address: str
    next_attempt_at: _timestamp_pb2.Timestamp
    history: _containers.RepeatedCompositeFieldContainer[Attempt]
    def __init__(self, id: _Optional[str] = ..., notification_id: _Optional[str] = ..., channel: _Optional[_Union[ChannelType, str]] = ..., status: _Optional[_Union[Status, str]] = ..., attempts: _Optional[int] = ..., response: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., address: _Optional[str] = ..., next_attempt_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., history: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("attempted_at", "outcome", "provider", "code", "detail")
    ATTEMPTED_AT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    attempted_at: _timestamp_pb2.Timestamp
    outcome: AttemptOutcome
    provider: str
    code: str
    detail: str
    def __init__(self, attempted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome: _Optional[_Union[AttemptOutcome, str]] = ..., provider: _Optional[str] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Recipient(_message.Message):
    __slots__ = ("type", "id", "external_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    type: RecipientType
    id: str
    external_id: str
    def __init__(self, type: _Optional[_Union[RecipientType, str]] = ..., id: _Optional[str] = ..., external_id: _Optional[str] = ...) -> None: ...

class Address(_message.Message):
    __slots__ = ("channel", "address")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    channel: ChannelType
    address: str
    def __init__(self, channel: _Optional[_Union[ChannelType, str]] = ..., address: _Optional[str] = ...) -> None: ...

class ChannelTarget(_message.Message):
    __slots__ = ("channel", "address", "escalate_after")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ESCALATE_AFTER_FIELD_NUMBER: _ClassVar[int]
    channel: ChannelType
    address: str
    escalate_after: _duration_pb2.Duration
    def __init__(self, channel: _Optional[_Union[ChannelType, str]] = ..., address: _Optional[str] = ..., escalate_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Strategy(_message.Message):
    __slots__ = ("kind", "escalate_after", "goal")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ESCALATE_AFTER_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    kind: StrategyKind
    escalate_after: _duration_pb2.Duration
    goal: StrategyGoal
    def __init__(self, kind: _Optional[_Union[StrategyKind, str]] = ..., escalate_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., goal: _Optional[_Union[StrategyGoal, str]] = ...) -> None: ...

class Routing(_message.Message):
    __slots__ = ("deferred", "route_by")
    DEFERRED_FIELD_NUMBER: _ClassVar[int]
    ROUTE_BY_FIELD_NUMBER: _ClassVar[int]
    deferred: bool
    route_by: _timestamp_pb2.Timestamp
    def __init__(self, deferred: _Optional[bool] = ..., route_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
