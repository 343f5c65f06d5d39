from google.rpc import status_pb2 as _status_pb2
from tocsin.v1 import notification_service_pb2 as _notification_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RelayRequest(_message.Message):
    __slots__ = ("openings", "closings", "receipts")
    OPENINGS_FIELD_NUMBER: _ClassVar[int]
    CLOSINGS_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    openings: _containers.RepeatedCompositeFieldContainer[RelayOpening]
    closings: _containers.RepeatedScalarFieldContainer[int]
    receipts: _containers.RepeatedCompositeFieldContainer[RelayReceipt]
    def __init__(self, openings: _Optional[_Iterable[_Union[RelayOpening, _Mapping]]] = ..., closings: _Optional[_Iterable[int]] = ..., receipts: _Optional[_Iterable[_Union[RelayReceipt, _Mapping]]] = ...) -> None: ...

class RelayOpening(_message.Message):
    __slots__ = ("id", "token", "subscribe")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    id: int
    token: str
    subscribe: _notification_service_pb2.SubscribeRequest
    def __init__(self, id: _Optional[int] = ..., token: _Optional[str] = ..., subscribe: _Optional[_Union[_notification_service_pb2.SubscribeRequest, _Mapping]] = ...) -> None: ...

class RelayReceipt(_message.Message):
    __slots__ = ("id", "bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    id: int
    bytes: int
    def __init__(self, id: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class RelayResponse(_message.Message):
    __slots__ = ("events", "endings")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    ENDINGS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[RelayEvent]
    endings: _containers.RepeatedCompositeFieldContainer[RelayEnding]
    def __init__(self, events: _Optional[_Iterable[_Union[RelayEvent, _Mapping]]] = ..., endings: _Optional[_Iterable[_Union[RelayEnding, _Mapping]]] = ...) -> None: ...

class RelayEvent(_message.Message):
    __slots__ = ("ids", "event")
    IDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    event: bytes
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., event: _Optional[bytes] = ...) -> None: ...

class RelayEnding(_message.Message):
    __slots__ = ("id", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    status: _status_pb2.Status
    def __init__(self, id: _Optional[int] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
