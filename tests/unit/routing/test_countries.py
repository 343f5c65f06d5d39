"""Of which country a number is."""

from __future__ import annotations

import pytest

from tocsin_server.routing.countries import among, country_of


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("+442079460000", "GB"),
        ("+4930901820", "DE"),
        ("+14165550123", "CA"),
        ("+12125550123", "US"),
        ("+390612345678", "IT"),
        ("+870773111632", None),
        ("+999123", None),
        ("nonsense", None),
    ],
)
def test_a_number_is_of_its_country(address: str, country: str | None) -> None:
    found = country_of(address)
    assert found == country or (country is None and found == "001")


def test_a_number_of_another_country_is_named_with_those_that_are_right() -> None:
    objection = among(("GB", "IE"))
    assert objection("+442079460000") is None
    assert objection("+33123456789") == "country FR is not among GB, IE"
    assert objection("+999123") == "the number's country is not known (GB, IE)"
