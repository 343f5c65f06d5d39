import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";

import type { Draft } from "../src/index.js";
import {
  AddressUnknownError,
  CancelledError,
  Client,
  ClosedError,
  DeadlineExceededError,
  IdempotencyKeyReusedError,
  PermissionDeniedError,
  PolicyLimitError,
  SenderFullError,
} from "../src/index.js";
import { ScriptedServer } from "./helpers/scripted-server.js";
import { Server } from "./helpers/server.js";
import { rejection } from "./helpers/waiting.js";

const AT_ONCE = { initialMs: 0, maxMs: 0 };
const RECIPIENT = { type: "user", externalId: "42" } as const;
const draft = (title: string, more: Partial<Draft> = {}): Draft => ({
  recipient: RECIPIENT,
  title,
  message: "m",
  channels: ["websocket"],
  ...more,
});
const accepted = (...ids: string[]): object => ({
  results: ids.map((id) => ({ result: { case: "response", value: { notification: { id } } } })),
});
const sizes = (scripted: ScriptedServer): number[] =>
  scripted.received("SendBatch").map(({ request }) => request.requests.length);

test("each promise settles with its own result", async () => {
  await using server = await Server.start();
  await using tocsin = new Client(server.address);
  await using sender = tocsin.batchSender();
  const key = randomUUID();
  const [first, again, other, unknown, malformed] = await Promise.allSettled([
    sender.send(draft("one", { idempotencyKey: key })),
    sender.send(draft("one", { idempotencyKey: key })),
    sender.send(draft("two", { idempotencyKey: key })),
    sender.send(draft("three", { channels: ["email"] })),
    sender.send(draft("four", { metadata: { big: 2 ** 60 } })),
  ]);
  assert.ok(first.status === "fulfilled" && again.status === "fulfilled");
  assert.deepEqual([first.value.duplicate, again.value.duplicate], [false, true]);
  assert.equal(again.value.notification.id, first.value.notification.id);
  assert.ok(other.status === "rejected" && other.reason instanceof IdempotencyKeyReusedError);
  assert.ok(unknown.status === "rejected" && unknown.reason instanceof AddressUnknownError);
  assert.ok(malformed.status === "rejected" && malformed.reason instanceof RangeError);
  assert.equal((await tocsin.list({ recipient: RECIPIENT })).notifications.length, 1);
});

test("20,000 sends with the server killed twice are each stored once", async () => {
  await using server = await Server.start();
  await using tocsin = new Client(server.address);
  await using sender = tocsin.batchSender();
  const ids = new Set<string>();
  const sending: Promise<unknown>[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    await sender.ready;
    const kept = sender.send(draft(`no. ${i}`)).then(({ notification }) => ids.add(notification.id));
    sending.push(kept);
    if (i === 5_000 || i === 12_000) {
      await kept;
      await server.end("SIGKILL");
      await server.start();
    }
  }
  await sender.flush();
  await Promise.all(sending);
  assert.equal(ids.size, 20_000);
  assert.equal(sender.pending, 0);
  assert.equal((await tocsin.countUnread(RECIPIENT)).unreadCount, 20_000);
});

test("drafts go out together, when enough are there or enough time is over", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  const sender = client.batchSender({ maxRequests: 2, maxInFlight: 1 });
  scripted.script("SendBatch", accepted("1", "2"), accepted("3"));
  const sent = await Promise.all(["a", "b", "c"].map((title) => sender.send(draft(title))));
  assert.deepEqual(
    sent.map(({ notification }) => notification.id),
    ["1", "2", "3"],
  );
  assert.deepEqual(sizes(scripted), [2, 1]);
});

test("a batch ends before it is too large, and a large draft goes alone", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  const sender = client.batchSender({ maxBytes: 3_000, maxInFlight: 1 });
  scripted.script("SendBatch", accepted("1", "2"), accepted("3"), accepted("4"));
  const messages = ["x".repeat(1_000), "x".repeat(1_000), "x".repeat(5_000), "x"];
  await Promise.all(messages.map((message) => sender.send(draft("t", { message }))));
  assert.deepEqual(sizes(scripted), [2, 1, 1]);
});

