"""Plays a scenario with a driver.

A step is an object with one of these members:

- ``do``: an operation for the driver. ``ok`` or ``error`` says what is expected (``{}`` if neither is there), ``keep``
  makes variables of parts of the answer: ``{"id": "notification.id"}``. With ``eventually`` it is repeated until it
  is as expected, with ``past`` while the answer is like that, with ``times`` so often, ``${i}`` counting from 1.
- ``begin``: an operation whose answer is not waited for; ``finish`` waits for it, with ``ok``, ``error``, ``keep``.
- ``server``: ``kill``, ``stop`` or ``start``.
- ``script``: steps of a scripted server, by RPC. ``received``: an RPC, whose calls must have been ``calls``.
- ``token``: makes a recipient's token, and a variable of it.
- ``stored``: whose notifications must be stored, ``count`` or, with ``least``, at least so many, before it goes on.
- ``memory``: what the driver's process may have grown by since the step of the same name with ``begin``.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

import psutil

from helpers.waiting import eventually
from runner.drivers import Driver, DriverFailed
from runner.matching import mismatch
from runner.scenarios import Scenario, filled
from runner.worlds import World

PATIENCE: Final = 60.0
"""Seconds for what happens eventually."""

CYCLES: Final = int(os.environ.get("CONFORMANCE_CYCLES", "10000"))
"""How often something is done that must leave nothing behind."""

LONGEST: Final = 800
"""Letters of a reason, which may quote a whole answer."""


@dataclass(frozen=True)
class Outcome:
    """How a scenario went: ``PASS``, ``FAIL`` or ``SKIPPED``, and why."""

    result: str
    why: str = ""
    seconds: float = 0.0


def _nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = {"a": value}
    return value


class Unsupported(Exception):
    """The driver has no such operation."""


def play(scenario: Scenario, world: World, driver: Driver) -> Outcome:
    """Play it, with each row of its table."""
    begun = time.monotonic()
    why, result = "", "PASS"
    try:
        for row in scenario.table:
            _Play(world, driver, row).all(scenario)
    except Unsupported as gap:
        result, why = "SKIPPED", str(gap)
    except (AssertionError, DriverFailed, KeyError, ValueError) as failure:
        result, why = "FAIL", f"{type(failure).__name__}: {failure}"[:LONGEST]
    return Outcome(result, why, time.monotonic() - begun)


class _Play:
    KINDS: Final = frozenset({"do", "begin", "finish", "server", "script", "received", "token", "stored", "memory"})

    def __init__(self, world: World, driver: Driver, row: dict[str, Any]) -> None:
        self._world, self._driver = world, driver
        self._variables: dict[str, Any] = {
            "address": world.address,
            "folder": str(world.folder),
            "fraction": "123456"[: driver.language.digits],
            "filler": "x" * 60_000,
            "huge": "x" * (5 << 20),
            "cycles": CYCLES,
            "warm_up": CYCLES // 4,
            **{name: str(uuid.uuid4()) for name in ("user", "other", "missing", "key", "key2")},
            **world.variables,
        }
        self._variables |= filled(row, self._variables)
        if "depth" in row:
            self._variables["nested"] = _nested(row["depth"])
        self._weights: dict[str, tuple[int, int, int]] = {}

    def all(self, scenario: Scenario) -> None:
        """Play all steps."""
        if scenario.client is not None:
            self._ask({"op": "open", "address": "${address}", **scenario.client}, {"ok": {}})
        for number, step in enumerate(scenario.steps, 1):
            try:
                self._step(step)
            except AssertionError as failure:
                row = {name: self._variables[name] for name in scenario.table[0]}
                raise AssertionError(f"step {number}{f' of {row}' if row else ''}: {failure}") from failure

    def _step(self, step: dict[str, Any]) -> None:
        [kind] = step.keys() & self.KINDS
        getattr(self, f"_{kind}")(step)

    def _operation(self, given: dict[str, Any]) -> dict[str, Any]:
        operation: dict[str, Any] = filled({"client": "main", **given}, self._variables)
        return operation

    def _do(self, step: dict[str, Any]) -> None:
        for number in range(1, step.get("times", 1) + 1):
            self._variables["i"] = str(number)
            if step.get("eventually"):
                eventually(lambda: self._ask(step["do"], step), PATIENCE)
            else:
                self._ask(step["do"], step)

    def _begin(self, step: dict[str, Any]) -> None:
        self._driver.begin(self._operation(step["begin"]))

    def _finish(self, step: dict[str, Any]) -> None:
        self._check(self._driver.finish(), step)

    def _server(self, step: dict[str, Any]) -> None:
        self._world.control(step["server"])

    def _ask(self, operation: dict[str, Any], expected: dict[str, Any]) -> bool:
        answer = self._driver.ask(self._operation(operation))
        end = time.monotonic() + PATIENCE
        while (
            "past" in expected
            and time.monotonic() < end
            and "ok" in answer
            and mismatch(expected["past"], answer["ok"]) is None
        ):
            answer = self._driver.ask(self._operation(operation))
        self._check(answer, expected)
        return True

    def _check(self, answer: dict[str, Any], expected: dict[str, Any]) -> None:
        if "unsupported" in answer:
            raise Unsupported(answer["unsupported"])
        kind = "error" if "error" in expected else "ok"
        assert kind in answer, f"not {kind}, but {answer}"
        difference = mismatch(filled(expected.get(kind, {}), self._variables), answer[kind], kind)
        assert difference is None, difference
        self._keep(expected, answer[kind])

    def _keep(self, step: dict[str, Any], found: Any) -> None:
        for name, path in step.get("keep", {}).items():
            part = found
            for member in path.split("."):
                part = part[int(member)] if isinstance(part, list) else part[member]
            self._variables[name] = part

    def _script(self, step: dict[str, Any]) -> None:
        for rpc, steps in filled(step["script"], self._variables).items():
            self._world.script(rpc, steps)  # type: ignore[attr-defined]

    def _received(self, step: dict[str, Any]) -> None:
        expected = filled(step["calls"], self._variables)
        calls = self._world.received(step["received"], len(expected))  # type: ignore[attr-defined]
        difference = mismatch(expected, calls, step["received"])
        assert difference is None, difference
        self._keep(step, calls)

    def _token(self, step: dict[str, Any]) -> None:
        given = filled(step["token"], self._variables)
        self._variables[given["name"]] = self._world.token(given["subject"], given["lifetime"])

    def _stored(self, step: dict[str, Any]) -> None:
        whose = filled(step["stored"], self._variables)
        if "least" in step:
            eventually(lambda: self._world.stored(whose) >= step["least"], PATIENCE)
        else:
            count = self._world.stored(whose)
            assert count == step["count"], f"{count} are stored, not {step['count']}"

    def _memory(self, step: dict[str, Any]) -> None:
        process = psutil.Process(self._driver.pid)
        now = (process.memory_info().rss, process.num_threads(), process.num_fds())
        if "most" not in step:
            self._weights[step["memory"]] = now
            return
        names = ("bytes", "threads", "handles")
        for name, before, after in zip(names, self._weights[step["memory"]], now, strict=True):
            limit = step["most"][name]
            assert after - before <= limit, (
                f"{after - before} more {name}, from {before} to {after}; allowed are {limit}"
            )
