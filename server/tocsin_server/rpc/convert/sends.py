"""A request to send, checked in full: from its message to the value that is routed and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.v1 import notification_service_pb2 as service_pb

from tocsin_server.domain.model import ChannelDraft, ChannelType, Goal, Micros, Strategy, StrategyKind, Submission
from tocsin_server.domain.ports import AddressProblem
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.addresses import read_addresses
from tocsin_server.rpc.convert.recipients import checked_recipient
from tocsin_server.rpc.convert.strategies import read_routing, read_strategy, read_targets
from tocsin_server.rpc.convert.structs import read_metadata
from tocsin_server.rpc.convert.times import read_time
from tocsin_server.rpc.idempotency import digest
from tocsin_server.rpc.validation import Violations


def read_send(request: service_pb.SendRequest, now: Micros, caller: str, address_problem: AddressProblem) -> Submission:
    """Read what is to be sent; ``address_problem`` knows the channels' forms of addresses.

    Raises:
        InvalidArgument: Names every bad field.
    """
    problems = Violations()
    recipient = checked_recipient(request.recipient, problems, registered=False)
    title, message, key = request.title, request.message, request.idempotency_key
    if (problem := validation.title_problem(title)) is not None:
        problems.add("title", problem)
    if (problem := validation.message_problem(message)) is not None:
        problems.add("message", problem)
    metadata, metadata_json = (
        read_metadata(request.metadata, problems) if request.HasField("metadata") else (None, None)
    )
    named = read_targets(request.channels, address_problem, problems)
    addresses = read_addresses(request.addresses, address_problem, problems) if request.addresses else {}
    if key and (problem := validation.key_problem(key)) is not None:
        problems.add("idempotency_key", problem)
    send_at, expires_at = _times(request, now, problems)
    strategy = read_strategy(request.strategy if request.HasField("strategy") else None, named, problems)
    route_by: Micros | None = None
    if request.HasField("routing"):
        route_by = read_routing(request.routing, named, expires_at, now, problems)
    category = request.category
    if category and (problem := validation.category_problem(category)) is not None:
        problems.add("category", problem)
    problems.raise_any()
    content_digest = ""
    if key:
        head = [*recipient, title, message, metadata_json or "null", len(named)]
        content = _content(head, named, addresses, [send_at, expires_at])
        content_digest = digest([*content, *_wishes(request, named, strategy)])
    return Submission(
        recipient,
        title,
        message,
        metadata,
        metadata_json,
        named,
        addresses,
        send_at,
        expires_at,
        caller,
        key,
        content_digest,
        category,
        strategy,
        route_by,
    )


def _times(request: service_pb.SendRequest, now: Micros, problems: Violations) -> tuple[Micros | None, Micros | None]:
    """Return when to start, and when to give up."""
    send_at = expires_at = None
    if request.HasField("send_at"):
        send_at = read_time(request.send_at, "send_at", problems)
        if send_at is not None:
            problems.add("send_at", validation.send_at_problem(send_at, now))
    if request.HasField("expires_at"):
        expires_at = read_time(request.expires_at, "expires_at", problems)
        if expires_at is not None:
            problems.add("expires_at", validation.expiry_order_problem(expires_at, send_at))
    return send_at, expires_at


def _content(
    head: list[str | int | None],
    named: Sequence[ChannelDraft],
    addresses: Mapping[ChannelType, str],
    times: Sequence[int | None],
) -> list[str | int | None]:
    """Return what most requests consist of, for the digest; ``head`` is the beginning of it."""
    for channel in named:
        head += channel[:2]
    head.append(len(addresses))
    for kind in sorted(addresses):
        head += (kind, addresses[kind])
    head += times
    return head


def _wishes(
    request: service_pb.SendRequest, named: Sequence[ChannelDraft], strategy: Strategy
) -> list[str | int | None]:
    """Return the rest for the digest: how channels work together, who decides, and what was added to the API since.

    What a request does not use leaves no trace, so that keys which were stored before it was added stay good.
    """
    kind = list(StrategyKind).index(strategy.kind) + 1 if request.HasField("strategy") else None
    routing = request.routing if request.HasField("routing") else None
    wishes: list[str | int | None] = [kind, strategy.escalate_after, routing.deferred if routing else None]
    # As it was asked for: the deadline that absence means is another at each repetition.
    wishes.append(routing.route_by.ToMicroseconds() if routing and routing.HasField("route_by") else None)
    if request.category:
        wishes += ("category", request.category)
    if strategy.goal != Goal.READ:
        wishes += ("goal", strategy.goal)
    for place, draft in enumerate(named):
        if draft.escalate_after is not None:
            wishes += ("escalate_after", place, draft.escalate_after)
    return wishes
