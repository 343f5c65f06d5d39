import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { status } from "@grpc/grpc-js";

import { RecipientType } from "#protos/tocsin/v1/notification_pb";
import { NotificationService } from "#protos/tocsin/v1/notification_service_pb";
import { OperatorService } from "#protos/tocsin/v1/operator_service_pb";

import type { Draft, RecipientLike } from "../src/index.js";
import {
  AddressUnknownError,
  AlreadyExistsError,
  AlreadySettledError,
  CancelledError,
  Client,
  ClosedError,
  ContactNotFoundError,
  DeadlineExceededError,
  IdempotencyKeyReusedError,
  InvalidFieldError,
  NotificationNotFoundError,
  NotRetryableError,
  UnavailableError,
} from "../src/index.js";
import { ScriptedServer } from "./helpers/scripted-server.js";
import { Server } from "./helpers/server.js";
import { rejection } from "./helpers/waiting.js";

let server: Server;
let tocsin: Client;
before(async () => {
  server = await Server.start();
  tocsin = new Client(server.address);
});
after(async () => {
  await tocsin.close();
  await server[Symbol.asyncDispose]();
});

const somebody = (): RecipientLike => ({ type: "user", id: randomUUID() });
const draft = (more: Partial<Draft> = {}): Draft => ({
  recipient: somebody(),
  title: "Your order has shipped",
  message: "It arrives on Friday.",
  channels: ["websocket"],
  ...more,
});

test("what is sent comes back as plain values, whatever was given with it", async () => {
  const recipient = somebody();
  const sendAt = new Date(Date.now() + 3_600_000);
  const expiresAt = new Date(Date.now() + 7_200_000);
  const metadata = { order_id: "ABC123", count: 3, nested: { list: [1, 2.5, null, true, "ü 🔔"], __proto__x: 1 } };
  const { notification, duplicate } = await tocsin.send(
    draft({
      recipient,
      metadata,
      sendAt,
      expiresAt,
      category: "order.shipped",
      channels: ["websocket", { channel: "email", address: "ann@example.org", escalateAfterMs: 60_000 }],
      addresses: { sms: "+442079460000" },
      strategy: "fallback",
      escalateAfterMs: 30_000,
      goal: "sent",
    }),
  );
  assert.equal(duplicate, false);
  const stored = await tocsin.get(notification.id);
  assert.deepEqual(stored, notification);
  assert.deepEqual(stored.recipient, recipient);
  assert.deepEqual(stored.metadata, metadata);
  assert.deepEqual([stored.sendAt, stored.expiresAt], [sendAt, expiresAt]);
  assert.deepEqual([stored.status, stored.category, stored.isRead], ["pending", "order.shipped", false]);
  assert.deepEqual(
    stored.channels.map(({ channel, status, attempts }) => ({ channel, status, attempts })),
    [{ channel: "websocket", status: "pending", attempts: 0 }],
  );
  assert.ok(stored.createdAt.getTime() > Date.now() - 60_000);
});

test("the same key sends once, and another content is refused", async () => {
  const one = draft({ idempotencyKey: `order-${randomUUID()}` });
  const first = await tocsin.send(one);
  const again = await tocsin.send(one);
  assert.deepEqual([again.notification.id, again.duplicate], [first.notification.id, true]);
  const refused = await rejection(tocsin.send({ ...one, title: "Another title" }));
  assert.ok(refused instanceof IdempotencyKeyReusedError && refused instanceof AlreadyExistsError);
  assert.equal(refused.metadata.id, first.notification.id);
  assert.equal(refused.code, "ALREADY_EXISTS");
});

test("a bad draft names every bad field", async () => {
  const channels = [{ channel: "sms", address: "no number" }] as const;
  const refused = await rejection(tocsin.send(draft({ title: "", channels })));
  assert.ok(refused instanceof InvalidFieldError);
  assert.deepEqual(refused.violations.map(({ field }) => field).sort(), ["channels[0].address", "title"]);
});

test("one bad draft of a batch does not spoil the others", async () => {
  const results = await tocsin.sendBatch([draft(), draft({ channels: ["email"] }), draft()]);
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [true, false, true],
  );
  const [, refused] = results;
  assert.ok(refused && !refused.ok && refused.error instanceof AddressUnknownError);
});

