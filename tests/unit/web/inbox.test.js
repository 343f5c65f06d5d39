/** What the inbox says, in its users' words, and when things happened. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { failureOf, troubleOf } from "../../../clients/web/inbox/state.js";
import { failureText, TEXTS } from "../../../clients/web/inbox/texts.js";
import { sentAt, Times } from "../../../clients/web/inbox/times.js";
import { notification } from "./frames.js";

const LIVE = { connection: "live", error: null, loadError: null, listed: true, notifications: [notification("a")] };
const NEVER = { connection: "connecting", error: null, loadError: null, listed: false, notifications: [] };

describe("what is said", () => {
  test("is nothing while all is well", () => {
    for (const client of [LIVE, { ...LIVE, notifications: [] }, NEVER]) {
      assert.equal(failureOf(client, TEXTS), null);
      assert.equal(troubleOf(client, TEXTS), "");
    }
  });

  test("is a sentence for users, whatever the error's own words are", () => {
    const said = (code) => failureText({ code, message: "token: must be a string of printable ASCII characters" }, TEXTS);
    assert.equal(said("UNAUTHENTICATED"), "You may have to sign in again.");
    assert.equal(said("PERMISSION_DENIED"), "They are not available on this page.");
    assert.equal(said("INVALID_ARGUMENT"), "They are not available on this page.");
    for (const code of ["UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "SOMETHING_NEW"]) {
      assert.equal(said(code), "Something went wrong. Please try again in a moment.");
    }
  });

  test("of a connection that never was is not that it is lost", () => {
    const failing = { ...NEVER, error: { code: "UNAVAILABLE" } };
    assert.equal(troubleOf(failing, TEXTS), TEXTS.connecting);
    assert.equal(failureOf(failing, TEXTS), null);
    assert.equal(troubleOf({ ...LIVE, connection: "reconnecting", error: { code: "UNAVAILABLE" } }, TEXTS), TEXTS.reconnecting);
  });

  test("without a network depends on what there is to see", () => {
    assert.equal(troubleOf({ ...LIVE, connection: "offline" }, TEXTS), TEXTS.offline);
    assert.deepEqual(failureOf({ ...NEVER, connection: "offline" }, TEXTS), { title: TEXTS.offlineTitle, text: TEXTS.offlineText, again: false });
    assert.equal(troubleOf({ ...NEVER, connection: "offline" }, TEXTS), "");
  });

  test("of a refusal stands above what is known, or in its place", () => {
    const refused = { connection: "refused", error: { code: "UNAUTHENTICATED" } };
    assert.equal(failureOf({ ...NEVER, ...refused }, TEXTS).text, TEXTS.failedSignIn);
    assert.equal(troubleOf({ ...NEVER, ...refused }, TEXTS), "");
    assert.equal(failureOf({ ...LIVE, ...refused }, TEXTS), null);
    assert.equal(troubleOf({ ...LIVE, ...refused }, TEXTS), TEXTS.failedSignIn);
  });

  test("where nobody has said whose inbox it is, is that there is none", () => {
    assert.equal(failureOf({ ...NEVER, connection: "idle" }, TEXTS).text, TEXTS.failedHere);
  });

  test("of a list that did not come is that, unless it did before", () => {
    const failed = { ...NEVER, connection: "live", loadError: { code: "UNAVAILABLE" } };
    assert.equal(failureOf(failed, TEXTS).text, TEXTS.failedNow);
    assert.equal(failureOf({ ...LIVE, loadError: failed.loadError }, TEXTS), null);
  });

  test("counts", () => {
    assert.equal(TEXTS.bell(0), "Notifications");
    assert.equal(TEXTS.bell(3), "Notifications, 3 unread");
    assert.equal(TEXTS.unmarked(1), "One notification could not be marked as read.");
    assert.equal(TEXTS.unmarked(2), "2 notifications could not be marked as read.");
  });
});

describe("times", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");

  test("are told relatively, then as a day", () => {
    const times = new Times("en");
    const since = (iso) => times.since(iso, now, "now");
    assert.equal(since("2026-01-31T11:59:01Z"), "now");
    assert.equal(since("2026-01-31T11:58:59Z"), "1 minute ago");
    assert.equal(since("2026-01-31T10:00:00Z"), "2 hours ago");
    assert.equal(since("2026-01-30T11:00:00Z"), "yesterday");
    assert.equal(since("2026-01-24T11:00:00Z"), "Jan 24, 2026");
  });

  test("are never of the future, when this clock is behind the server's", () => {
    assert.equal(new Times("en").since("2026-01-31T12:05:00Z", now, "now"), "now");
  });

  test("are in the page's language, and in English where that is none", () => {
    assert.equal(new Times("de").since("2026-01-30T11:00:00Z", now, "jetzt"), "gestern");
    assert.equal(new Times("no language!").since("2026-01-30T11:00:00Z", now, "now"), "yesterday");
  });

  test("are those at which something was sent, not those at which it should have been", () => {
    const created = "2026-01-31T08:00:00Z";
    assert.equal(sentAt({ created_at: created, send_at: null }), created);
    assert.equal(sentAt({ created_at: created, send_at: "2001-01-01T00:00:00Z" }), created);
    assert.equal(sentAt({ created_at: created, send_at: "2026-01-31T09:00:00Z" }), "2026-01-31T09:00:00Z");
  });
});
