import pytest

from runner.matching import mismatch


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({}, {"anything": 1}),
        ({"gone": None}, {}),
        ({"gone": None}, {"gone": ""}),
        ({"gone": []}, {"gone": None}),
        ([{"a": 1}, 2], [{"a": 1, "b": 3}, 2]),
        ("2026-01-31T08:15:00.25Z", "2026-01-31T09:15:00.250000+01:00"),
        (1, 1.0),
        ({"$any": True}, 0),
        ({"$any": True}, False),
        ({"$match": "a.*"}, "a\nb"),
        ({"$length": 2}, [1, 2]),
        ({"$length": 0}, None),
        ({"$has": [{"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"$least": 2}, 2),
        ({"$most": 2}, None),
        ({"$not": {"a": 1}}, {"a": 2}),
        ({"$exactly": {"a": None}}, {"a": None}),
        ({"$flat": 1}, {"before": {"threads": 3}, "after": {"threads": 4, "more": 9}}),
    ],
)
def test_what_is_expected_fits(expected: object, actual: object) -> None:
    assert mismatch(expected, actual) is None


@pytest.mark.parametrize(
    ("expected", "actual", "says"),
    [
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "answer.a.b[0] is 2, not 1"),
        ({"a": 1}, None, "not an object"),
        ([1], [1, 2], "not a list of 1"),
        ({"gone": None}, {"gone": 0}, "not absent"),
        ({"gone": None}, {"gone": False}, "not absent"),
        (True, 1, "is 1, not True"),
        ("2026-01-31T08:15:00Z", "2026-01-31T08:15:01Z", "not '2026"),
        ({"$any": True}, "", "absent"),
        ({"$match": "a"}, "ab", "not of the form a"),
        ({"$length": 2}, [1], "the length 1, not 2"),
        ({"$has": [{"a": 3}]}, [{"a": 1}], "has no {'a': 3}"),
        ({"$least": 2}, 1, "less than 2"),
        ({"$most": 2}, 3, "more than 2"),
        ({"$not": {"a": 1}}, {"a": 1}, "must not be"),
        ({"$exactly": {"a": None}}, {}, "not exactly"),
        ({"$exactly": {}}, {"a": 1}, "not exactly"),
        ({"$flat": 1}, {"before": {"threads": 3}, "after": {"threads": 5}}, "has grown: {'threads': (3, 5)}"),
        ({"$flat": 1}, {"before": {}, "after": {}}, "no counts"),
    ],
)
def test_what_is_not_expected_is_told_with_its_place(expected: object, actual: object, says: str) -> None:
    assert says in str(mismatch(expected, actual))
