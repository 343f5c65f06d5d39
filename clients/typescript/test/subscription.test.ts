import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";

import { RecipientType } from "#protos/tocsin/v1/notification_pb";

import type { ClientOptions, FeedEvent, RecipientLike, Subscription, TocsinError } from "../src/index.js";
import { Client, InvalidFieldError, TokenExpiredError } from "../src/index.js";
import type { StreamStep } from "./helpers/scripted-server.js";
import { ScriptedServer } from "./helpers/scripted-server.js";
import { Server } from "./helpers/server.js";
import { eventually, rejection } from "./helpers/waiting.js";

const USER = "user:ext:42";
const AT_ONCE = { initialMs: 0, maxMs: 0 };

const subscribed = (cursor: string, recovered = true): StreamStep => ({
  cursor,
  event: { case: "subscribed", value: { recovered } },
});
const notification = (cursor: string, id: string): StreamStep => ({
  cursor,
  unreadCount: 1n,
  event: { case: "notification", value: { id, recipient: { type: RecipientType.USER, id: "1" } } },
});
const heartbeat = (cursor: string): StreamStep => ({ cursor, event: { case: "heartbeat", value: {} } });

/** A client of a scripted server that reconnects at once, and what it warned of. */
function clientOf(scripted: ScriptedServer, options: ClientOptions = {}): { client: Client; warnings: string[] } {
  const warnings: string[] = [];
  const onWarning = (message: string): number => warnings.push(message);
  return { client: new Client(scripted.address, { reconnect: AT_ONCE, onWarning, ...options }), warnings };
}

/** Reads events until there are so many, as `type cursor`. */
async function take(events: AsyncIterable<FeedEvent>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.type === "notification" ? event.notification.id : event.type);
    if (seen.length === count) break;
  }
  return seen;
}

const cursors = (scripted: ScriptedServer): string[] =>
  scripted.received("Subscribe").map(({ request }) => request.cursor);

test("a feed is replayed after a cursor, then live, and shows what is read elsewhere", async () => {
  await using server = await Server.start();
  await using tocsin = new Client(server.address);
  const recipient: RecipientLike = { type: "user", id: randomUUID() };
  const send = async (title: string): Promise<string> =>
    (await tocsin.send({ recipient, title, message: "m", channels: ["websocket"] })).notification.id;
  const { cursor } = await tocsin.list({ recipient, feedOnly: true });
  const first = await send("before");
  const events = tocsin.subscribe(recipient, { cursor });
  const start = await events.next();
  assert.deepEqual([start.value?.type, start.value?.cursor], ["subscribed", cursor]);
  const replayed = await events.next();
  assert.ok(replayed.value?.type === "notification");
  assert.deepEqual([replayed.value.notification.id, replayed.value.unreadCount], [first, 1]);
  const second = await send("live");
  const live = await events.next();
  assert.ok(live.value?.type === "notification" && live.value.notification.id === second);
  await tocsin.markRead({ recipient });
  const changed = await events.next();
  assert.ok(changed.value?.type === "read_changed");
  assert.deepEqual(new Set(changed.value.ids), new Set([first, second]));
  assert.equal(changed.value.unreadCount, 0);
  assert.equal(events.cursor, changed.value.cursor);
  await events.close();
  assert.deepEqual(await events.next(), { done: true, value: undefined });
});

test("a feed outlives servers that stop and that are killed, and leaves nothing out", async () => {
  await using server = await Server.start();
  await using tocsin = new Client(server.address, { reconnect: { maxMs: 100 }, timeoutMs: 60_000, onWarning: () => 0 });
  const recipient: RecipientLike = { type: "user", id: randomUUID() };
  const titles: string[] = [];
  await using events = tocsin.subscribe(recipient);
  await events.next();
  const reading = (async () => {
    for await (const event of events) {
      if (event.type === "notification") titles.push(event.notification.title);
      if (titles.length === 30) break;
    }
  })();
  for (let i = 0; i < 30; i += 1) {
    if (i === 10) await server.end("SIGTERM");
    if (i === 20) await server.end("SIGKILL");
    if (i % 10 === 0 && i > 0) await server.start();
    await tocsin.send({ recipient, title: `no. ${i}`, message: "m", channels: ["websocket"] });
  }
  await reading;
  assert.deepEqual(
    titles,
    Array.from({ length: 30 }, (_, i) => `no. ${i}`),
  );
});

