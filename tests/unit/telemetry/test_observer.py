"""Reports and who hears them."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

from helpers.drafts import EMAIL
from tocsin_server.telemetry import observer as observer_module
from tocsin_server.telemetry.observer import BreakerClosed, KeptOut, Observer, TakenOver

KINDS = [
    kind
    for _, kind in inspect.getmembers(observer_module, inspect.isclass)
    if kind.__module__ == observer_module.__name__ and kind is not Observer
]


def lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return our own records: what other tests left behind may be told of at any time."""
    return [record for record in caplog.records if record.name.startswith(("tocsin_server", "test."))]


def test_a_report_reaches_those_who_listen_for_its_kind_in_turn() -> None:
    observer, heard = Observer(), list[tuple[str, Any]]()
    observer.listen(TakenOver, lambda report: heard.append(("first", report)))
    observer.listen(TakenOver, lambda report: heard.append(("second", report)))
    observer.listen(KeptOut, lambda report: heard.append(("other", report)))
    report = TakenOver(EMAIL, "row")
    observer.report(report)
    assert heard == [("first", report), ("second", report)]


def test_whether_anybody_listens_can_be_asked() -> None:
    observer = Observer()
    observer.listen(KeptOut, lambda _: None)
    assert (observer.wants(KeptOut), observer.wants(TakenOver)) == (True, False)
    observer.report(BreakerClosed(EMAIL, "relay"))  # nobody does


def test_a_listener_that_fails_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    observer, heard = Observer(), list[KeptOut]()

    def fail(_: KeptOut) -> None:
        raise ValueError

    observer.listen(KeptOut, fail)
    observer.listen(KeptOut, heard.append)
    observer.report(KeptOut(EMAIL, "row"))
    assert len(heard) == 1
    assert [getattr(record, "event", "") for record in lines(caplog)] == ["listener_failed"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_report_is_plain_data_without_what_may_not_be_known(kind: type[Any]) -> None:
    fields = get_type_hints(kind)
    assert issubclass(kind, tuple)
    assert not set(fields) & {"address", "title", "message", "metadata", "detail", "response", "token"}
