import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import type { RecipientType } from "../src/index.js";
import { recipientId, recipientText } from "../src/index.js";
import { recipientMessage } from "../src/recipients.js";

const SHARED = new URL("../../../conformance/external_ids.json", import.meta.url);

test("external ids give the same UUIDs as in every client", () => {
  const { recipients } = JSON.parse(readFileSync(SHARED, "utf8")) as {
    recipients: { type: RecipientType; external_id: string; id: string }[];
  };
  assert.ok(recipients.length > 3);
  for (const { type, external_id: externalId, id } of recipients) {
    assert.equal(recipientId({ type, externalId }), id);
    assert.equal(recipientId(`${type}:ext:${externalId}`), id);
  }
});

test("a recipient is an object or text, and text comes back", () => {
  for (const text of ["user:0190a5d0-0000-7000-8000-000000000001", "guest", "partner:ext:a:b:c"] as const) {
    assert.equal(recipientText(text), text);
  }
  const { type, id, externalId } = recipientMessage("partner:ext:a:b:c");
  assert.deepEqual([type, id, externalId], [4, "", "a:b:c"]);
  assert.equal(recipientId("guest"), undefined);
  assert.equal(recipientId({ type: "user", id: "0190A5D0-0000-7000-8000-000000000001" })?.slice(0, 8), "0190a5d0");
});

test("a recipient that is two, or none, is refused", () => {
  const both = { type: "user", id: "1", externalId: "2" } as never;
  assert.throws(() => recipientMessage(both), /both an id and an externalId: give one of them/);
  assert.throws(() => recipientMessage("user:ext:"), /there is no external id after ext:/);
});
