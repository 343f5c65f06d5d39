"""What was freed is used again, where the C library can be told so."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

REQUESTS = """
import resource, sys
from tocsin_server.process.memory import keep_freed

if sys.argv[1] == "kept":
    keep_freed()

def receive():
    request = bytearray()
    for _ in range(512):
        request += bytes(8192)
    return bytes(request)

receive()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    receive()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_asked_for(how: str) -> int:
    # In a process of its own: it would last here.
    done = subprocess.run([sys.executable, "-c", REQUESTS, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_large_requests_one_after_the_other_are_received_into_the_same_memory() -> None:
    assert pages_asked_for("kept") < pages_asked_for("usual") / 10
