"""The form of a bearer token, wherever one comes from: a call, a browser's message, an agent's request, a setting."""

from __future__ import annotations

import re
from typing import Final

LONGEST_TOKEN: Final = 8 * 1024
"""Characters of a token at most, as headers carry it; one in a message is no longer."""

TOKEN: Final = re.compile(rf"[!-~]{{0,{LONGEST_TOKEN}}}")
"""What may travel in an ``authorization`` header, or nothing (RFC 9110, section 5.5: visible ASCII)."""
