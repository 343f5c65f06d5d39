import assert from "node:assert/strict";
import { test } from "node:test";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { NotificationSchema } from "#protos/tocsin/v1/notification_pb";
import { SendRequestSchema } from "#protos/tocsin/v1/notification_service_pb";

import { keyed } from "../src/calls.js";
import { notificationFrom } from "../src/convert.js";
import type { Draft } from "../src/index.js";
import { json, text, timestamp } from "../src/values.js";

const metadata = (value: unknown): unknown => json("metadata", value);
const draft = (more: object): Draft => ({ recipient: "guest", title: "t", message: "m", ...more });

test("metadata travels as it is, whatever its names and texts", () => {
  const given = JSON.parse(
    '{"__proto__": {"a": [1, -0.5, null, true, {}]}, "ü 🔔": "\\u0000\\n", "toString": ""}',
  ) as object;
  const bytes = toBinary(SendRequestSchema, keyed(draft({ metadata: given })));
  const { metadata: read } = fromBinary(SendRequestSchema, bytes);
  assert.deepEqual(Object.entries(read ?? {}).sort(), Object.entries(given).sort());
});

test("integers are exact up to 2^53 and refused beyond, as is what is no JSON, by the name of the member", () => {
  const largest = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(metadata({ a: largest, b: -largest, c: 2n ** 53n }), { a: largest, b: -largest, c: 2 ** 53 });
  const beyond = /is an integer beyond 2\^53, where digits are lost: give it as a string/;
  assert.throws(() => metadata({ a: { b: [0, 2 ** 53 + 2] } }), { name: "RangeError", message: beyond });
  assert.throws(() => metadata({ a: { b: [0, 2 ** 53 + 2] } }), /^RangeError: metadata\.a\.b\[1\]/);
  assert.throws(() => metadata({ a: 2n ** 53n + 1n }), beyond);
  assert.throws(() => metadata({ a: 2 ** 53 }), beyond); // as is written 2^53 + 1
  assert.throws(() => metadata({ a: NaN }), /metadata\.a is NaN, which JSON does not have/);
  assert.throws(() => metadata({ a: new Date() }), /metadata\.a is a Date, which is not JSON/);
  assert.throws(() => metadata({ a: () => 1 }), /metadata\.a is of type function/);
  assert.throws(() => metadata([1]), /metadata is no object of JSON/);
});

test("members that are undefined are left out, and circles are refused", () => {
  assert.deepEqual(metadata({ a: undefined, b: 1 }), { b: 1 });
  const circle: Record<string, unknown> = {};
  circle.again = circle;
  assert.throws(() => metadata(circle), /lies too deep: metadata has 32 levels at most/);
});

test("text that UTF-8 cannot hold is refused instead of being changed", () => {
  assert.equal(text("title", "🔔"), "🔔");
  assert.throws(() => text("title", "\ud83d"), /^RangeError: title has half of a surrogate pair/);
  assert.throws(() => keyed(draft({ title: 5 })), /^TypeError: title is of type number: give a string/);
  assert.throws(() => metadata({ a: "\ud83d" }), /metadata\.a has half/);
});

test("times keep their milliseconds, before 1970 too, and others are refused", () => {
  const at = new Date("1969-12-31T23:59:59.123Z");
  const { seconds, nanos } = timestamp("sendAt", at) ?? {};
  assert.deepEqual([seconds, nanos], [-1n, 123_000_000]);
  assert.throws(() => timestamp("sendAt", new Date(NaN)), /sendAt is an invalid Date/);
  assert.throws(() => timestamp("sendAt", "2026" as never), /sendAt is of type string: give a Date/);
});

test("words that the API does not have are refused with those that it has", () => {
  assert.throws(
    () => keyed(draft({ channels: ["fax"] })),
    /^RangeError: "fax" is no channel: websocket, email, telegram, sms/,
  );
  assert.throws(() => keyed(draft({ recipient: "nobody:1" })), /"nobody" is no type of recipient: user, guest/);
  assert.throws(() => keyed(draft({ channels: ["unspecified"] })), /"unspecified" is no channel/);
});

test("values of enums that are newer than the client are shown by number", () => {
  const newer = create(NotificationSchema, { id: "1", status: 9 as never, recipient: { id: "" } });
  const read = notificationFrom(newer);
  assert.deepEqual([read.status, read.recipient], ["unknown_9", { type: "unspecified" }]);
});
