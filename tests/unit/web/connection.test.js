/** What a connection makes of tokens, refusals and close codes, and how long it waits. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BACKOFF, checkedToken, isPassing, meaningOf, TocsinError, waitAfter } from "../../../clients/web/connection.js";
import { recipientOf, socketUrl } from "../../../clients/web/tocsin.js";

test("waits grow up to a bound, are drawn at random below it, and never break", () => {
  assert.deepEqual([0, 1, 2, 3].map((failures) => waitAfter(failures, BACKOFF, () => 1)), [500, 1_000, 2_000, 4_000]);
  assert.equal(waitAfter(10, BACKOFF, () => 1), 30_000);
  assert.equal(waitAfter(10, BACKOFF, () => 0.5), 15_000);
  assert.equal(waitAfter(1e9, BACKOFF, () => 1), 30_000);
  assert.equal(waitAfter(1e9, BACKOFF, () => 0), 0);
});

test("a close code says what has to change: the token, the page, or nothing", () => {
  assert.equal(meaningOf(4401), "token");
  assert.equal(meaningOf(1008), "page");
  for (const code of [1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013, 4999]) assert.equal(meaningOf(code), "later");
});

test("a token is sent as it is, without the line end of whoever printed it", () => {
  assert.equal(checkedToken("eyJhbGciOi.J9.x-_"), "eyJhbGciOi.J9.x-_");
  assert.equal(checkedToken("abc\n"), "abc");
});

test("whoever needs no token gives nothing", () => {
  for (const nothing of [undefined, null, ""]) assert.equal(checkedToken(nothing), undefined);
});

test("what is no token is not sent, and told without giving a secret away", () => {
  const page = "<!doctype html>\n<title>404 Not Found</title>";
  for (const wrong of [page, "Bearer eyJhbGciOiJIUzI1NiJ9.e30.secret", "ключ", "x".repeat(8193), 7, {}, [], true, " "]) {
    assert.throws(() => checkedToken(wrong), (error) => error instanceof TocsinError && error.code === "INVALID_ARGUMENT");
  }
  assert.throws(() => checkedToken(page), /begins with "<!doctype html>"/);
  assert.throws(() => checkedToken("Bearer eyJhbGciOiJIUzI1NiJ9.e30.secret"), (error) => !error.message.includes("secret"));
});

test("what may pass with time or another token is tried again, a refusal is not", () => {
  for (const code of ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "INTERNAL"]) {
    assert.ok(isPassing(new TocsinError("no", code)));
  }
  for (const code of ["NOT_FOUND", "INVALID_ARGUMENT", "PERMISSION_DENIED"]) assert.ok(!isPassing(new TocsinError("no", code)));
  assert.ok(!isPassing(new TypeError("a fault of ours")));
});

test("the bridge's address may be relative, and of HTTP", () => {
  assert.equal(socketUrl("/ws", "https://example.org/a/b"), "wss://example.org/ws");
  assert.equal(socketUrl("ws", "http://example.org:8080/notify/"), "ws://example.org:8080/notify/ws");
  assert.equal(socketUrl("https://notify.example.org/ws"), "wss://notify.example.org/ws");
  assert.equal(socketUrl(new URL("ws", "https://notify.example.org/x/tocsin.js")), "wss://notify.example.org/x/ws");
  assert.equal(socketUrl("wss://notify.example.org/ws"), "wss://notify.example.org/ws");
});

test("a recipient may be text", () => {
  assert.deepEqual(recipientOf("user:0190a5d0"), { type: "user", id: "0190a5d0" });
  assert.deepEqual(recipientOf("user:a:b"), { type: "user", id: "a:b" });
  assert.deepEqual(recipientOf("user"), { type: "user", id: "" });
  assert.deepEqual(recipientOf("user:ext:a:ext:b"), { type: "user", external_id: "a:ext:b" });
});