test("a feed is listed page by page, counted, and marked as read", async () => {
  const recipient = somebody();
  const sent = [];
  for (let i = 0; i < 5; i += 1)
    sent.push((await tocsin.send(draft({ recipient, title: `No. ${i}` }))).notification.id);
  const listed = [];
  for await (const one of tocsin.iterate({ recipient, feedOnly: true, pageSize: 2 })) listed.push(one.id);
  assert.deepEqual(listed, sent.toReversed());
  const page = await tocsin.list({ recipient, feedOnly: true, pageSize: 2 });
  assert.ok(page.cursor && page.nextPageToken);
  assert.equal((await tocsin.countUnread(recipient)).unreadCount, 5);
  const [first] = sent;
  assert.ok(first);
  const marked = await tocsin.markRead({ ids: [first] });
  assert.deepEqual([marked.markedCount, marked.unreadCount], [1, 4]);
  assert.equal((await tocsin.markRead({ recipient, upToCursor: page.cursor })).unreadCount, 0);
  assert.ok((await tocsin.get(first)).readAt);
  assert.deepEqual((await tocsin.list({ recipient, unreadOnly: true })).notifications, []);
});

test("filters narrow a list", async () => {
  const recipient = somebody();
  const before = new Date();
  const { notification } = await tocsin.send(draft({ recipient, category: "order.shipped" }));
  await tocsin.send(draft({ recipient, channels: [{ channel: "sms", address: "+442079460000" }] }));
  const ids = async (filter: object): Promise<string[]> =>
    (await tocsin.list({ recipient, ...filter })).notifications.map(({ id }) => id);
  assert.deepEqual(await ids({ category: "order.*" }), [notification.id]);
  assert.deepEqual(await ids({ channels: ["websocket"], statuses: ["pending"] }), [notification.id]);
  assert.deepEqual(await ids({ createdBefore: before }), []);
  assert.equal((await ids({ createdAfter: new Date(before.getTime() - 1_000) })).length, 2);
});

test("what is still to come can be cancelled once, and revived", async () => {
  const { notification } = await tocsin.send(draft());
  const cancelled = await tocsin.cancel(notification.id);
  assert.deepEqual([cancelled.status, cancelled.channels[0]?.response.reason], ["failed", "CANCELLED"]);
  assert.equal(cancelled.channels[0]?.history.at(-1)?.code, "CANCELLED");
  assert.ok((await rejection(tocsin.cancel(notification.id))) instanceof AlreadySettledError);
  assert.equal((await tocsin.retry(notification.id, ["websocket"])).status, "pending");
  assert.ok((await rejection(tocsin.retry(notification.id))) instanceof NotRetryableError);
});

test("contacts are put, read, listed and deleted", async () => {
  const recipient = { type: "partner", externalId: `ext ${randomUUID()}` } as const;
  const addresses = { email: "ann@example.org", sms: "+442079460000" };
  const put = await tocsin.putContact({ recipient, addresses, locale: "pt-BR", timeZone: "Europe/Lisbon" });
  assert.deepEqual(put.addresses, addresses);
  assert.equal(put.recipient.externalId, recipient.externalId);
  assert.deepEqual(await tocsin.getContact(recipient), put);
  const listed = [];
  for await (const contact of tocsin.listContacts({ recipientType: "partner", pageSize: 1 })) listed.push(contact);
  assert.deepEqual(listed, [put]);
  await tocsin.deleteContact(recipient);
  assert.ok((await rejection(tocsin.getContact(recipient))) instanceof ContactNotFoundError);
});

