import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tocsin.v1 import notification_pb2 as _notification_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PausedChannel(_message.Message):
    __slots__ = ("channel", "paused_at", "paused_by", "reason")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PAUSED_AT_FIELD_NUMBER: _ClassVar[int]
    PAUSED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    paused_at: _timestamp_pb2.Timestamp
    paused_by: str
    reason: str
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., paused_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paused_by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseChannelRequest(_message.Message):
    __slots__ = ("channel", "reason")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    reason: str
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseChannelResponse(_message.Message):
    __slots__ = ("paused_channel",)
    PAUSED_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    paused_channel: PausedChannel
    def __init__(self, paused_channel: _Optional[_Union[PausedChannel, _Mapping]] = ...) -> None: ...

class ResumeChannelRequest(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ...) -> None: ...

class ResumeChannelResponse(_message.Message):
    __slots__ = ("was_paused",)
    WAS_PAUSED_FIELD_NUMBER: _ClassVar[int]
    was_paused: bool
    def __init__(self, was_paused: _Optional[bool] = ...) -> None: ...

class GetQueueRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetQueueResponse(_message.Message):
    __slots__ = ("channels", "undecided_count", "undecided_late_count")
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_LATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedCompositeFieldContainer[ChannelQueue]
    undecided_count: int
    undecided_late_count: int
    def __init__(self, channels: _Optional[_Iterable[_Union[ChannelQueue, _Mapping]]] = ..., undecided_count: _Optional[int] = ..., undecided_late_count: _Optional[int] = ...) -> None: ...

class ChannelQueue(_message.Message):
    __slots__ = ("channel", "due_count", "oldest_due_at", "leased_count", "waiting_count", "paused", "providers")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DUE_COUNT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_DUE_AT_FIELD_NUMBER: _ClassVar[int]
    LEASED_COUNT_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.ChannelType
    due_count: int
    oldest_due_at: _timestamp_pb2.Timestamp
    leased_count: int
    waiting_count: int
    paused: PausedChannel
    providers: _containers.RepeatedCompositeFieldContainer[ProviderQueue]
    def __init__(self, channel: _Optional[_Union[_notification_pb2.ChannelType, str]] = ..., due_count: _Optional[int] = ..., oldest_due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., leased_count: _Optional[int] = ..., waiting_count: _Optional[int] = ..., paused: _Optional[_Union[PausedChannel, _Mapping]] = ..., providers: _Optional[_Iterable[_Union[ProviderQueue, _Mapping]]] = ...) -> None: ...

class ProviderQueue(_message.Message):
    __slots__ = ("provider", "retrying_count", "open_breaker_count", "breaker_open_since", "breaker_code")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    RETRYING_COUNT_FIELD_NUMBER: _ClassVar[int]
    OPEN_BREAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    BREAKER_OPEN_SINCE_FIELD_NUMBER: _ClassVar[int]
    BREAKER_CODE_FIELD_NUMBER: _ClassVar[int]
    provider: str
    retrying_count: int
    open_breaker_count: int
    breaker_open_since: _timestamp_pb2.Timestamp
    breaker_code: str
    def __init__(self, provider: _Optional[str] = ..., retrying_count: _Optional[int] = ..., open_breaker_count: _Optional[int] = ..., breaker_open_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., breaker_code: _Optional[str] = ...) -> None: ...

class EraseRequest(_message.Message):
    __slots__ = ("recipient", "address")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    address: _notification_pb2.Address
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., address: _Optional[_Union[_notification_pb2.Address, _Mapping]] = ...) -> None: ...

class EraseResponse(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: Erasure
    def __init__(self, erasure: _Optional[_Union[Erasure, _Mapping]] = ...) -> None: ...

class Erasure(_message.Message):
    __slots__ = ("id", "erased_at", "erased_by", "notification_count")
    ID_FIELD_NUMBER: _ClassVar[int]
    ERASED_AT_FIELD_NUMBER: _ClassVar[int]
    ERASED_BY_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    id: str
    erased_at: _timestamp_pb2.Timestamp
    erased_by: str
    notification_count: int
    def __init__(self, id: _Optional[str] = ..., erased_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., erased_by: _Optional[str] = ..., notification_count: _Optional[int] = ...) -> None: ...

class ExportRequest(_message.Message):
    __slots__ = ("recipient", "address")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    address: _notification_pb2.Address
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., address: _Optional[_Union[_notification_pb2.Address, _Mapping]] = ...) -> None: ...

class ExportResponse(_message.Message):
    __slots__ = ("line",)
    LINE_FIELD_NUMBER: _ClassVar[int]
    line: str
    def __init__(self, line: _Optional[str] = ...) -> None: ...
