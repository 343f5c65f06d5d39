"""Of which country a phone number is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import phonenumbers

KNOWN: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries that have phone numbers, by their codes in ISO 3166."""


def among(allowed: Sequence[str]) -> Callable[[str], str | None]:
    """Return what says why a number is of none of these countries, None if it is of one."""
    names = ", ".join(allowed)

    def objection(address: str) -> str | None:
        country = country_of(address)
        if country in allowed:
            return None
        return f"country {country} is not among {names}" if country else f"the number's country is not known ({names})"

    return objection


def country_of(address: str) -> str | None:
    """Return the country of a number in E.164 form, None if it is of none, such as a satellite's."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(address, None))
    except phonenumbers.NumberParseException:
        return None
