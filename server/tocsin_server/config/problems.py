"""What is wrong with several settings, told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tocsin_server.domain.errors import ConfigurationError

T = TypeVar("T")


class WrongTogether(ConfigurationError):
    """Settings are refused; ``said`` has a sentence about each reason."""

    def __init__(self, said: Sequence[str]) -> None:
        super().__init__("; ".join(said))
        self.said = said


class Problems:
    """Collects why settings are refused."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._said)

    def tried(self, make: Callable[[], T]) -> T | None:
        """Return what is made, None if settings keep it from being made."""
        try:
            return make()
        except ConfigurationError as error:
            self._said.append(str(error))
            return None

    def raise_any(self) -> None:
        """Raise one error of all that was said, if anything was."""
        if self._said:
            raise WrongTogether(list(dict.fromkeys(self._said)))
