"""The SMS channel: hands messages to Twilio."""

from __future__ import annotations

from typing import Any

from twilio.rest import Client

from tocsin_server.channels.sender import Attempt, Outcome, OutcomeKind, nothing_to_send
from tocsin_server.channels.sms.answers import CREDENTIAL_CODES, classify_failed, classify_refusal
from tocsin_server.channels.sms.http import Refused, TwilioHttp, attempt_of_request, basic, code_of
from tocsin_server.channels.verdict import PROVIDER_FAULT, UNKNOWN, Verdict, detail, secrets_of
from tocsin_server.config.network import HttpProxy
from tocsin_server.domain.model import ClaimedChannel


class SmsSender:
    """Sends SMS through one Twilio account from ``sender``, a phone number or a messaging service (``MG...``).

    ``api_url`` replaces ``https://api.twilio.com``. ``timeout`` is in seconds, for a request as a whole.
    """

    credential_codes = CREDENTIAL_CODES

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        timeout: float,
        api_url: str | None = None,
        proxy: HttpProxy | None = None,
    ) -> None:
        self.name = f"twilio://{account_sid}"
        self._secrets = (auth_token, basic(account_sid, auth_token), *secrets_of(proxy))
        self._from = {"messaging_service_sid" if sender.startswith("MG") else "from_": sender}
        self._http = TwilioHttp(timeout, proxy)
        client = Client(account_sid, auth_token, http_client=self._http)
        # The library reads these from the environment, where nobody looks for settings of ours.
        client.region = client.edge = None
        if api_url is not None:
            client.api.base_url = api_url
        self._account = client.api.account
        self._messages = self._account.messages

    async def send(self, attempt: Attempt) -> Outcome:
        """Hand one message to Twilio; see `Sender.send`.

        The outcome's ``data`` has ``sid``, the message's id at Twilio, and ``status``, its first state there.
        """
        message = attempt.claim
        attempt_of_request.set(attempt)
        try:
            created = await self._messages.create_async(to=message.address, body=_text(message), **self._from)
            sid, status, reason = created.sid, created.status, created.error_message
            code = code_of(created.error_code)
        except Refused as refused:
            return self._outcome(
                classify_refusal(refused.status, refused.code, refused.retry_after),
                message,
                code=str(refused.code or refused.status),
                text=refused.text,
            )
        except Exception as error:  # noqa: BLE001 - send promises an outcome whatever happens
            if not attempt.handed_over:
                return self._outcome(PROVIDER_FAULT, message, code=type(error).__name__, text=str(error))
            # Whether Twilio has read a request whose line broke cannot be known. The error's text is left out, since
            # it may quote what came instead of an answer.
            return self._outcome(UNKNOWN, message, code=type(error).__name__, text="no readable answer")
        if not isinstance(sid, str) or not sid:
            return self._outcome(UNKNOWN, message, code="UNREADABLE_ANSWER", text="an answer of success without a SID")
        data = {"sid": sid, "status": status}
        if status == "failed":
            text = reason if isinstance(reason, str) else ""
            return self._outcome(classify_failed(code), message, code=str(code or status), text=text, data=data)
        return Outcome(OutcomeKind.ACCEPTED, code="201", data=data)

    async def reach(self) -> str:
        """Read the account; see `Sender.reach`."""
        attempt_of_request.set(nothing_to_send())
        try:
            state = (await self._account.fetch_async()).status
        except Refused as refused:
            return detail(f"{refused.code or refused.status} {refused.text}", secrets=self._secrets)
        except Exception as error:  # noqa: BLE001 - reach promises a sentence whatever happens
            return detail(f"{type(error).__name__}: {str(error) or 'it did not answer in time'}", secrets=self._secrets)
        return "" if state == "active" else detail(f"the account is {state}")

    async def close(self) -> None:
        """Close kept connections; see `Sender.close`."""
        await self._http.close()

    def _outcome(
        self, verdict: Verdict, message: ClaimedChannel, *, code: str, text: str, data: dict[str, Any] | None = None
    ) -> Outcome:
        return verdict.outcome(code, detail(text, message=message, secrets=self._secrets), data)


def _text(message: ClaimedChannel) -> str:
    """Write title and message as one text; many messages begin with their title, and each segment costs money."""
    if message.message.startswith(message.title):
        return message.message
    return f"{message.title}\n{message.message}"
