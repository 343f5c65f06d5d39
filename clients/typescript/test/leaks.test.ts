import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { Client } from "../src/index.js";
import { Server } from "./helpers/server.js";
import { eventually } from "./helpers/waiting.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test("10,000 subscriptions that are ended leave no memory and no handle", async () => {
  await using server = await Server.start();
  const resources = process.getActiveResourcesInfo().length;
  const tocsin = new Client(server.address);
  const controller = new AbortController();
  const cycle = async (way: number): Promise<void> => {
    const events = tocsin.subscribe("user:ext:42", { signal: controller.signal });
    if (way === 0) for await (const event of events) if (event.cursor) break;
    if (way === 1) assert.equal((await events.next()).done, false);
    if (way > 0) await events.close();
  };
  for (let i = 0; i < 1_000; i += 1) await cycle(i % 3);
  const before = heap();
  for (let i = 0; i < 10_000; i += 1) await cycle(i % 3);
  const grown = heap() - before;
  // As little as 200 bytes a subscription would be twice as much.
  assert.ok(grown < 1_000_000, `the heap has grown by ${grown} bytes`);
  await tocsin.close();
  await eventually(() => process.getActiveResourcesInfo().length <= resources);
});

test("a client that nobody waits for does not keep the program running", async () => {
  await using server = await Server.start();
  const program = `
    import { Client } from "tocsin-client";
    const tocsin = new Client("${server.address}");
    for await (const event of tocsin.subscribe("user:ext:42")) break;
    console.log((await tocsin.countUnread("user:ext:42")).unreadCount);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
