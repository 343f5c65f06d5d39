"""What an SMTP reply means for an attempt: pure tables, each row with its source.

The same number means different things at different stages: until the recipient is named, a refusal is about us
or the relay; then about the address; after the content, about the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from tocsin_server.channels.sender import OutcomeKind
from tocsin_server.channels.verdict import ACCEPTED, LATER, NOT_HERE, PERMANENT, PROVIDER_FAULT, UNKNOWN, Verdict


class Stage(StrEnum):
    """How far an attempt has come."""

    CONNECT = "connect"
    """Connection, greeting, EHLO, STARTTLS."""
    AUTH = "auth"
    MAIL = "mail"
    """RSET and MAIL FROM."""
    RCPT = "rcpt"
    DATA = "data"
    """The DATA command itself; no content has been handed over."""
    CONTENT = "content"
    """Content has been handed over, or begun to be: silence no longer means that it was not accepted."""


class EnhancedStatus(NamedTuple):
    """An enhanced status code ``class.subject.detail`` (RFC 3463), as in ``550 5.1.1 no such user``."""

    cls: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.cls}.{self.subject}.{self.detail}"


_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")


def enhanced_status(code: int, text: str) -> EnhancedStatus | None:
    """Read the enhanced status code that a reply's text begins with.

    None without one, and when its class contradicts the reply code, which RFC 2034 section 4 forbids.
    """
    match = _ENHANCED.match(text)
    if match is None or int(match[1]) != code // 100:
        return None
    return EnhancedStatus(int(match[1]), int(match[2]), int(match[3]))


THROTTLE_PAUSE: Final = 60.0
"""Seconds to hold back when a relay says that we send too fast; no reply of SMTP names a time."""

_THROTTLED: Final = Verdict(OutcomeKind.THROTTLED, retry_after=THROTTLE_PAUSE)

# Amazon SES answers "454 Throttling failure: Maximum sending rate exceeded" when its rate per second is exceeded
# (SES Developer Guide, SMTP response codes). The like-named "Daily message quota exceeded" is not throttling in
# our sense: waiting for it must use up attempts, or a row would wait for ever.
_RATE_EXCEEDED: Final = re.compile(r"throttling failure: maximum sending rate exceeded", re.IGNORECASE)

# 5yz with an enhanced code (subject, detail), at RCPT, DATA and after the content. What is not listed is decided
# by the basic code.
_REFUSED_ENHANCED: Final[Mapping[tuple[int, int], Verdict]] = {
    (1, 7): PROVIDER_FAULT,  # RFC 3463 3.2: bad sender's mailbox address syntax; ours, not the recipient's
    (1, 8): PROVIDER_FAULT,  # RFC 3463 3.2: bad sender's system address
    (1, 90): PROVIDER_FAULT,  # Exchange Online, "NDR error codes": our account's daily limit of recipients
    (2, 2): LATER,  # RFC 3463 3.3: mailbox full, "should be used as a persistent transient failure"
    (2, 3): PERMANENT,  # RFC 3463 3.3: message longer than the mailbox takes
    (3, 2): PROVIDER_FAULT,  # RFC 3463 3.4: system not accepting network messages (maintenance, overload)
    (3, 4): NOT_HERE,  # RFC 3463 3.4: message too big for the system
    (3, 5): PROVIDER_FAULT,  # RFC 3463 3.4: system incorrectly configured
    (4, 4): NOT_HERE,  # RFC 3463 3.5: this relay finds no route; another may have one
    (4, 5): PROVIDER_FAULT,  # RFC 3463 3.5: congestion. Gmail, "SMTP errors and codes": our daily quota is used up
    (5, 1): PROVIDER_FAULT,  # RFC 3463 3.6: invalid command for this state
    (5, 2): PROVIDER_FAULT,  # RFC 3463 3.6: command syntax error
    (5, 4): PROVIDER_FAULT,  # RFC 3463 3.6: invalid command arguments
    (5, 5): PROVIDER_FAULT,  # RFC 3463 3.6: wrong protocol version
    (7, 17): PERMANENT,  # RFC 7293 6: the mailbox has changed hands
    (7, 18): PERMANENT,  # RFC 7293 6: the domain has changed hands
}

# Any other 5.7.x at RCPT: relaying denied, authentication or encryption required, bad reputation of our address
# (RFC 3463 3.8, RFC 4954 6, RFC 5248 2.4). All of that is ours to mend and says nothing about the recipient, so
# nobody's notification is given up for it while the operator mends it; the breaker keeps us from insisting.
_POLICY: Final = 7

# The same after the content. These two speak about the message that was read; to repeat it unchanged to the same relay
# is what filters punish, and RFC 5321 4.2.1 asks us not to. The rest of 5.7.x (DKIM, SPF, reverse DNS: RFC 7372 3)
# remains ours to mend.
_CONTENT_REFUSED: Final[Mapping[tuple[int, int], Verdict]] = {
    (7, 0): NOT_HERE,  # RFC 3463 3.8: other security status
    (7, 1): NOT_HERE,  # RFC 3463 3.8: delivery not authorised, message refused
}

# Addressing and mailbox status (RFC 3463 3.2 and 3.3): no such mailbox, moved, disabled, no mail for this domain. True
# wherever we ask, and at every stage, since some relays look at the recipient after the content only.
_ABOUT_THE_MAILBOX: Final = (1, 2)

# Basic codes at RCPT that say the same without an enhanced code. The other refusals (551 and 554, 553 and 501 for
# an address that this relay cannot parse, any refusal after the content) are one relay's opinion.
_NO_MAILBOX: Final = (
    550,  # RFC 5321 4.2.2: mailbox unavailable
    556,  # RFC 7504 4: the recipient's domain takes no mail at all
)

# Amazon SES refuses messages for the state of our account by a bare 554 after the content (SES Developer Guide,
# "Amazon SES email sending errors").
_OUR_ACCOUNT: Final = re.compile(r"account is paused|email address is not verified", re.IGNORECASE)

# 5yz by basic code, at RCPT, DATA and after the content.
_REFUSED_BASIC: Final[Mapping[int, Verdict]] = {
    500: PROVIDER_FAULT,  # RFC 5321 4.2.2: command not recognised; would befall every message
    502: PROVIDER_FAULT,  # RFC 5321 4.2.2: command not implemented
    503: PROVIDER_FAULT,  # RFC 5321 4.2.2: bad sequence of commands
    504: PROVIDER_FAULT,  # RFC 5321 4.2.2: command parameter not implemented
    521: PROVIDER_FAULT,  # RFC 7504 3: the host accepts no mail at all
    530: PROVIDER_FAULT,  # RFC 4954 6 and RFC 3207 4: authentication, or STARTTLS, required
    534: PROVIDER_FAULT,  # RFC 4954 6: authentication mechanism too weak
    535: PROVIDER_FAULT,  # RFC 4954 6: credentials invalid
    538: PROVIDER_FAULT,  # RFC 2554 6: encryption required for the authentication mechanism
    555: PROVIDER_FAULT,  # RFC 5321 4.1.1.11: MAIL or RCPT parameters not recognised
}


CREDENTIAL_CODES: Final = frozenset({"530", "534", "535", "538"})
"""Replies about who we are, see above: authentication required, too weak, invalid."""


def classify_reply(stage: Stage, code: int, text: str) -> Verdict:
    """Judge the reply ``code text`` that ended an attempt at ``stage``.

    A ``code`` outside 200-599 stands for an answer that is not SMTP.
    """
    match code // 100:
        case 2 if stage is Stage.CONTENT:
            return ACCEPTED  # RFC 5321 4.2.1: the first digit decides, 250 is only the usual one
        case 4:
            return _classify_4yz(stage, code, text)
        case 5:
            return _classify_5yz(stage, code, text)
        case _:
            return classify_loss(stage)


def classify_loss(stage: Stage) -> Verdict:
    """Judge an attempt that ended at ``stage`` without a readable answer: connection lost, time-out, garbage.

    RFC 5321 4.2.5 (and RFC 1047 before it): a server may have taken the message once it has the final dot,
    even though its reply got lost; before the content it cannot have.
    """
    return UNKNOWN if stage is Stage.CONTENT else PROVIDER_FAULT


def _classify_4yz(stage: Stage, code: int, text: str) -> Verdict:
    enhanced = enhanced_status(code, text)
    if _RATE_EXCEEDED.search(text):
        return _THROTTLED
    if enhanced is not None and enhanced[1:] == (7, 28):
        return _THROTTLED  # IANA registry of enhanced status codes: X.7.28, mail flood detected
    if code == 421:
        return PROVIDER_FAULT  # RFC 5321 4.2.2: service not available, closing the channel
    if stage in (Stage.CONNECT, Stage.AUTH, Stage.MAIL):
        return PROVIDER_FAULT  # no recipient was named yet
    if enhanced is not None:
        # RFC 3463 3.4: X.3.x is the state of the mail system (full, not accepting). Greylisting (4.7.1, 4.2.0)
        # and full mailboxes (4.2.2) are about this recipient.
        return PROVIDER_FAULT if enhanced.subject == 3 else LATER
    # RFC 5321 4.2.2: 452 is insufficient system storage; 450 and 451 are, in practice, greylisting.
    return PROVIDER_FAULT if code == 452 else LATER


def _classify_5yz(stage: Stage, code: int, text: str) -> Verdict:
    enhanced = enhanced_status(code, text)
    key = (enhanced.subject, enhanced.detail) if enhanced is not None else (0, 0)  # X.0.0 is no information
    if stage in (Stage.CONNECT, Stage.AUTH):
        return PROVIDER_FAULT
    if stage is Stage.MAIL:
        # RFC 1870 6.1: 552 refuses the size declared at MAIL; RFC 6531 3.2: X.6.7 refuses an address outside
        # ASCII. Both are this relay's limits; anything else is about our own sender address.
        return NOT_HERE if code == 552 or key in ((3, 4), (6, 7)) else PROVIDER_FAULT
    if stage is Stage.CONTENT and key in _CONTENT_REFUSED:
        return _CONTENT_REFUSED[key]
    if _OUR_ACCOUNT.search(text):
        return PROVIDER_FAULT
    if key in _REFUSED_ENHANCED:
        return _REFUSED_ENHANCED[key]
    if enhanced is not None and enhanced.subject == _POLICY:
        return PROVIDER_FAULT
    if code == 552 and stage is Stage.RCPT and enhanced is None:
        return LATER  # RFC 5321 4.5.3.1.10: at RCPT, treat 552 like 452
    if code in _REFUSED_BASIC:
        return _REFUSED_BASIC[code]
    if enhanced is not None and enhanced.subject in _ABOUT_THE_MAILBOX:
        return PERMANENT
    return PERMANENT if stage is Stage.RCPT and code in _NO_MAILBOX and key[0] in (0, 5) else NOT_HERE
