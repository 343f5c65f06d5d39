/** Cursors are ordered as the places in a feed that they stand for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { isNewer } from "../../../clients/web/cursor.js";
import { cursorAt } from "./frames.js";

test("the order is that of the places, whatever letters stand for them", () => {
  // Base64url's alphabet does not sort: - and _ come last in it, but not in ASCII.
  const places = [0, 1, 25, 26, 51, 52, 61, 62, 63, 64, 255, 256, 4095, 65_535, 65_536, 2 ** 31, 2 ** 40];
  for (const [at, place] of places.entries()) {
    for (const [other, earlier] of places.entries()) {
      assert.equal(isNewer(cursorAt(place), cursorAt(earlier)), at > other, `${place} after ${earlier}`);
    }
  }
});

test("every place of a long run is newer than the one before", () => {
  for (let place = 1; place < 5_000; place++) assert.ok(isNewer(cursorAt(place), cursorAt(place - 1)));
});

test("anything is newer than nothing, and nothing is newer than anything", () => {
  assert.ok(isNewer(cursorAt(0), ""));
  assert.ok(!isNewer("", cursorAt(0)));
});

test("the cursor of a feed that does not exist yet is older than any of it", () => {
  assert.ok(isNewer(cursorAt(1), cursorAt(0, 0)));
});

test("what is no cursor is not newer, and no error", () => {
  assert.ok(!isNewer("not a cursor!", cursorAt(5)));
});
