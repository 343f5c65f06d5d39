import assert from "node:assert/strict";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";

import { ErrorReason } from "#protos/tocsin/v1/error_reason_pb";

import { BY_REASON, CODES, errorOf } from "../src/errors.js";
import { Client, InvalidFieldError, NotFoundError, ResourceExhaustedError, TocsinError } from "../src/index.js";
import { ScriptedServer } from "./helpers/scripted-server.js";
import { rejection } from "./helpers/waiting.js";

test("every reason of the API has a class below its code's, and no other reason has", () => {
  const reasons = Object.keys(ErrorReason).filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED");
  assert.deepEqual(Object.keys(BY_REASON).sort(), reasons.sort());
  const classes = Object.values(BY_REASON);
  assert.equal(new Set(classes).size, classes.length);
});

test("codes are gRPC's", () => {
  for (const [number, name] of CODES.entries()) assert.equal(status[number], name);
});

test("an error carries what the server said", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  const violations = [{ field: "title", description: "is missing" }];
  const metadata = { fields: "title" };
  scripted.script(
    "Get",
    { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD", metadata, violations },
    { code: status.RESOURCE_EXHAUSTED, reason: "BRAND_NEW", metadata: { a: "b" }, retryDelayMs: 1_500 },
  );
  const refused = await rejection(client.get("1"));
  assert.ok(refused instanceof InvalidFieldError && refused instanceof TocsinError);
  assert.deepEqual(
    [refused.code, refused.reason, refused.name],
    ["INVALID_ARGUMENT", "INVALID_FIELD", "InvalidFieldError"],
  );
  assert.deepEqual([refused.metadata, refused.violations], [metadata, violations]);
  assert.equal(refused.message, "INVALID_ARGUMENT (INVALID_FIELD): as the test wishes");
  const newer = await rejection(client.get("1"));
  assert.ok(newer instanceof ResourceExhaustedError && newer.constructor === ResourceExhaustedError);
  assert.deepEqual([newer.reason, newer.metadata, newer.retryDelayMs], ["BRAND_NEW", { a: "b" }, 1_500]);
});

test("the stack of an error leads to the line that made the call", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  async function orderShipped(): Promise<void> {
    await client.get("1");
  }
  const { stack } = await rejection(orderShipped());
  assert.match(stack ?? "", /^UnimplementedError: UNIMPLEMENTED: [^]* at async orderShipped/);
});

test("an error of somebody else, or one that was cut short, has its code and message", async () => {
  await using scripted = await ScriptedServer.start();
  await using client = new Client(scripted.address);
  scripted.script(
    "Get",
    { code: status.NOT_FOUND, reason: "NOTIFICATION_NOT_FOUND", domain: "proxy.example.org" },
    { code: status.NOT_FOUND, trailer: Buffer.from([255, 255, 255]) },
  );
  for (let i = 0; i < 2; i += 1) {
    const error = await rejection(client.get("1"));
    assert.ok(error instanceof NotFoundError && error.constructor === NotFoundError);
    assert.deepEqual([error.reason, error.details], ["", "as the test wishes"]);
  }
});

test("a reason with another code than its own gives the class of the code", () => {
  const error = errorOf(status.NOT_FOUND, "text", { reason: "RATE_LIMITED" });
  assert.deepEqual([error.name, error.reason], ["NotFoundError", "RATE_LIMITED"]);
  assert.equal(errorOf(99, "text").code, "UNKNOWN");
});
