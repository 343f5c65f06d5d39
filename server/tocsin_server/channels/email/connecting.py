"""A connection to the first of a host's addresses that answers (RFC 8305).

The event loop's own way is to try one address after the other, and an address that hangs, such as an IPv6 one
on a network that loses IPv6, would take all the time that there is. asyncio can do better, uvloop cannot.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Final

from aiohappyeyeballs import start_connection
from aiosmtplib import SMTPConnectError, SMTPConnectTimeoutError

NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds that an address has before the next is tried beside it (RFC 8305 section 5, Connection Attempt Delay)."""


async def open_socket(host: str, port: int, timeout: float) -> socket.socket:  # noqa: ASYNC109 - in the library's words
    """Return a connected socket; ``timeout`` is in seconds, for finding the addresses and for all of them together.

    Raises:
        SMTPConnectTimeoutError: No address has answered in time.
        SMTPConnectError: There is no address, or all refused.
        UnicodeError: The name cannot be one of a host.
    """
    try:
        async with asyncio.timeout(timeout):
            addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_AFTER)
    except TimeoutError as error:
        raise SMTPConnectTimeoutError(f"Timed out connecting to {host} on port {port}") from error
    except (OSError, RuntimeError) as error:  # what uvloop raises for a socket that it cannot use
        raise SMTPConnectError(f"Error connecting to {host} on port {port}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """Return why, as the system says it: of a refused connection, asyncio tells the address once more instead."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(getattr(error, "strerror", None) or error)
