"""For programs that pass feeds on to others, as Tocsin's bridge does for browsers: the parts the clients are made of.

A program that sends, reads or follows feeds of its own needs `tocsin_client.Client` or `tocsin_client.AsyncClient`, and
nothing of this. Here are one connection for many tokens, calls as values to be carried out on it, and what decides how
a subscription goes on after its stream has ended.
"""

from tocsin_client.aio_connection import AsyncConnection, carry_out
from tocsin_client.calls import RELAY, Call, list_page, mark_read
from tocsin_client.convert import error_from
from tocsin_client.resume import SILENCE, Resumption, ended, fell_silent
from tocsin_client.transport import check_target, credentials_metadata, error_from_rpc, is_local, open_aio_channel

__all__ = [
    "RELAY",
    "SILENCE",
    "AsyncConnection",
    "Call",
    "Resumption",
    "carry_out",
    "check_target",
    "credentials_metadata",
    "ended",
    "error_from",
    "error_from_rpc",
    "fell_silent",
    "is_local",
    "list_page",
    "mark_read",
    "open_aio_channel",
]
