"""What may travel as a token: visible ASCII, so that nothing can be added to a header, up to a bound."""

from __future__ import annotations

import pytest

from tocsin_server.domain.bearer import LONGEST_TOKEN, TOKEN


@pytest.mark.parametrize("token", ["", "a", "eyJhbGciOi.J9-_+/=~", "!" + "~" * (LONGEST_TOKEN - 1)])
def test_visible_ascii_may_travel(token: str) -> None:
    assert TOKEN.fullmatch(token)


@pytest.mark.parametrize("token", [" ", "a b", "a\n", "a\r\nx: y", "a\0", "\x7f", "é", "a" * (LONGEST_TOKEN + 1)])
def test_nothing_else_may(token: str) -> None:
    assert not TOKEN.fullmatch(token)
