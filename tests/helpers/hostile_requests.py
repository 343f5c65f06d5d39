"""Header blocks that no library writes, each wrong in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helpers.http2_frames import Header, literals, request_headers

COUNT_UNREAD = "/tocsin.v1.NotificationService/CountUnread"
NOT_UTF8 = b"/\xfd"

_CHANGES: dict[str, Callable[[list[Header]], list[Header]]] = {
    "a path that is not UTF-8": lambda headers: _with(headers, ":path", NOT_UTF8),
    "a method's path that goes on in bytes": lambda headers: _with(headers, ":path", COUNT_UNREAD.encode() + b"\xff"),
    "an empty path": lambda headers: _with(headers, ":path", b""),
    "a path of 4 KB": lambda headers: _with(headers, ":path", b"/" + b"x" * 4096),
    "no path": lambda headers: [header for header in headers if header[0] != ":path"],
    "two paths": lambda headers: [*headers[:3], (":path", NOT_UTF8), *headers[3:]],
    "an authority of bytes": lambda headers: _with(headers, ":authority", b"\xfd\xfe"),
    "no authority": lambda headers: [header for header in headers if header[0] != ":authority"],
    "a method of bytes": lambda headers: _with(headers, ":method", b"\xfd"),
    "a GET": lambda headers: _with(headers, ":method", b"GET"),
    "a scheme of bytes": lambda headers: _with(headers, ":scheme", b"\xfd"),
    "a pseudo-header of its own": lambda headers: [*headers[:4], (":status", b"200"), *headers[4:]],
    "another content type": lambda headers: _with(headers, "content-type", b"\xfd/\xfd"),
    "te of bytes": lambda headers: _with(headers, "te", b"\xfd"),
    "an encoding that nobody knows": lambda headers: [*headers, ("grpc-encoding", b"\xfdzip")],
    "encodings that nobody knows": lambda headers: [*headers, ("grpc-accept-encoding", b"\xfd,\xfe")],
    "a time limit of bytes": lambda headers: [*headers, ("grpc-timeout", b"\xfd")],
    "a time limit beyond all bounds": lambda headers: [*headers, ("grpc-timeout", b"9" * 400 + b"H")],
    "a time limit of nothing": lambda headers: [*headers, ("grpc-timeout", b"0n")],
    "credentials of bytes": lambda headers: [*headers, ("authorization", b"Bearer \xfd\xfe")],
    "binary metadata that is none": lambda headers: [*headers, ("trace-bin", b"\xfd!not base64!")],
    "a user agent of bytes": lambda headers: [*headers, ("user-agent", b"\xfd")],
    "a header without a name": lambda headers: [*headers, (b"", b"x")],
    "a name of bytes": lambda headers: [*headers, (b"\xfd", b"x")],
    "a name in capitals": lambda headers: [*headers, (b"X-Capital", b"x")],
    "line breaks in a value": lambda headers: [*headers, ("x", b"a\r\nERROR forged")],
    "a status for the server": lambda headers: [*headers, ("grpc-status", b"\xfd"), ("grpc-message", b"\xfd")],
    "a message of trailers": lambda headers: [*headers, ("grpc-message", b"%fd%")],
    "tags and traces": lambda headers: [*headers, ("grpc-tags-bin", b"\xfd"), ("grpc-trace-bin", b"\xfd")],
    "retries beyond all bounds": lambda headers: [*headers, ("grpc-previous-rpc-attempts", b"9" * 40)],
    "nothing at all": lambda _: [],
}


def _with(headers: list[Header], name: str, value: bytes) -> list[Header]:
    return [(name, value) if header[0] == name else header for header in headers]


HOSTILE: Mapping[str, bytes] = {
    what: literals(change(request_headers(COUNT_UNREAD, "x"))) for what, change in _CHANGES.items()
}
"""By what is wrong with it; of a call of CountUnread."""
