"""The driver of the conformance suite for the Python client: operations as JSON lines in, answers as JSON lines out.

``clients/conformance/README.md`` describes the protocol. With ``--asyncio`` the asynchronous client is driven.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from adapting import Loop, open_async
from bulk import Bulk
from following import Follower
from tocsin_client import Accepted, Backoff, ChannelTarget, ChannelType, Client, Draft, Recipient, Tls, TocsinError
from tocsin_client.plain import as_plain

WARM_UP = 50
"""Cycles of `churn` before anything is counted."""

Arguments = Mapping[str, Any]

# -- values ----------------------------------------------------------------------------------------


def recipient(given: Arguments) -> Recipient:
    """Read a recipient."""
    return Recipient(given["type"], given.get("id"), given.get("external_id"))


def target(given: Arguments) -> ChannelTarget:
    """Read a channel to send through."""
    return ChannelTarget(ChannelType(given["channel"]), given.get("address"), given.get("escalate_after"))


def time_of(text: str | None) -> datetime | None:
    """Read a time."""
    return None if text is None else datetime.fromisoformat(text)


def draft(given: Arguments) -> Draft:
    """Read what is to be sent."""
    strategy, routing = given.get("strategy") or {}, given.get("routing") or {}
    return Draft(
        recipient(given["recipient"]),
        given.get("title", ""),
        given.get("message", ""),
        channels=[target(one) for one in given.get("channels", ())],
        addresses=given.get("addresses") or {},
        metadata=given.get("metadata"),
        idempotency_key=given.get("idempotency_key", ""),
        send_at=time_of(given.get("send_at")),
        expires_at=time_of(given.get("expires_at")),
        strategy=strategy.get("kind"),
        escalate_after=strategy.get("escalate_after"),
        goal=strategy.get("goal"),
        deferred=routing.get("deferred", False),
        route_by=time_of(routing.get("route_by")),
        category=given.get("category", ""),
    )


def conditions(given: Arguments) -> dict[str, Any]:
    """Read the conditions of a list."""
    names = ("feed_only", "unread_only", "unrouted_only", "statuses", "channels", "category", "page_size")
    found = {name: given[name] for name in names if name in given}
    found |= {name: time_of(given[name]) for name in ("created_after", "created_before") if name in given}
    if "recipient" in given:
        found["recipient"] = recipient(given["recipient"])
    return found


def failure(error: Exception) -> dict[str, Any]:
    """Write an error; those of arguments and of closed clients never left this process."""
    if isinstance(error, TocsinError):
        return {
            "type": type(error).__name__,
            "code": error.code,
            "reason": error.reason,
            "message": error.message,
            "metadata": error.metadata,
            "violations": [violation._asdict() for violation in error.violations],
            "retry_delay": error.retry_after,
        }
    return {"type": type(error).__name__, "message": str(error), "local": True}


def result(one: Accepted | TocsinError) -> dict[str, Any]:
    """Write the result of one of several sends."""
    return {"error": failure(one)} if isinstance(one, TocsinError) else {"ok": as_plain(one)}


# -- operations ------------------------------------------------------------------------------------


class Driver:
    """The clients, subscriptions and senders that the runner has opened, by its names."""

    def __init__(self, loop: Loop | None) -> None:
        self._loop = loop
        self._clients: dict[str, Any] = {}
        self._followers: dict[str, Follower] = {}
        self.bulk = Bulk(self._client, draft, result)
        self.operations: dict[str, Callable[[Arguments], dict[str, Any]]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        } | self.bulk.operations

    def _client(self, given: Arguments) -> Any:
        return self._clients[given["client"]]

    def close(self) -> None:
        """Close everything."""
        for follower in self._followers.values():
            follower.close()
        self.bulk.close()
        for client in self._clients.values():
            client.close()

    def do_hello(self, _: Arguments) -> dict[str, Any]:
        return {"language": "python", "version": platform.python_version()}

    def do_open(self, given: Arguments) -> dict[str, Any]:
        if given["client"] in self._clients:
            self._clients.pop(given["client"]).close()
        options: dict[str, Any] = {name: given[name] for name in ("deadline", "silence") if name in given}
        if "reconnect" in given:
            options["reconnect"] = Backoff(**given["reconnect"])
        if "tls" in given:
            tls = given["tls"]
            options["tls"] = Tls.from_files(
                tls.get("ca"), tls.get("certificate"), tls.get("key"), tls.get("server_name")
            )
        options["token"] = in_turn(given["tokens"]) if "tokens" in given else given.get("token")
        opened = Client(given["address"], **options)
        if self._loop is not None:
            opened.close()  # made to have the arguments checked
            self._clients[given["client"]] = open_async(self._loop, given["address"], options)
        else:
            self._clients[given["client"]] = opened
        return {}

    def do_close(self, given: Arguments) -> dict[str, Any]:
        self._client(given).close()
        return {}

    def do_send(self, given: Arguments) -> dict[str, Any]:
        one = draft(given)
        options = {name: getattr(one, name) for name in Draft.__dataclass_fields__ if name not in _POSITIONAL}
        sent = self._client(given).send(
            one.recipient, one.title, one.message, deadline=given.get("deadline"), **options
        )
        return as_plain(sent)  # type: ignore[no-any-return]

    def do_send_batch(self, given: Arguments) -> dict[str, Any]:
        drafts = [draft(one) for one in given["requests"]]
        results = self._client(given).send_batch(drafts, deadline=given.get("deadline"))
        return {"results": [result(one) for one in results]}

    def do_get(self, given: Arguments) -> dict[str, Any]:
        return {"notification": as_plain(self._client(given).get(given["id"], deadline=given.get("deadline")))}

    def do_list(self, given: Arguments) -> dict[str, Any]:
        page = self._client(given).list(page_token=given.get("page_token", ""), **conditions(given))
        return as_plain(page)  # type: ignore[no-any-return]

    def do_list_all(self, given: Arguments) -> dict[str, Any]:
        return {"ids": [one.id for one in self._client(given).iterate(**conditions(given))]}

    def do_mark_read(self, given: Arguments) -> dict[str, Any]:
        whose = recipient(given["recipient"]) if "recipient" in given else None
        marked = self._client(given).mark_read(
            given.get("ids", ()), recipient=whose, up_to_cursor=given.get("up_to_cursor", "")
        )
        return as_plain(marked)  # type: ignore[no-any-return]

    def do_count_unread(self, given: Arguments) -> dict[str, Any]:
        count = self._client(given).count_unread(recipient(given["recipient"]))
        return {"unread_count": int(count), "cursor": count.cursor}

    def do_cancel(self, given: Arguments) -> dict[str, Any]:
        return {"notification": as_plain(self._client(given).cancel(given["id"]))}

    def do_retry(self, given: Arguments) -> dict[str, Any]:
        return {"notification": as_plain(self._client(given).retry(given["id"], given.get("channels", ())))}

    def do_explain(self, given: Arguments) -> dict[str, Any]:
        return {"decisions": as_plain(self._client(given).explain(given["id"]))}

    def do_route(self, given: Arguments) -> dict[str, Any]:
        strategy = given.get("strategy") or {}
        routed = self._client(given).route(
            given["id"],
            [target(one) for one in given["channels"]],
            strategy=strategy.get("kind"),
            escalate_after=strategy.get("escalate_after"),
            **grounds(given),
        )
        return {"notification": as_plain(routed)}

    def do_hold(self, given: Arguments) -> dict[str, Any]:
        until = datetime.fromisoformat(given["hold_until"])
        return {"notification": as_plain(self._client(given).hold(given["id"], until, **grounds(given)))}

    def do_suppress(self, given: Arguments) -> dict[str, Any]:
        return {"notification": as_plain(self._client(given).suppress(given["id"], **grounds(given)))}

    def do_lease_undecided(self, given: Arguments) -> dict[str, Any]:
        names = ("max_count", "lease", "wait", "category", "deadline")
        options = {name: given[name] for name in names if name in given}
        if "recipient_types" in given:
            options["recipient_types"] = tuple(given["recipient_types"])
        return {"undecided": as_plain(self._client(given).lease_undecided(**options))}

    def do_put_contact(self, given: Arguments) -> dict[str, Any]:
        contact = given["contact"]
        put = self._client(given).put_contact(
            recipient(contact["recipient"]),
            contact.get("addresses") or {},
            locale=contact.get("locale", ""),
            time_zone=contact.get("time_zone", ""),
        )
        return {"contact": as_plain(put)}

    def do_get_contact(self, given: Arguments) -> dict[str, Any]:
        return {"contact": as_plain(self._client(given).get_contact(recipient(given["recipient"])))}

    def do_delete_contact(self, given: Arguments) -> dict[str, Any]:
        self._client(given).delete_contact(recipient(given["recipient"]))
        return {}

    def do_list_contacts(self, given: Arguments) -> dict[str, Any]:
        found = self._client(given).list_contacts(given.get("recipient_type"), page_size=given.get("page_size", 0))
        return {"contacts": [as_plain(one) for one in found]}

    # -- the feed ----------------------------------------------------------------------------------

    def do_subscribe(self, given: Arguments) -> dict[str, Any]:
        name = given["subscription"]
        if name in self._followers:
            self._followers.pop(name).close()
        self._followers[name] = Follower(self._client(given), recipient(given["recipient"]), given.get("cursor", ""))
        return {}

    def do_next(self, given: Arguments) -> dict[str, Any]:
        return self._followers[given["subscription"]].next(given.get("timeout", 10))

    def do_cursor(self, given: Arguments) -> dict[str, Any]:
        return {"cursor": self._followers[given["subscription"]].cursor}

    def do_interruptions(self, given: Arguments) -> dict[str, Any]:
        return {"interruptions": [failure(one) for one in self._followers[given["subscription"]].interruptions]}

    def do_unsubscribe(self, given: Arguments) -> dict[str, Any]:
        self._followers[given["subscription"]].close()
        return {}

    def do_churn(self, given: Arguments) -> dict[str, Any]:
        client, whose = self._client(given), recipient(given["recipient"])

        def cycles(count: int) -> dict[str, int]:
            for _ in range(count):
                with client.subscribe(whose) as events:
                    next(iter(events))
            gc.collect()
            return {"threads": threading.active_count()}

        before = cycles(WARM_UP)
        return {"counts": {"before": before, "after": cycles(given["cycles"])}}


_POSITIONAL = frozenset({"recipient", "title", "message"})


def grounds(given: Arguments) -> dict[str, str]:
    """Read what comes with a decision."""
    return {name: given[name] for name in ("lease_token", "reason", "decider") if name in given}


def in_turn(tokens: list[str]) -> Callable[[], str]:
    """Return a function that gives these tokens one after the other, and the last one for ever."""
    left = iter(tokens)
    return lambda: next(left, tokens[-1])


def answers(driver: Driver, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Carry out one request after the other."""
    for line in lines:
        given = json.loads(line)
        operation = driver.operations.get(given["op"])
        if operation is None:
            yield {"call": given["call"], "unsupported": f"no operation {given['op']}"}
            continue
        try:
            yield {"call": given["call"], "ok": operation(given)}
        except (TocsinError, ValueError, TypeError, RuntimeError) as error:
            yield {"call": given["call"], "error": failure(error)}


def plain_json(value: Any) -> Any:
    """Write what `as_plain` leaves: durations, in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} is no JSON")


def main() -> None:
    """Answer until the input ends."""
    driver = Driver(Loop() if "--asyncio" in sys.argv else None)
    try:
        for answer in answers(driver, iter(sys.stdin)):
            sys.stdout.write(json.dumps(answer, default=plain_json) + "\n")
            sys.stdout.flush()
    finally:
        driver.close()


if __name__ == "__main__":
    main()
