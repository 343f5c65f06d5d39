from tocsin.v1.error_reason_pb2 import ErrorReason

from runner.tables import error_reasons


def test_every_reason_of_the_api_is_in_the_table() -> None:
    names = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()]  # noqa: SIM118 - an enum, no mapping
    assert [row["reason"] for row in error_reasons()] == names[1:]
