"""The SMS channel: hands messages to Twilio."""

from __future__ import annotations

import base64
import json
import logging
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import ClientSession, TraceConfig, TraceRequestHeadersSentParams
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from tocsin_server.channels.classify_twilio import classify_failed, classify_refusal
from tocsin_server.channels.sender import Message, Outcome, OutcomeKind
from tocsin_server.channels.verdict import PROVIDER_FAULT, UNKNOWN, Verdict, detail

_LIBRARY_LOG: Final = logging.getLogger("tocsin_server.channels.sms.twilio")
"""Given to the library in place of its own logger, at which it writes a dozen lines per message at INFO."""
_LIBRARY_LOG.setLevel(logging.WARNING)


class _Progress:
    """How far a request has come."""

    __slots__ = ("handed_over",)

    def __init__(self) -> None:
        self.handed_over = False


_progress: ContextVar[_Progress] = ContextVar("_progress")
"""That of the request that the present task is making: the library passes nothing of ours on to aiohttp."""


class _Refused(Exception):
    """An answer other than 2xx, with what the library's own exception leaves out."""

    def __init__(self, status: int, code: int | None, text: str, retry_after: float | None) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after


class SmsSender:
    """Sends SMS through one Twilio account from ``sender``, a phone number or a messaging service (``MG...``).

    ``api_url`` replaces ``https://api.twilio.com``. ``timeout`` is in seconds, for a request as a whole.
    """

    def __init__(
        self, *, account_sid: str, auth_token: str, sender: str, timeout: float, api_url: str | None = None
    ) -> None:
        self.name = f"twilio://{account_sid}"
        self._secrets = (auth_token, _basic(account_sid, auth_token))
        self._from = {"messaging_service_sid" if sender.startswith("MG") else "from_": sender}
        self._http = _Http(timeout)
        client = Client(account_sid, auth_token, http_client=self._http)
        # The library reads these from the environment, where nobody looks for settings of ours.
        client.region = client.edge = None
        if api_url is not None:
            client.api.base_url = api_url
        self._messages = client.api.account.messages

    async def send(self, message: Message) -> Outcome:
        """Hand one message to Twilio; see `Sender.send`.

        The outcome's ``data`` has ``sid``, the message's id at Twilio, and ``status``, its first state there.
        """
        progress = _Progress()
        _progress.set(progress)
        try:
            created = await self._messages.create_async(to=message.address, body=_text(message), **self._from)
            sid, status, code = created.sid, created.status, created.error_code
        except _Refused as refused:
            return self._outcome(
                classify_refusal(refused.status, refused.code, refused.retry_after),
                message,
                code=str(refused.code or refused.status),
                text=refused.text,
            )
        except Exception as error:  # noqa: BLE001 - send promises an outcome whatever happens
            if not progress.handed_over:
                return self._outcome(PROVIDER_FAULT, message, code=type(error).__name__, text=str(error))
            # Whether Twilio has read a request whose line broke cannot be known. The error's text is left out, since
            # it may quote what came instead of an answer.
            return self._outcome(UNKNOWN, message, code=type(error).__name__, text="no readable answer")
        if not isinstance(sid, str):
            return self._outcome(UNKNOWN, message, code="UNREADABLE_ANSWER", text="an answer of success without a SID")
        data = {"sid": sid, "status": status}
        if status == "failed":
            number = int(code) if str(code).isdecimal() else None
            return self._outcome(
                classify_failed(number), message, code=str(code or status), text=str(created.error_message), data=data
            )
        return Outcome(OutcomeKind.ACCEPTED, code="201", data=data)

    async def close(self) -> None:
        """Close kept connections; see `Sender.close`."""
        await self._http.close()

    def _outcome(
        self, verdict: Verdict, message: Message, *, code: str, text: str, data: dict[str, Any] | None = None
    ) -> Outcome:
        return Outcome(
            verdict.kind,
            code=code,
            detail=detail(text, message=message, secrets=self._secrets),
            data=data or {},
            retry_after=verdict.retry_after,
            provider_fault=verdict.provider_fault,
        )


class _Http:
    """The library's HTTP client with a time-out, which it lacks, and with answers read before it judges them."""

    is_async = True

    def __init__(self, timeout: float) -> None:
        tracing = TraceConfig()
        tracing.on_request_headers_sent.append(_note_handed_over)
        # Without max_retries it makes one request each; our queue does the retrying.
        self._client = AsyncTwilioHttpClient(trace_configs=[tracing], logger=_LIBRARY_LOG)
        self._timeout = timeout

    async def request(
        self, method: str, url: str, *, auth: tuple[str, str], headers: dict[str, str], **rest: Any
    ) -> Any:
        """Make a request; called by the library.

        Raises:
            _Refused: The answer is not 2xx.
        """
        # Left to itself it would use aiohttp's BasicAuth, which is deprecated and warns at each request.
        headers = {**headers, "Authorization": f"Basic {_basic(*auth)}"}
        response = await self._client.request(method, url, headers=headers, **{**rest, "timeout": self._timeout})
        if 200 <= response.status_code < 300:
            return response
        code, text = _error_of(response.text)
        raise _Refused(response.status_code, code, text, _seconds(response.headers.get("Retry-After")))

    async def close(self) -> None:
        await self._client.close()


async def _note_handed_over(
    _session: ClientSession, _context: SimpleNamespace, _params: TraceRequestHeadersSentParams
) -> None:
    _progress.get().handed_over = True


def _text(message: Message) -> str:
    """Write title and message as one text; many messages begin with their title, and each segment costs money."""
    if message.message.startswith(message.title):
        return message.message
    return f"{message.title}\n{message.message}"


def _basic(username: str, password: str) -> str:
    """Write credentials for HTTP Basic authentication (RFC 7617 section 2)."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _error_of(body: str) -> tuple[int | None, str]:
    """Read Twilio's error code and text from an error's body; without a code the body is somebody else's."""
    try:
        error = json.loads(body)
    except ValueError:
        return None, body
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return None, body
    return error["code"], str(error.get("message") or error.get("detail") or "")


def _seconds(header: str | None) -> float | None:
    """Read Retry-After in seconds; its other form, a date, is not worth trusting two clocks for."""
    return float(header) if header is not None and header.isdecimal() else None
