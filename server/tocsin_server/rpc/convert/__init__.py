"""Protobuf messages to plain values and back; the services know their names, and nothing of what is in them.

Reading a request checks every field, and names every bad one at once (`InvalidArgument`). How much a request may hold
was looked at before, by `rpc.requests`.

- ``words``, ``times``, ``structs``, ``recipients`` and ``addresses`` are the parts that messages are made of;
- ``strategies`` reads how channels work together, for Send and for Route;
- ``sends`` and ``queries`` read requests, ``answers`` and ``events`` write;
- ``contacts``, ``decisions``, ``simulations`` and ``operating`` read and write for the service of that kind.
"""

from tocsin_server.rpc.convert.answers import (
    LARGEST_PAGE,
    marked_answer,
    unread_answer,
    write_accepted,
    write_channel,
    write_notification,
)
from tocsin_server.rpc.convert.contacts import read_list_contacts, read_put_contact, write_contact
from tocsin_server.rpc.convert.events import FeedMessage, serialise_feed_item, write_feed_item
from tocsin_server.rpc.convert.queries import read_list, read_mark_read, read_retry, read_subscribe
from tocsin_server.rpc.convert.recipients import read_id, read_recipient
from tocsin_server.rpc.convert.sends import read_send

__all__ = [
    "LARGEST_PAGE",
    "FeedMessage",
    "marked_answer",
    "read_id",
    "read_list",
    "read_list_contacts",
    "read_mark_read",
    "read_put_contact",
    "read_recipient",
    "read_retry",
    "read_send",
    "read_subscribe",
    "serialise_feed_item",
    "unread_answer",
    "write_accepted",
    "write_channel",
    "write_contact",
    "write_feed_item",
    "write_notification",
]
