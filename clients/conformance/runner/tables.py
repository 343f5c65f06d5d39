"""Tables of variables that stand elsewhere already: in the API, and in other files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from runner.drivers import ROOT

_REASON: Final = re.compile(r"((?:  //[^\n]*\n)+)  ERROR_REASON_(\w+) = [1-9]\d*;")


def error_reasons() -> list[dict[str, Any]]:
    """Return every ErrorReason with the code and the metadata of the example in its comment.

    Those with RetryInfo have one, and the one with violations has two.
    """
    text = (ROOT / "protos" / "tocsin" / "v1" / "error_reason.proto").read_text(encoding="utf-8")
    return [_row(comment, name) for comment, name in _REASON.findall(text)]


def _row(comment: str, name: str) -> dict[str, Any]:
    plain = re.sub(r"^  //", "", comment, flags=re.MULTILINE)
    code, example = re.search(r"Code: (\w+)", plain), re.search(r"\{\n.*\}", plain, re.DOTALL)
    assert code, f"{name} has no code"
    assert example, f"{name} has no example"
    violations = [{"field": "title", "description": "is missing"}, {"field": "ids[3]", "description": "is no UUID"}]
    return {
        "code": code[1],
        "reason": name,
        "metadata": json.loads(example[0])["metadata"],
        "retry_after": 1.5 if code[1] in {"RESOURCE_EXHAUSTED", "UNAVAILABLE"} else None,
        "violations": violations if name == "INVALID_FIELD" else [],
    }


def external_ids() -> list[dict[str, Any]]:
    """Return recipients with an external id, and the UUID that follows from it."""
    text = (ROOT / "clients" / "conformance" / "external_ids.json").read_text(encoding="utf-8")
    return list(json.loads(text)["recipients"])


TABLES: Final[dict[str, Callable[[], list[dict[str, Any]]]]] = {
    "error_reasons": error_reasons,
    "external_ids": external_ids,
}