test("a deferred notification is leased, held, routed and explained", async () => {
  const category = `t${randomUUID()}`;
  const { notification } = await tocsin.send(draft({ deferred: true, channels: [], category }));
  assert.deepEqual(notification.channels, []);
  assert.ok(notification.routeBy);
  const [one, ...others] = await tocsin.leaseUndecided({ category, waitMs: 10_000, leaseMs: 60_000, maxCount: 5 });
  assert.ok(one && others.length === 0);
  assert.deepEqual(one.allowed, ["websocket"]);
  assert.deepEqual([one.notification.id, one.context.unreadCount], [notification.id, 0]);
  const grounds = { leaseToken: one.leaseToken, reason: "little is unread", decider: "test 1" };
  const preview = await tocsin.preview(notification.id, { channels: ["websocket"], ...grounds });
  assert.deepEqual([preview.decision.channels[0]?.channel, preview.alreadyMade], ["websocket", false]);
  const routed = await tocsin.route(notification.id, { channels: ["websocket"], ...grounds });
  assert.equal(routed.channels[0]?.channel, "websocket");
  const [decision] = await tocsin.explain(notification.id);
  assert.deepEqual([decision?.by, decision?.reason, decision?.decider], ["decider", "little is unread", "test 1"]);
});

test("a decision can be put off, and be to send nothing", async () => {
  const { notification } = await tocsin.send(draft({ deferred: true, channels: [] }));
  const held = await tocsin.hold(notification.id, { until: new Date(Date.now() + 60_000), reason: "at night" });
  assert.equal(held.status, "pending");
  assert.equal((await tocsin.suppress(notification.id, { reason: "not wanted" })).status, "failed");
});

test("rules are tried without sending", async () => {
  const trial = await tocsin.simulate(draft({ channels: [] }));
  assert.deepEqual(
    trial.decision.channels.map(({ channel }) => channel),
    ["websocket"],
  );
  assert.equal((await tocsin.simulate(draft({ channels: ["email"] }))).refusal?.reason, "ADDRESS_UNKNOWN");
  const wrong = await rejection(tocsin.simulate(draft(), { rules: "nonsense = " }));
  assert.ok(wrong instanceof InvalidFieldError);
  const back = await tocsin.backtest({ limit: 10, since: new Date(Date.now() - 3_600_000) });
  assert.ok(back.examined > 0 && back.examined <= 10);
});

test("whoever calls can ask what they may do", async () => {
  const { name, scopes, rpcs } = await tocsin.whoAmI();
  assert.deepEqual([name, scopes], ["", []]);
  assert.ok(rpcs.includes("tocsin.v1.NotificationService/Send"));
});

test("protobuf's messages can be had", async () => {
  const { notification } = await tocsin.send(draft());
  const answer = await tocsin.call(NotificationService.method.get, { id: notification.id });
  assert.equal(answer.notification?.$typeName, "tocsin.v1.Notification");
  const missing = await rejection(tocsin.call(NotificationService.method.get, { id: randomUUID() }));
  assert.ok(missing instanceof NotificationNotFoundError);
});

test("a call that answers with a stream is read to its end, or as far as is wanted", async () => {
  const recipient = { type: RecipientType.USER, id: randomUUID() };
  await tocsin.send(draft({ recipient: `user:${recipient.id}` }));
  const rows: string[] = [];
  for await (const { line } of tocsin.stream(OperatorService.method.export, { recipient })) rows.push(line);
  assert.ok(rows.some((row) => row.includes("Your order has shipped")));
  for await (const { line } of tocsin.stream(OperatorService.method.export, { recipient })) if (line) break;
  const bad = tocsin.stream(OperatorService.method.export, {});
  assert.ok((await rejection(bad.next())) instanceof InvalidFieldError);
});

test("a recipient that is missing, and a token that no header can hold, are said without showing it", async () => {
  const missing = await rejection(tocsin.send({ title: "t", message: "m" } as Draft));
  assert.equal(missing.message, 'recipient is missing: give { type, id }, or text such as "user:ext:42"');
  await using client = new Client(server.address, { token: "secret\n" });
  for (const problem of [client.get("1"), client.subscribe("user:ext:42").next()]) {
    assert.equal(
      (await rejection(problem)).message,
      "the token has spaces, line breaks or letters that are not ASCII: trim it",
    );
  }
});

test("a call can be given any time", async () => {
  await using client = new Client(server.address, { token: () => "t", timeoutMs: Infinity });
  assert.equal((await client.countUnread(somebody())).unreadCount, 0);
  assert.match((await rejection(client.get("1", { timeoutMs: 0 }))).message, /timeoutMs is 0: give milliseconds/);
});

