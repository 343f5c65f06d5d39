"""Which credentials allow which RPC: the one table of it, by the RPCs' full names. Pure.

Every RPC that the server answers stands here, and a test that goes through all of them fails for one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NOTIFICATIONS: Final = "tocsin.v1.NotificationService"
CONTACTS: Final = "tocsin.v1.ContactService"
DECISIONS: Final = "tocsin.v1.DecisionService"
OPERATIONS: Final = "tocsin.v1.OperatorService"
RELAYS: Final = "tocsin.v1.RelayService"

SEND: Final = f"{NOTIFICATIONS}/Send"
SEND_BATCH: Final = f"{NOTIFICATIONS}/SendBatch"
GET: Final = f"{NOTIFICATIONS}/Get"
LIST: Final = f"{NOTIFICATIONS}/List"
MARK_READ: Final = f"{NOTIFICATIONS}/MarkRead"
COUNT_UNREAD: Final = f"{NOTIFICATIONS}/CountUnread"
CANCEL: Final = f"{NOTIFICATIONS}/Cancel"
RETRY: Final = f"{NOTIFICATIONS}/Retry"
ROUTE: Final = f"{NOTIFICATIONS}/Route"
SUBSCRIBE: Final = f"{NOTIFICATIONS}/Subscribe"
PUT_CONTACT: Final = f"{CONTACTS}/PutContact"
GET_CONTACT: Final = f"{CONTACTS}/GetContact"
DELETE_CONTACT: Final = f"{CONTACTS}/DeleteContact"
LIST_CONTACTS: Final = f"{CONTACTS}/ListContacts"
LEASE_UNDECIDED: Final = f"{DECISIONS}/LeaseUndecided"
PREVIEW: Final = f"{DECISIONS}/Preview"
EXPLAIN: Final = f"{DECISIONS}/Explain"
SIMULATE: Final = f"{DECISIONS}/Simulate"
BACKTEST: Final = f"{DECISIONS}/Backtest"
WHO_AM_I: Final = f"{DECISIONS}/WhoAmI"
PAUSE_CHANNEL: Final = f"{OPERATIONS}/PauseChannel"
RESUME_CHANNEL: Final = f"{OPERATIONS}/ResumeChannel"
GET_QUEUE: Final = f"{OPERATIONS}/GetQueue"
ERASE: Final = f"{OPERATIONS}/Erase"
EXPORT: Final = f"{OPERATIONS}/Export"
RELAY: Final = f"{RELAYS}/Relay"

SCOPES: Final[Mapping[str, frozenset[str]]] = {
    # Cancel and Retry of what the caller has sent itself.
    "send": frozenset({SEND, SEND_BATCH, CANCEL, RETRY}),
    # The same of what anybody has sent.
    "send_any": frozenset({SEND, SEND_BATCH, CANCEL, RETRY}),
    "read": frozenset(
        {
            GET,
            LIST,
            COUNT_UNREAD,
            SUBSCRIBE,
            MARK_READ,
            GET_CONTACT,
            LIST_CONTACTS,
            EXPLAIN,
            SIMULATE,
            BACKTEST,
        }
    ),
    # List of what waits for a decision alone, Explain of what the caller decides itself; addresses are masked.
    "route": frozenset({LIST, ROUTE, LEASE_UNDECIDED, PREVIEW, EXPLAIN}),
    # The same, and a decision may name any address.
    "route_anywhere": frozenset({LIST, ROUTE, LEASE_UNDECIDED, PREVIEW, EXPLAIN}),
    "simulate": frozenset({EXPLAIN, SIMULATE, BACKTEST}),
    "contacts": frozenset({PUT_CONTACT, GET_CONTACT, DELETE_CONTACT, LIST_CONTACTS}),
    # A stream of a relay's own; each subscription on it has credentials of its own.
    "relay": frozenset({RELAY}),
    # The queue and its channels; Cancel and Retry of what anybody has sent.
    "admin": frozenset({CANCEL, RETRY, PAUSE_CHANNEL, RESUME_CHANNEL, GET_QUEUE}),
    # All that is stored of a person: to show it, and to remove it.
    "erase": frozenset({ERASE, EXPORT}),
}
"""The RPCs that each scope of a service token allows."""

OF_EVERY_TOKEN: Final = frozenset({WHO_AM_I})
"""The RPCs that a service token allows whatever its scopes are."""

EVERY_RPC: Final = OF_EVERY_TOKEN.union(*SCOPES.values())
"""Those of all scopes."""

OF_NARROWED: Final[Mapping[str, frozenset[str]]] = {
    # Cancel and Retry are of what the caller has sent itself, so of its own recipients.
    "send": frozenset({SEND, SEND_BATCH, CANCEL, RETRY}),
    "read": frozenset({GET, LIST, COUNT_UNREAD, SUBSCRIBE, MARK_READ, GET_CONTACT}),
    "contacts": frozenset({PUT_CONTACT, GET_CONTACT, DELETE_CONTACT}),
}
"""The RPCs that scopes allow to a token that is for some types of recipients only. Each asks whose it is about."""

FOR_ANYBODYS: Final = frozenset({"send_any", "admin"})
"""Scopes that allow to change what another caller has sent."""

FOR_EXPLAINING: Final = frozenset({"read", "simulate"})
"""Scopes that allow Explain of what others decided."""

OF_RECIPIENTS: Final = frozenset({SUBSCRIBE, LIST, MARK_READ, COUNT_UNREAD})
"""The RPCs that a recipient's token allows, on that recipient's feed only."""

PUBLIC: Final = frozenset(
    {
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/List",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
)
"""RPCs that need no credentials: probes have none, and the API that reflection shows is public."""


def scopes_for(rpc: str) -> str:
    """Return the scopes of which one is enough for an RPC, such as ``send or send_any``; nothing if none allows it."""
    return " or ".join(scope for scope, rpcs in SCOPES.items() if rpc in rpcs)


def name_of(method: Any) -> str:
    """Return the full name of an RPC, ``package.Service/Method``, from its descriptor."""
    return f"{method.containing_service.full_name}/{method.name}"