test("a stream resumes after the last event, heartbeats included, whatever broke it", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script(
    "Subscribe",
    [subscribed("c0"), notification("c1", "1"), { code: status.UNAVAILABLE, reason: "STREAM_AGED" }],
    [subscribed("c1"), heartbeat("c2"), { code: status.RESOURCE_EXHAUSTED, reason: "SUBSCRIBER_TOO_SLOW" }],
    [subscribed("c2"), notification("c3", "2"), { code: status.INTERNAL }],
    [subscribed("c3")],
    [subscribed("c3"), notification("c4", "3"), "silence"],
  );
  const { client } = clientOf(scripted);
  const reasons: string[] = [];
  const onInterruption = (error: TocsinError): number => reasons.push(error.reason || error.code);
  const events = client.subscribe(USER, { onInterruption });
  const seen = await take(events, 8);
  assert.deepEqual(seen, ["subscribed", "1", "subscribed", "subscribed", "2", "subscribed", "subscribed", "3"]);
  assert.deepEqual(cursors(scripted), ["", "c1", "c2", "c3", "c3"]);
  assert.deepEqual(reasons, ["STREAM_AGED", "SUBSCRIBER_TOO_SLOW", "INTERNAL", "UNAVAILABLE"]);
  assert.equal(events.cursor, "c4");
  await client.close();
});

test("a notification that comes again at the same place is handed out once", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script(
    "Subscribe",
    [subscribed("c0"), notification("c1", "1"), notification("c2", "2"), { code: status.UNAVAILABLE }],
    [subscribed("c1"), notification("c2", "2"), notification("c3", "1"), "silence"],
  );
  const { client } = clientOf(scripted);
  assert.deepEqual(await take(client.subscribe(USER), 5), ["subscribed", "1", "2", "subscribed", "1"]);
  await client.close();
});

test("events of a kind that is newer than the client move its place, and nothing else", async () => {
  await using scripted = await ScriptedServer.start();
  const newer = { cursor: "c1", event: { case: undefined } } as const;
  scripted.script("Subscribe", [subscribed("c0"), newer, notification("c2", "1"), "silence"]);
  const { client } = clientOf(scripted);
  assert.deepEqual(await take(client.subscribe(USER), 2), ["subscribed", "1"]);
  await client.close();
});

test("what cannot be cured ends the iteration with its error, once", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Subscribe", [{ code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" }]);
  const { client } = clientOf(scripted);
  const events = client.subscribe(USER);
  assert.ok((await rejection(events.next())) instanceof InvalidFieldError);
  assert.equal((await events.next()).done, true);
  await client.close();
});

test("a first connection that fails, an outage and a gap are each said once", async () => {
  await using scripted = await ScriptedServer.start();
  const away = { code: status.UNAVAILABLE };
  scripted.script(
    "Subscribe",
    [away],
    [away],
    [subscribed("c0"), notification("c1", "1"), away],
    [away],
    [subscribed("c9", false), notification("c10", "2"), "silence"],
  );
  const { client, warnings } = clientOf(scripted);
  assert.equal((await take(client.subscribe(USER), 4)).length, 4);
  assert.deepEqual(
    warnings.map((warning) => warning.replace(/ \(.*\)/, "")),
    [
      "the feed of user:ext:42 is interrupted; trying again until it is back",
      "the feed of user:ext:42 is interrupted; trying again until it is back",
      "the feed of user:ext:42 has a gap: list it again from the first page",
    ],
  );
  await client.close();
});

test("nobody listening is said once, and the feed begins when somebody does", async () => {
  const scripted = await ScriptedServer.start();
  const { address } = scripted;
  await scripted[Symbol.asyncDispose]();
  const warnings: string[] = [];
  const client = new Client(address, { reconnect: AT_ONCE, onWarning: (message) => warnings.push(message) });
  const events = client.subscribe(USER);
  const going = events.next();
  await eventually(() => warnings.length);
  assert.match(warnings[0] ?? "", /interrupted \(UNAVAILABLE: .*ECONNREFUSED/);
  await client.close();
  assert.equal((await going).done, true);
  assert.equal(warnings.length, 1);
});

test("a stream on which nothing comes is given up and resumed", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Subscribe", [subscribed("c0"), "silence"], [subscribed("c0"), notification("c1", "1"), "silence"]);
  const { client } = clientOf(scripted, { silenceMs: 1_000 });
  const errors: string[] = [];
  const events = client.subscribe(USER, { onInterruption: (error) => errors.push(error.details) });
  assert.deepEqual(await take(events, 3), ["subscribed", "subscribed", "1"]);
  assert.deepEqual(errors, ["no event, not even a heartbeat, came for 1 s"]);
  await client.close();
});

