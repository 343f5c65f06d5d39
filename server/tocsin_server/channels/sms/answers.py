"""What Twilio's answer to "create a message" means for an attempt: pure tables, each row with its source.

The numbers are Twilio's error codes; the page of code n is https://www.twilio.com/docs/api/errors/n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.verdict import LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict

RATE_PAUSE: Final = 5.0
"""Seconds to hold back after 429 without a Retry-After header."""

QUEUE_PAUSE: Final = 60.0
"""Seconds to hold back when Twilio's queue of our sender is full; it drains at about one segment a second."""

_QUEUE_FULL: Final = Verdict(OutcomeKind.THROTTLED, retry_after=QUEUE_PAUSE)

_BY_CODE: Final[Mapping[int, Verdict]] = {
    # Ours to mend: nothing goes out until the account or our settings are put right.
    20003: PROVIDER_FAULT,  # authentication failed
    20005: PROVIDER_FAULT,  # account not active
    20006: PROVIDER_FAULT,  # access denied
    20403: PROVIDER_FAULT,  # account suspended or closed
    20008: PROVIDER_FAULT,  # test credentials used for something real
    20404: PROVIDER_FAULT,  # no such account
    21212: PROVIDER_FAULT,  # invalid "From"
    21603: PROVIDER_FAULT,  # "From" missing
    21606: PROVIDER_FAULT,  # "From" cannot send SMS for this account
    21607: PROVIDER_FAULT,  # "From" not verified
    21660: PROVIDER_FAULT,  # "From" belongs to another account
    21701: PROVIDER_FAULT,  # no such messaging service
    21703: PROVIDER_FAULT,  # messaging service without a phone number
    21704: PROVIDER_FAULT,  # messaging service without a phone number
    21705: PROVIDER_FAULT,  # messaging service invalid
    63038: PROVIDER_FAULT,  # the account's daily limit of messages is reached
    # Ours to mend as well, but messages to other countries or numbers go out meanwhile: no matter for the breaker.
    21408: LATER,  # sending to this country is not enabled for the account
    21608: LATER,  # trial account, and the number is not one of those verified
    # About the pair of numbers, or this provider's limits: another account sends from another number.
    21265: NOT_HERE,  # "To" is a short code
    21266: NOT_HERE,  # "To" and "From" are the same
    21612: NOT_HERE,  # no route between "To" and "From"
    21605: NOT_HERE,  # body too long
    21617: NOT_HERE,  # body longer than 1600 characters
    # About the number.
    21211: PERMANENT,  # invalid "To"
    21214: PERMANENT,  # "To" cannot be reached
    21217: PERMANENT,  # "To" does not appear to be valid
    21604: PERMANENT,  # "To" missing
    21610: PERMANENT,  # the recipient has unsubscribed (answered STOP); sending from another number would evade that
    21614: PERMANENT,  # "To" is not a mobile number
    21635: PERMANENT,  # "To" is a landline
    # About the message.
    21602: PERMANENT,  # no body
    21619: PERMANENT,  # neither body nor media
    # Not accepted, because of its speed.
    21611: _QUEUE_FULL,  # too many messages of this "From" are queued
    # Usually told later, by the message's status; an answer that already says "failed" carries them too.
    30001: _QUEUE_FULL,  # queue overflow
    30002: PROVIDER_FAULT,  # account suspended
    30003: LATER,  # handset unreachable: switched off, or out of reach
    30004: PERMANENT,  # blocked by the recipient or the carrier; repeating it makes matters worse
    30005: PERMANENT,  # unknown or inactive number
    30006: PERMANENT,  # landline, or carrier out of reach
    30007: PERMANENT,  # filtered as spam by the recipient's carrier; repeating it makes matters worse
    30008: LATER,  # unknown error of the carrier
    30032: PROVIDER_FAULT,  # toll-free number not verified
    30034: PROVIDER_FAULT,  # number not registered for A2P 10DLC
    30500: LATER,  # internal error while processing this message; "try sending the message again"
}


CREDENTIAL_CODES: Final = frozenset({"20003", "20005", "20006", "401"})
"""Codes about our account: authentication failed, not active, access denied; the last is HTTP's, without a code."""


def classify_refusal(status: int, code: int | None, retry_after: float | None) -> Verdict:
    """Judge an answer other than 2xx, by HTTP ``status`` and Twilio ``code``, None where the body had none.

    ``retry_after`` is the header's value in seconds, None without it.
    """
    if status == 429:
        # 20429: such a request was not processed and is always safe to repeat.
        return Verdict(OutcomeKind.THROTTLED, retry_after=RATE_PAUSE if retry_after is None else retry_after)
    if status >= 500:
        # 20500 says so in as many words: to repeat a POST that sends an SMS may send it twice. 20503, and answers
        # of whatever stands between Twilio and us, promise nothing better.
        return UNKNOWN
    if code is None or status < 400:
        return PROVIDER_FAULT  # not Twilio's: a proxy, a captive portal, or a wrong twilio_api_url
    if code in _BY_CODE:
        return _BY_CODE[code]
    # RFC 9110 15.5: 401 and 403 are about our credentials, 404 and 405 about the place we asked at; the rest of
    # 4xx says that this request is wrong and will remain so, as Twilio sees it.
    return PROVIDER_FAULT if status in (401, 403, 404, 405) else NOT_HERE


def classify_failed(code: int | None) -> Verdict:
    """Judge a message that Twilio created and gave up at once (status "failed"), by the message's error code."""
    return _BY_CODE.get(code, LATER) if code is not None else LATER