test("a safe call is repeated with the same key and a fresh token until the server answers", async () => {
  await using scripted = await ScriptedServer.start();
  const stored = { notification: { id: "1" } };
  scripted.script("Send", { code: status.UNAVAILABLE }, { code: status.CANCELLED }, stored);
  let asked = 0;
  await using client = new Client(scripted.address, { token: () => Promise.resolve(`no.${(asked += 1)}`) });
  assert.equal((await client.send(draft())).notification.id, "1");
  const calls = scripted.received("Send");
  assert.equal(new Set(calls.map(({ request }) => request.idempotencyKey)).size, 1);
  assert.match(calls[0]?.request.idempotencyKey ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    calls.map(({ authorization }) => authorization),
    ["Bearer no.1", "Bearer no.2", "Bearer no.3"],
  );
});

test("a call that would fail the second time is not repeated, nor one that the server refuses", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("Cancel", { code: status.UNAVAILABLE }, {});
  assert.ok((await rejection(client.cancel("1"))) instanceof UnavailableError);
  scripted.script("Send", { code: status.CANCELLED, reason: "NEW_REASON" }, {});
  const refused = await rejection(client.send(draft()));
  assert.ok(refused instanceof CancelledError && refused.reason === "NEW_REASON");
});

test("a call gives up at once when the server asks for a longer wait than it has", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script("Get", { code: status.UNAVAILABLE, reason: "SHUTTING_DOWN", retryDelayMs: 60_000 });
  const refused = await rejection(client.get("1"));
  assert.ok(refused instanceof UnavailableError);
  assert.equal(refused.retryDelayMs, 60_000);
});

test("a server that does not answer meets the deadline", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", "silence");
  await using client = new Client(scripted.address, { timeoutMs: 200 });
  assert.ok((await rejection(client.get("1"))) instanceof DeadlineExceededError);
});

test("a token's function that does not answer meets the deadline, and what it throws comes back", async () => {
  await using hanging = new Client(server.address, { token: () => new Promise<never>(() => undefined) });
  assert.ok((await rejection(hanging.get("1", { timeoutMs: 100 }))) instanceof DeadlineExceededError);
  const broken = new TypeError("no token today");
  await using failing = new Client(server.address, { token: () => Promise.reject(broken) });
  assert.equal(await rejection(failing.get("1")), broken);
});

test("a signal ends a call with its reason", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", "silence", "silence");
  await using client = new Client(scripted.address);
  assert.equal((await rejection(client.get("1", { signal: AbortSignal.timeout(50) }))).name, "TimeoutError");
  assert.equal((await rejection(client.get("1", { signal: AbortSignal.abort() }))).name, "AbortError");
  const reason = new Error("enough");
  const controller = new AbortController();
  const going = rejection(client.get("1", { signal: controller.signal }));
  controller.abort(reason);
  assert.equal(await going, reason);
});

test("a client that is closed ends its calls and takes no more, and can be closed again", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", "silence");
  const client = new Client(scripted.address);
  const going = rejection(client.get("1"));
  await client.close();
  await client.close();
  assert.ok((await going) instanceof ClosedError);
  assert.ok((await rejection(client.get("1"))) instanceof ClosedError);
  assert.throws(() => client.subscribe("user:ext:1"), ClosedError);
});

test("clients with other tokens share a connection, and close for themselves alone", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", {}, { notification: { id: "1" } });
  const client = new Client(scripted.address, { token: "ours" });
  const other = client.withToken("theirs");
  await rejection(other.get("1"));
  await other.close();
  assert.equal((await client.get("1")).id, "1");
  const tokens = scripted.received("Get").map(({ authorization }) => authorization);
  assert.deepEqual(tokens, ["Bearer theirs", "Bearer ours"]);
  const third = client.withToken(undefined);
  await client.close();
  assert.ok((await rejection(third.get("1"))) instanceof ClosedError);
});

test("a server that is killed and comes back is found again within the call's time", async () => {
  await using own = await Server.start();
  await using client = new Client(own.address, { timeoutMs: 60_000 });
  const { notification } = await client.send(draft());
  await own.end("SIGKILL");
  const going = client.get(notification.id);
  await own.start();
  assert.equal((await going).id, notification.id);
});
