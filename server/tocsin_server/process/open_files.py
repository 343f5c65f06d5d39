"""How many connections this process may have: each is an open file to the system."""

from __future__ import annotations

import resource
from typing import Final

SPARE: Final = 100
"""Open files for everything else: the listener, the connection to the server, modules, logs."""


def raise_open_files(wanted: int) -> int:
    """Allow this process so many open files, or as many as the system lets it; returns how many it may have.

    The usual limit, 1,024, is for programs that use ``select``; the hard limit is what is meant for servers.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most)
