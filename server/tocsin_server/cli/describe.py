"""What happened to a notification, in words: for each channel, what came of it and when it is tried next.

Everything here is a function of the notification and the present time, and gives plain text; nothing is safe to
print before `tocsin_server.cli.output.clean` has seen it, because much of it comes from servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_client import Channel, Decision, Denied, Notification, PausedChannel
    from tocsin_server.cli.circumstances import Circumstances

# Why the server itself ended a channel; `Channel.response` in the API lists them.
_REASONS: Final = {
    "CANCELLED": "cancelled",
    "EXPIRED": "expired before it could be sent",
    "NO_ROUTE": "no usable way to send it was found",
    "SUPERSEDED": "not needed any more: the recipient has read it",
    "POLICY_DENIED": "a policy of the server forbids it",
}

# Why a channel of a rule cannot be used; `Denied.detail` in the API has them where no policy is named.
_HINDRANCES: Final = {
    "ADDRESS_UNKNOWN": "no address is known",
    "CHANNEL_NOT_CONFIGURED": "the server has no provider for it",
    "RECIPIENT_NOT_REGISTERED": "the recipient is not registered, so has no feed",
}

_OUTCOMES: Final = {
    "accepted": "accepted",
    "transient": "failed for the moment",
    "permanent": "refused for good",
    "unknown": "outcome unknown, the recipient may get it twice",
}


_JUST_NOW: Final = timedelta(seconds=10)


def age(at: datetime, now: datetime) -> str:
    """Return how far away a time is, in its largest unit: ``3m ago``, ``in 2h``, ``now``."""
    distance = at - now
    seconds = round(abs(distance.total_seconds()))
    if abs(distance) < timedelta(seconds=1):
        return "now"
    # A little short of a unit counts as one, or what was set "in 2h" would read "in 1h" at once.
    for unit, length, grace in (("d", 86400, 1800), ("h", 3600, 30), ("m", 60, 0), ("s", 1, 0)):
        if seconds + grace >= length:
            count = f"{(seconds + grace) // length}{unit}"
            return f"in {count}" if distance > timedelta(0) else f"{count} ago"
    raise AssertionError(seconds)


def stamp(at: datetime) -> str:
    """Return a time as ``2026-01-31 08:15:00 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def stamp_and_age(at: datetime, now: datetime) -> str:
    """Return a time and how far away it is."""
    return f"{stamp(at)} ({age(at, now)})"


