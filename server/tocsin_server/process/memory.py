"""Keeping freed memory for the next large request.

The C library gives large blocks back to the system as soon as they are free, and the system clears each page of a new
one. Receiving a request of 4 MiB takes 8 ms of processor time in that way, in which no other call is worked on, and
two thirds of it with memory that is there.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

KEPT: Final = 32 * 1024 * 1024
"""Bytes that may be free at the end of the heap: a few copies of the largest request."""

APART: Final = 8 * 1024 * 1024
"""Bytes from which on a block is the system's own, and given back at once."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_freed() -> None:
    """Set the C library for a process that receives requests; does nothing with others than glibc."""
    with contextlib.suppress(AttributeError, OSError):
        set_option = ctypes.CDLL(None).mallopt
        set_option(_TRIM_THRESHOLD, KEPT)
        set_option(_MMAP_THRESHOLD, APART)
