"""What people type, read into values; refuses with one sentence that names the option and what would be right."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from tocsin_client import ChannelTarget, Recipient

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}  # seconds
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")

_EXACT: Final = 2**53
"""Integers up to here, either sign, survive the way through the wire's doubles."""

_LONGEST: Final = timedelta(days=100 * 366)
"""Durations beyond this are typing errors, and would leave the range of dates."""


class UsageError(Exception):
    """The command was used wrongly: a sentence, or several, a line each; exit status 2."""


def recipient(text: str, option: str = "--to") -> Recipient:
    """Read ``user:UUID``, ``user:ext:42`` or ``other``; raises UsageError."""
    from tocsin_client import Recipient  # noqa: PLC0415 - heavy: only when a command runs

    try:
        return Recipient.of(text)
    except ValueError as error:
        forms = "write it as user:UUID, as user:ext:ID for an id of your own, or as other for somebody unregistered"
        raise UsageError(f"{option}: {error}; {forms}") from None


def registered(text: str, option: str = "--to") -> Recipient:
    """Read a recipient who has an id; raises UsageError."""
    whom = recipient(text, option)
    if not whom.id:
        raise UsageError(f"{option}: needs an id, such as user:UUID or user:ext:ID; who is not registered has none")
    return whom


def channel_word(text: str, option: str = "--channel") -> str:
    """Read a channel's name; raises UsageError."""
    from tocsin_client import ChannelType  # noqa: PLC0415 - heavy: only when a command runs

    try:
        return ChannelType(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def channel_targets(texts: Sequence[str]) -> list[ChannelTarget]:
    """Read channels such as ``websocket`` and ``email=ann@example.org``; raises UsageError."""
    from tocsin_client import ChannelTarget, ChannelType  # noqa: PLC0415 - heavy: only when a command runs

    targets = []
    for text in texts:
        word, _, address = text.partition("=")
        targets.append(ChannelTarget(ChannelType(channel_word(word)), address or None))
    return targets


def strategy(word: str) -> str | None:
    """Read how channels work together; None if nothing is typed."""
    if word not in {"", "parallel", "fallback"}:
        raise UsageError(f"--strategy: {word!r} is neither parallel nor fallback")
    return word or None


def goal(word: str) -> str | None:
    """Read when a fallback ends; None if nothing is typed."""
    if word not in {"", "read", "sent"}:
        raise UsageError(f"--goal: {word!r} is neither read nor sent")
    return word or None


def addresses(texts: Sequence[str]) -> dict[str, str]:
    """Read addresses such as ``email=ann@example.org``, one per channel; raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        word, _, address = text.partition("=")
        word = channel_word(word, "--address")
        if not address:
            raise UsageError(f"--address: {text!r} has no address; write it as {word}=ADDRESS")
        if word in found:
            raise UsageError(f"--address: {word} is given twice")
        found[word] = address
    return found


def metadata(texts: Sequence[str]) -> dict[str, Any] | None:
    """Read metadata, each a JSON object or ``key=value`` (a string), later ones winning; raises UsageError.

    Returns None when nothing was given.
    """
    merged: dict[str, Any] = {}
    for text in texts:
        if text.lstrip().startswith("{"):
            merged.update(_json_object(text))
            continue
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--metadata: {text!r} is neither a JSON object nor key=value")
        merged[key] = value
    return merged if texts else None


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_int=_json_integer, parse_constant=_no_constant, parse_float=_json_float)
    except json.JSONDecodeError as error:
        raise UsageError(f"--metadata: not JSON at character {error.pos + 1}: {error.msg}") from None
    if not isinstance(value, dict):
        raise UsageError("--metadata: not a JSON object")
    return value


def _json_integer(digits: str) -> int:
    if len(digits) > len(str(_EXACT)) + 1 or abs(int(digits)) > _EXACT:
        raise UsageError("--metadata: an integer beyond 2^53 would lose digits; write it as a string, in quotes")
    return int(digits)


def _json_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise UsageError(f"--metadata: {digits} is out of range; write it as a string, in quotes")
    return number


def _no_constant(word: str) -> NoReturn:
    raise UsageError(f"--metadata: {word} is not JSON")


def duration(text: str, option: str) -> timedelta:
    """Read a duration such as ``90``, ``250ms``, ``10m`` or ``1h30m``; a bare number is seconds; raises UsageError."""
    try:
        if _DURATION.fullmatch(text):
            length = timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text)))
        else:
            length = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {text!r} is not a duration such as 30s, 10m, 1h30m or 2d") from None
    if not timedelta(0) <= length <= _LONGEST:
        raise UsageError(f"{option}: {text!r} is out of range")
    return length


def moment(text: str, option: str, now: datetime, *, ahead: bool) -> datetime:
    """Read a time: RFC 3339 with a zone, or a duration from ``now``; raises UsageError.

    ``+10m`` lies ahead and ``-10m`` back; without a sign it goes the way that the option means, ``ahead`` or back.
    """
    sign = {"+": 1, "-": -1}.get(text[:1])
    if sign is not None or re.fullmatch(r"\d+(\.\d+)?", text) or _DURATION.fullmatch(text):
        length = duration(text.lstrip("+-"), option)
        return now + (sign or (1 if ahead else -1)) * length
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        example = "+10m" if ahead else "2h (ago)"
        raise UsageError(f"{option}: {text!r} is neither a time such as 2026-01-31T08:15:00Z nor {example}") from None
    if at.tzinfo is None:
        raise UsageError(f"{option}: {text!r} has no time zone; add Z for UTC, or an offset such as +01:00")
    return at.astimezone(UTC)


def moment_ahead(text: str, option: str, now: datetime) -> datetime | None:
    """Read a time that lies ahead, None if there is none; raises UsageError."""
    return moment(text, option, now, ahead=True) if text else None


def moment_ago(text: str, option: str, now: datetime) -> datetime | None:
    """Read a time in the past, None if there is none; raises UsageError."""
    return moment(text, option, now, ahead=False) if text else None


def text_or_stdin(text: str) -> str:
    """Return the text, or what standard input holds if it is ``-`` (without the final line break)."""
    if text == "-" and sys.stdin.isatty():
        sys.stderr.write("tocsin: reading the message from the terminal; end it with Ctrl-D on a line of its own\n")
    return sys.stdin.read().removesuffix("\n") if text == "-" else text
