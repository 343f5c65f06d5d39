import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from tocsin.v1 import notification_pb2 as _notification_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SendRequest(_message.Message):
    __slots__ = ("recipient", "title", "message", "metadata", "channels", "addresses", "idempotency_key", "send_at", "expires_at", "strategy", "routing", "category")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SEND_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    ROUTING_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    title: str
    message: str
    metadata: _struct_pb2.Struct
    channels: _containers.RepeatedCompositeFieldContainer[_notification_pb2.ChannelTarget]
    addresses: _containers.RepeatedCompositeFieldContainer[_notification_pb2.Address]
    idempotency_key: str
    send_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    strategy: _notification_pb2.Strategy
    routing: _notification_pb2.Routing
    category: str
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., title: _Optional[str] = ..., message: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.ChannelTarget, _Mapping]]] = ..., addresses: _Optional[_Iterable[_Union[_notification_pb2.Address, _Mapping]]] = ..., idempotency_key: _Optional[str] = ..., send_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., strategy: _Optional[_Union[_notification_pb2.Strategy, _Mapping]] = ..., routing: _Optional[_Union[_notification_pb2.Routing, _Mapping]] = ..., category: _Optional[str] = ...) -> None: ...

class SendResponse(_message.Message):
    __slots__ = ("notification", "duplicate")
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    duplicate: bool
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ..., duplicate: _Optional[bool] = ...) -> None: ...

class SendBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[SendRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[SendRequest, _Mapping]]] = ...) -> None: ...

class SendBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SendResult]
    def __init__(self, results: _Optional[_Iterable[_Union[SendResult, _Mapping]]] = ...) -> None: ...

class SendResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: SendResponse
    error: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[SendResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("recipient", "feed_only", "unread_only", "unrouted_only", "statuses", "channels", "created_after", "created_before", "page_size", "page_token", "category")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    FEED_ONLY_FIELD_NUMBER: _ClassVar[int]
    UNREAD_ONLY_FIELD_NUMBER: _ClassVar[int]
    UNROUTED_ONLY_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    feed_only: bool
    unread_only: bool
    unrouted_only: bool
    statuses: _containers.RepeatedScalarFieldContainer[_notification_pb2.Status]
    channels: _containers.RepeatedScalarFieldContainer[_notification_pb2.ChannelType]
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    category: str
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., feed_only: _Optional[bool] = ..., unread_only: _Optional[bool] = ..., unrouted_only: _Optional[bool] = ..., statuses: _Optional[_Iterable[_Union[_notification_pb2.Status, str]]] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.ChannelType, str]]] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., category: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("notifications", "next_page_token", "cursor")
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    notifications: _containers.RepeatedCompositeFieldContainer[_notification_pb2.Notification]
    next_page_token: str
    cursor: str
    def __init__(self, notifications: _Optional[_Iterable[_Union[_notification_pb2.Notification, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., cursor: _Optional[str] = ...) -> None: ...

class MarkReadRequest(_message.Message):
    __slots__ = ("ids", "recipient", "up_to_cursor")
    IDS_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    UP_TO_CURSOR_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    recipient: _notification_pb2.Recipient
    up_to_cursor: str
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., up_to_cursor: _Optional[str] = ...) -> None: ...

class MarkReadResponse(_message.Message):
    __slots__ = ("marked_count", "unread_count", "cursor")
    MARKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    marked_count: int
    unread_count: int
    cursor: str
    def __init__(self, marked_count: _Optional[int] = ..., unread_count: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class CountUnreadRequest(_message.Message):
    __slots__ = ("recipient",)
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ...) -> None: ...

class CountUnreadResponse(_message.Message):
    __slots__ = ("unread_count", "cursor")
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    unread_count: int
    cursor: str
    def __init__(self, unread_count: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class RetryRequest(_message.Message):
    __slots__ = ("id", "channels")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    id: str
    channels: _containers.RepeatedScalarFieldContainer[_notification_pb2.ChannelType]
    def __init__(self, id: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.ChannelType, str]]] = ...) -> None: ...

class RetryResponse(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class RouteRequest(_message.Message):
    __slots__ = ("id", "channels", "strategy", "hold_until", "suppress", "lease_token", "reason", "decider")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    SUPPRESS_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    id: str
    channels: _containers.RepeatedCompositeFieldContainer[_notification_pb2.ChannelTarget]
    strategy: _notification_pb2.Strategy
    hold_until: _timestamp_pb2.Timestamp
    suppress: bool
    lease_token: str
    reason: str
    decider: str
    def __init__(self, id: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.ChannelTarget, _Mapping]]] = ..., strategy: _Optional[_Union[_notification_pb2.Strategy, _Mapping]] = ..., hold_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., suppress: _Optional[bool] = ..., lease_token: _Optional[str] = ..., reason: _Optional[str] = ..., decider: _Optional[str] = ...) -> None: ...

class RouteResponse(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("recipient", "cursor")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    recipient: _notification_pb2.Recipient
    cursor: str
    def __init__(self, recipient: _Optional[_Union[_notification_pb2.Recipient, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("cursor", "unread_count", "subscribed", "notification", "read_changed", "heartbeat")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    READ_CHANGED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    unread_count: int
    subscribed: Subscribed
    notification: _notification_pb2.Notification
    read_changed: ReadChanged
    heartbeat: Heartbeat
    def __init__(self, cursor: _Optional[str] = ..., unread_count: _Optional[int] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ..., read_changed: _Optional[_Union[ReadChanged, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ("recovered",)
    RECOVERED_FIELD_NUMBER: _ClassVar[int]
    recovered: bool
    def __init__(self, recovered: _Optional[bool] = ...) -> None: ...

class ReadChanged(_message.Message):
    __slots__ = ("ids", "read_at")
    IDS_FIELD_NUMBER: _ClassVar[int]
    READ_AT_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    read_at: _timestamp_pb2.Timestamp
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., read_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
