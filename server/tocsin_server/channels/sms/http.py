"""The Twilio library's way to the network: one request each, bounded in time and size, and read before it is judged."""

from __future__ import annotations

import base64
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import ClientResponse, ClientSession, ClientTimeout, TraceConfig, TraceRequestHeadersSentParams
from twilio.http.response import Response

from tocsin_server.channels.bounds import ANSWER_LIMIT, json_object, wait_of_header
from tocsin_server.channels.sender import Attempt
from tocsin_server.config.network import HttpProxy

attempt_of_request: Final[ContextVar[Attempt]] = ContextVar("attempt_of_request")
"""What the present task sends: the library passes nothing of ours on."""

_CODE_RANGE: Final = range(1, 1_000_000)
"""Twilio's error codes have five digits, https://www.twilio.com/docs/api/errors."""


class Refused(Exception):
    """An answer other than 2xx, with what the library's own exception leaves out.

    ``code`` and ``text`` are Twilio's; without a code the text is somebody else's. ``retry_after`` is in seconds.
    """

    def __init__(self, status: int, code: int | None, text: str, retry_after: float | None) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after


class TwilioHttp:
    """Takes the place of the library's HTTP client, which has neither a time-out nor a limit.

    ``timeout`` is in seconds, for a request as a whole.
    """

    is_async = True

    def __init__(self, timeout: float, proxy: HttpProxy | None = None) -> None:
        tracing = TraceConfig()
        tracing.on_request_headers_sent.append(_note_handed_over)
        # An answer is asked for as it is, and not unpacked: a few octets could unpack to any number.
        self._session = ClientSession(
            trace_configs=[tracing],
            timeout=ClientTimeout(total=timeout),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        self._proxy = proxy.url if proxy is not None else None
        self._proxy_headers: dict[str, str] = {}
        if proxy is not None and proxy.username is not None:
            password = proxy.password.get_secret_value() if proxy.password else ""
            self._proxy_headers["Proxy-Authorization"] = f"Basic {basic(proxy.username, password)}"

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_options: Any,
    ) -> Response:
        """Make a request; called by the library.

        Raises:
            Refused: The answer is not 2xx.
        """
        headers = dict(headers or {})
        if auth is not None:
            headers["Authorization"] = f"Basic {basic(*auth)}"
        if not url.startswith("https:"):
            headers |= self._proxy_headers  # without a tunnel the proxy reads the request itself
        async with self._session.request(
            method,
            url,
            params=params,
            data=data,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=attempt_of_request.get(),
            proxy=self._proxy,
            proxy_headers=self._proxy_headers,
        ) as response:
            body = await _read(response)
            if 200 <= response.status < 300:
                return Response(response.status, body.decode("utf-8", "replace"), response.headers)
            code, text = _error_of(body)
            raise Refused(response.status, code, text, wait_of_header(response.headers.get("Retry-After")))

    async def close(self) -> None:
        """Close kept connections."""
        await self._session.close()


def basic(username: str, password: str) -> str:
    """Write credentials for HTTP Basic authentication (RFC 7617 section 2)."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def code_of(value: object) -> int | None:
    """Read an error code, which some answers give as text; None if it cannot be one of Twilio's."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(_CODE_RANGE.stop)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value in _CODE_RANGE else None


async def _note_handed_over(
    _session: ClientSession, context: SimpleNamespace, _params: TraceRequestHeadersSentParams
) -> None:
    context.trace_request_ctx.handed_over = True


async def _read(response: ClientResponse) -> bytes:
    """Read an answer's body, of one that is too long the beginning; the connection is closed with the rest unread."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            response.close()
            break
    return bytes(body[:ANSWER_LIMIT])


def _error_of(body: bytes) -> tuple[int | None, str]:
    """Read Twilio's error code and text from an error's body."""
    error = json_object(body)
    code = code_of(error.get("code"))
    if code is None:
        return None, body.decode("utf-8", "replace")
    text = error.get("message") or error.get("detail")
    return code, text if isinstance(text, str) else ""
