import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";

import type { ByteStream } from "../src/connection.js";
import { MessageStream } from "../src/message-stream.js";
import { eventually } from "./helpers/waiting.js";

const { signal } = new AbortController();

/** A stream as gRPC gives it, of which the test is the other end. */
function byteStream(): ByteStream {
  const call = new Readable({ objectMode: true, read: () => undefined });
  return Object.assign(call, { cancel: () => undefined }) as unknown as ByteStream;
}

test("a reader that is slow makes the line wait, and gets everything in order", async () => {
  const call = byteStream();
  const stream = new MessageStream(call);
  for (let i = 0; i < 100; i += 1) call.push(Buffer.from([i]));
  await eventually(() => call.isPaused());
  assert.equal(call.readableLength, 84);
  const read = [];
  for (let i = 0; i < 100; i += 1) read.push((await stream.next(10_000, signal))?.[0]);
  assert.deepEqual(
    read,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.ok(!call.isPaused());
});

test("what arrived before the end is read before it", async () => {
  const call = byteStream();
  const stream = new MessageStream(call);
  call.push(Buffer.from([1]));
  call.push(null);
  await eventually(() => call.readableEnded);
  assert.deepEqual(await stream.next(10_000, signal), Buffer.from([1]));
  assert.equal(await stream.next(10_000, signal), undefined);
});