test("what does not get through is sent again with the same keys, and only that", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address, { retry: AT_ONCE });
  const full = { code: status.RESOURCE_EXHAUSTED, reason: "QUEUE_FULL", retryDelayMs: 1 };
  const half = {
    results: [
      { result: { case: "response", value: { notification: { id: "1" } } } },
      { result: { case: "error", value: { code: status.UNAVAILABLE, message: "later" } } },
    ],
  };
  scripted.script("SendBatch", { code: status.UNAVAILABLE }, full, half, accepted("2"));
  const sender = client.batchSender();
  const sent = await Promise.all([sender.send(draft("a")), sender.send(draft("b"))]);
  assert.deepEqual(
    sent.map(({ notification }) => notification.id),
    ["1", "2"],
  );
  assert.deepEqual(sizes(scripted), [2, 2, 2, 1]);
  const requests = scripted.received("SendBatch").flatMap(({ request }) => request.requests);
  assert.equal(new Set(requests.map(({ idempotencyKey }) => idempotencyKey)).size, 2);
});

test("a server that does not answer is asked again", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address, { retry: AT_ONCE });
  // More than one, for a machine that is so busy that an answer comes too late.
  scripted.script("SendBatch", "silence", ...Array.from({ length: 20 }, () => accepted("1")));
  const sender = client.batchSender({ lingerMs: 0, attemptTimeoutMs: 200 });
  assert.equal((await sender.send(draft("a"))).notification.id, "1");
});

test("a draft whose time is over fails", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address, { retry: AT_ONCE });
  scripted.script("SendBatch", ...Array.from({ length: 50 }, () => "silence" as const));
  const sender = client.batchSender({ attemptTimeoutMs: 30, deliveryTimeoutMs: 100 });
  assert.ok((await rejection(sender.send(draft("a")))) instanceof DeadlineExceededError);
});

test("a wait that would be longer than the draft's time ends it with the error that says why", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("SendBatch", { code: status.RESOURCE_EXHAUSTED, reason: "POLICY_LIMIT", retryDelayMs: 3_600_000 });
  const sender = client.batchSender();
  assert.ok((await rejection(sender.send(draft("a")))) instanceof PolicyLimitError);
});

test("a refusal of the whole batch is each draft's", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("SendBatch", { code: status.PERMISSION_DENIED, reason: "PERMISSION_DENIED" });
  const sender = client.batchSender();
  for (const problem of await Promise.all([rejection(sender.send(draft("a"))), rejection(sender.send(draft("b")))])) {
    assert.ok(problem instanceof PermissionDeniedError);
  }
});

test("a full sender says when there is room, and refuses far beyond", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  const ids = Array.from({ length: 20 }, (_, i) => `${i}`);
  scripted.script("SendBatch", accepted(...ids));
  const sender = client.batchSender({ maxPending: 2, lingerMs: 1_000_000 });
  await sender.ready;
  const sent = ids.map((title) => sender.send(draft(title)));
  assert.equal(sender.pending, 20);
  let room = false;
  const ready = sender.ready.then(() => (room = true));
  assert.ok((await rejection(sender.send(draft("more")))) instanceof SenderFullError);
  assert.equal(room, false);
  await sender.flush();
  await ready;
  assert.equal((await Promise.all(sent)).length, 20);
});

test("refusals that nobody looks at do no harm", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("SendBatch", { code: status.PERMISSION_DENIED });
  const sender = client.batchSender();
  void sender.send(draft("a")); // An unhandled rejection would fail this test.
  await sender.close();
  assert.equal(sender.pending, 0);
});

test("what is not settled when the time to close is over is cancelled", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("SendBatch", "silence");
  const sender = client.batchSender();
  const sent = rejection(sender.send(draft("a")));
  await sender.close({ timeoutMs: 50 });
  assert.ok((await sent) instanceof CancelledError);
});

test("a sender that is closed has sent what it was given, and takes no more", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("SendBatch", accepted("1"));
  const sender = client.batchSender({ lingerMs: 1_000_000 });
  const sent = sender.send(draft("a"));
  await sender.close();
  await sender.close();
  assert.equal((await sent).notification.id, "1");
  assert.ok((await rejection(sender.send(draft("b")))) instanceof ClosedError);
});

test("closing the client refuses what a sender still has", async () => {
  await using scripted = await ScriptedServer.start();
  const client = new Client(scripted.address);
  scripted.script("SendBatch", "silence");
  const sender = client.batchSender({ lingerMs: 0 });
  const sent = rejection(sender.send(draft("a")));
  await client.close();
  assert.ok((await sent) instanceof CancelledError);
});

test("limits that a batch cannot have are refused", async () => {
  await using client = new Client();
  assert.throws(() => client.batchSender({ maxRequests: 1_001 }), /maxRequests is 1001: a batch takes at most 1000/);
  assert.throws(() => client.batchSender({ maxInFlight: 0 }), /maxInFlight is 0: give at least 1/);
});
