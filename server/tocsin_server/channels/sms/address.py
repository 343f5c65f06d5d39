"""The form of a phone number. Pure."""

from __future__ import annotations

import re
from typing import Final

_E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
"""ITU-T E.164: a country code that does not begin with 0, at most 15 digits in all."""


def address_problem(address: str) -> str | None:
    """Return what would be right instead of ``address``, None if it has the form."""
    return None if _E164.fullmatch(address) else "must be an E.164 phone number, such as +15550100"