test("a token that expires is renewed once, and not twice in a row", async () => {
  await using scripted = await ScriptedServer.start();
  const expired = { code: status.UNAUTHENTICATED, reason: "TOKEN_EXPIRED" };
  scripted.script("Subscribe", [subscribed("c0"), expired], [subscribed("c0"), expired], [expired]);
  let asked = 0;
  const { client, warnings } = clientOf(scripted, { token: () => `no.${(asked += 1)}` });
  const events = client.subscribe(USER);
  await events.next();
  await events.next();
  assert.ok((await rejection(events.next())) instanceof TokenExpiredError);
  assert.deepEqual([asked, warnings.length], [3, 0]);
  await client.close();
  // A token that is a text cannot be renewed.
  scripted.script("Subscribe", [expired]);
  const fixed = clientOf(scripted, { token: "same" }).client;
  assert.ok((await rejection(fixed.subscribe(USER).next())) instanceof TokenExpiredError);
  await fixed.close();
});

test("a token whose time has not come by the server's clock is tried again", async () => {
  await using scripted = await ScriptedServer.start();
  const early = { code: status.UNAUTHENTICATED, reason: "UNAUTHENTICATED", metadata: { valid_from: "soon" } };
  scripted.script("Subscribe", [early], [subscribed("c0"), "silence"]);
  const { client } = clientOf(scripted);
  assert.deepEqual(await take(client.subscribe(USER), 1), ["subscribed"]);
  await client.close();
});

test("a token's function that fails for a while interrupts the feed and does not end it", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Subscribe", [subscribed("c0"), "silence"]);
  let asked = 0;
  const token = (): Promise<string> => ((asked += 1) < 3 ? Promise.reject(new Error("away")) : Promise.resolve("t"));
  const { client, warnings } = clientOf(scripted, { token });
  assert.deepEqual(await take(client.subscribe(USER), 1), ["subscribed"]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /the token's function failed: Error: away/);
  await client.close();
});

test("leaving the loop, a signal, close and the client's close each end the stream", async () => {
  await using scripted = await ScriptedServer.start();
  const { client } = clientOf(scripted);
  const open = async (signal?: AbortSignal): Promise<Subscription> => {
    scripted.script("Subscribe", [subscribed("c0"), "silence"]);
    const events = client.subscribe(USER, { signal });
    await events.next();
    await eventually(() => scripted.streams === 1);
    return events;
  };
  const gone = (): Promise<unknown> => eventually(() => scripted.streams === 0);

  scripted.script("Subscribe", [subscribed("c0"), "silence"]);
  assert.equal((await take(client.subscribe(USER), 1)).length, 1);
  await gone();

  const controller = new AbortController();
  const aborted = await open(controller.signal);
  const going = rejection(aborted.next());
  controller.abort();
  assert.equal((await going).name, "AbortError");
  await gone();

  const closed = await open();
  const ending = closed.next();
  await closed.close();
  await closed.close();
  assert.equal((await ending).done, true);
  await gone();

  const last = (await open()).next();
  await client.close();
  assert.equal((await last).done, true);
  await gone();
});

test("a reader that is slow makes the server wait, and gets everything", async () => {
  await using scripted = await ScriptedServer.start();
  const many = Array.from({ length: 500 }, (_, i) => notification(`c${i + 1}`, `${i}`));
  scripted.script("Subscribe", [subscribed("c0"), ...many, "silence"]);
  const { client } = clientOf(scripted);
  const events = client.subscribe(USER);
  await events.next();
  // So much has happened that what was sent has arrived.
  await eventually(() => scripted.received("Subscribe").length);
  assert.equal(events.cursor, "c0");
  const seen = await take(events, 500);
  assert.deepEqual([seen.length, seen.at(-1), events.cursor], [500, "499", "c500"]);
  await client.close();
});

test("what onInterruption throws ends the iteration", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Subscribe", [{ code: status.UNAVAILABLE }]);
  const { client } = clientOf(scripted);
  const enough = new Error("enough");
  const onInterruption = (): void => {
    throw enough;
  };
  assert.equal(await rejection(client.subscribe(USER, { onInterruption }).next()), enough);
  await client.close();
});
