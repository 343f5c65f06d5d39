import assert from "node:assert/strict";
import { test } from "node:test";

import { Attempts, CALL_BACKOFF, delayAfter, STREAM_BACKOFF } from "../src/backoff.js";
import { UnavailableError } from "../src/index.js";

const whole = { ...CALL_BACKOFF, random: () => 1 };

test("the bound of the wait doubles up to its largest, and the wait is anything below", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 5_000].map((failures) => delayAfter(whole, failures)),
    [100, 200, 400, 800, 1_600, 2_000, 2_000],
  );
  assert.equal(delayAfter({ ...CALL_BACKOFF, random: () => 0 }, 9), 0);
  assert.equal(delayAfter({ ...STREAM_BACKOFF, random: () => 0.5 }, 99), 15_000);
});

test("what the server asks for comes below the jitter, an hour at most", () => {
  assert.equal(delayAfter(whole, 1, 5_000), 5_100);
  assert.equal(delayAfter({ ...whole, random: () => 0 }, 1, 1e9), 3_600_000);
});

test("a wait that would end after the deadline is not begun", () => {
  const attempts = new Attempts(whole, 250, 1_000);
  const error = new UnavailableError("UNAVAILABLE", "away");
  assert.equal(attempts.delayAfter(error, 1_000), 100);
  assert.equal(attempts.remaining(1_100), 150);
  assert.equal(attempts.delayAfter(error, 1_100), undefined);
  assert.equal(attempts.remaining(2_000), 0);
});