def _times(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def brief(channel: Channel, now: datetime) -> str:
    """Return a channel in a few words, for a row of a table: ``sms failed after 3 attempts``."""
    name = str(channel.channel)
    if channel.status == "failed":
        reason = channel.response.get("reason")
        ending = str(reason).lower() if reason else f"after {_times(channel.attempts)}"
        return f"{name} failed ({ending})" if reason else f"{name} failed {ending}"
    if channel.status != "pending":
        return f"{name} {channel.status}"
    tried = f", tried {channel.attempts}x" if channel.attempts else ""
    if channel.next_attempt_at is None:
        return f"{name} {'waits for the recipient' if name == 'websocket' else 'being sent'}{tried}"
    due = age(channel.next_attempt_at, now) if channel.next_attempt_at > now else "due now"
    return f"{name} pending{tried}, {'next ' if tried and due != 'due now' else ''}{due}"


def state(channel: Channel, now: datetime) -> str:
    """Return what happened to a channel and when it is tried next, as a sentence without a full stop."""
    attempts = channel.attempts
    if channel.status == "sent":
        return (
            "sent" if attempts == 0 else "sent at the first attempt" if attempts == 1 else f"sent at attempt {attempts}"
        )
    if channel.status == "failed":
        why = _reason(channel.response)
        after = f"after {_times(attempts)}" if attempts or not why else "before any attempt"
        return f"failed {after}{': ' if why else ''}{why}; not tried again by itself"
    if channel.status != "pending":
        return str(channel.status)
    so_far = f", {_times(attempts)} so far" if attempts else ""
    if channel.next_attempt_at is None:
        return f"pending: {_doing(channel, now)}{so_far}"
    if channel.next_attempt_at <= now:
        return f"pending: due now{so_far}"
    verb = "tried again" if attempts else "first tried"
    return f"pending: {verb} {age(channel.next_attempt_at, now)}, at {stamp(channel.next_attempt_at)}{so_far}"


def _doing(channel: Channel, now: datetime) -> str:
    if channel.channel != "websocket":
        return "being sent right now"
    # The result for a recipient who is connected is written just after the answer to Send.
    if now - channel.created_at < _JUST_NOW:
        return "in the feed; sent as soon as the recipient is connected"
    return "waiting for the recipient to connect"


def answer(response: Mapping[str, Any], now: datetime) -> str:
    """Return what the sending system answered: outcome, code and its own words, then who said so and when."""
    outcome = str(response.get("outcome", ""))
    said = " ".join(str(response[name]) for name in ("code", "detail") if response.get(name))
    sentence = _OUTCOMES.get(outcome, outcome or "answered")
    if why := _reason(response):
        sentence = why  # the server's own decision: nobody answered
    elif said:
        sentence += f": {said}"
    source = [str(response["provider"])] if response.get("provider") else []
    if at := response.get("at"):
        source.append(_answered_at(str(at), now))
    return f"{sentence} ({', '.join(source)})" if source else sentence


def _reason(response: Mapping[str, Any]) -> str:
    reason = str(response.get("reason") or "")
    return _REASONS.get(reason, reason.lower().replace("_", " "))


def _answered_at(text: str, now: datetime) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{stamp(at)}, {age(at, now)}" if at.tzinfo is not None else text


def history(response: Mapping[str, Any], now: datetime) -> list[str]:
    """Return the earlier failed attempts that a response remembers, oldest first, a line each."""
    earlier = response.get("history")
    entries = [entry for entry in earlier if isinstance(entry, dict)] if isinstance(earlier, list) else []
    return [answer(entry, now) for entry in sorted(entries, key=lambda entry: str(entry.get("at", "")))]


def channel_lines(channel: Channel, now: datetime, paused: Mapping[str, PausedChannel] | None = None) -> list[str]:
    """Return everything that there is to say about a channel: a heading, then indented lines."""
    where = f" to {channel.address}" if channel.address else ""
    lines = [f"{channel.channel}{where}", f"  {state(channel, now)}"]
    if channel.status == "pending" and (pause := (paused or {}).get(str(channel.channel))):
        lines += [f"  {pause_of(pause, now)}", f"  to let it go on: tocsin resume {channel.channel}"]
    if "outcome" in channel.response and "reason" not in channel.response:
        lines.append(f"  last answer: {answer(channel.response, now)}")
    lines += [f"  earlier: {line}" for line in history(channel.response, now)]
    if channel.status == "failed" and channel.response.get("reason") != "SUPERSEDED":
        lines.append(f"  to revive it: tocsin retry {channel.notification_id} --channel {channel.channel}")
    return lines


def pause_of(paused: PausedChannel, now: datetime) -> str:
    """Return that a channel is paused, since when, by whom and why."""
    whose = f" by {paused.paused_by}" if paused.paused_by else ""
    why = f": {paused.reason}" if paused.reason else ""
    return f"{paused.channel} is paused since {stamp_and_age(paused.paused_at, now)}{whose}{why}"


def outstanding(notification: Notification, known: Circumstances, now: datetime) -> list[str]:
    """Return for each channel that is not settled why it is not, as far as that is known."""
    put_off = {one.channel: left_out(one.policy, one.detail) for one in _put_off(notification, known.decisions)}
    lines = []
    for channel in notification.channels:
        if channel.status == "pending":
            why = [state(channel, now).removeprefix("pending: ")]
            if pause := known.paused.get(str(channel.channel)):
                why.append(pause_of(pause, now))
            if channel.channel in put_off:
                why.append(put_off[channel.channel])
            lines.append(f"{channel.channel}: {'; '.join(why)}")
    if not notification.channels:
        return [without_channels(notification)]
    return lines or still_to_come(notification, known.decisions)


def without_channels(notification: Notification) -> str:
    """Return why a notification has no channel."""
    if notification.status == "pending":
        return "none yet: nobody has decided how to send it"
    return f"none: nothing is sent; who decided that, and why: tocsin explain {notification.id}"


def decided_by(decision: Decision) -> str:
    """Return who decided: ``decider shop``, or ``rule 'orders: the feed'`` where a name has several words."""
    name = repr(decision.name) if " " in decision.name else decision.name
    return f"{decision.by} {name}".strip()


def still_to_come(notification: Notification, decisions: Sequence[Decision]) -> list[str]:
    """Return what was decided and has not begun: which policy puts a channel off, and later steps of a fallback.

    ``decisions`` are those about the notification, oldest first.
    """
    # An escalation is the begin of a step, which was decided before.
    made = [decision for decision in decisions if decision.by != "escalation"]
    if not made or notification.status == "failed" or notification.is_read:
        return []
    begun = {channel.channel for channel in notification.channels}
    lines = [
        # The API does not tell of one that was sent and then cancelled.
        f"{target.channel}: only if what goes before it fails, or misses its goal; not if it was cancelled"
        for target in made[-1].channels
        if begun and target.channel not in begun
    ]
    lines += [
        f"{denied.channel}: {left_out(denied.policy, denied.detail)}" for denied in _put_off(notification, decisions)
    ]
    return lines


def _put_off(notification: Notification, decisions: Sequence[Decision]) -> list[Denied]:
    """Return what policies have put off and has not begun."""
    made = [decision for decision in decisions if decision.by != "escalation"]
    tried = {one.channel for one in notification.channels if one.status != "pending" or one.attempts}
    return [
        denied
        for denied in (made[-1].denied if made else ())
        if denied.detail.startswith("put off") and denied.channel not in tried
    ]


def tried(rule: str, why: str, *, matched: bool) -> str:
    """Return how a rule fared, in a line."""
    if rule == "built-in":
        rule += ": the feed, and each channel that has a provider and a known address"
    return f"{'yes' if matched else 'no '}  {rule}{f' ({why})' if why else ''}"


def left_out(policy: str, detail: str) -> str:
    """Return why a channel is not used, or not yet, whose policy that is included."""
    if not policy:
        return _HINDRANCES.get(detail, detail)
    if detail == "denied":
        return f"denied by the policy {policy!r}"
    return f"{detail}, by the policy {policy!r}"
