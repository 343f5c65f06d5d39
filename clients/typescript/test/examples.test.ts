import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client } from "../src/index.js";
import { Server } from "./helpers/server.js";
import { eventually } from "./helpers/waiting.js";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const USER = "user:0190a5d0-0000-7000-8000-000000000001";
const folder = mkdtempSync(join(tmpdir(), "tocsin-examples-"));
let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that runs, and what it has said. */
interface Program {
  readonly process: ChildProcess;
  readonly said: () => string;
}

function start(name: string): Program {
  const child = spawn(process.execPath, [join(EXAMPLES, `${name}.js`)], {
    cwd: folder,
    env: { ...process.env, TOCSIN_SERVER: server.address, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  return { process: child, said: () => said };
}

async function output(name: string): Promise<string[]> {
  const { process: child, said } = start(name);
  assert.deepEqual(await once(child, "close"), [0, null]);
  return said().trimEnd().split("\n");
}

test("there is a test of every example", () => {
  const names = readdirSync(EXAMPLES).filter((name) => name.endsWith(".js"));
  assert.deepEqual(names.sort(), ["contacts.js", "decide.js", "send-in-bulk.js", "send.js", "subscribe.js"]);
});

test("send is told of a repetition and of what is wrong", async () => {
  const [stored, wrong] = await output("send");
  assert.match(stored ?? "", /^[0-9a-f-]{36} is stored$/);
  assert.match(wrong ?? "", /^channels\[0\]\.address: must be /);
  const [again] = await output("send");
  assert.equal(again, stored?.replace("is stored", "was stored before"));
});

test("send-in-bulk stores each order once", async () => {
  assert.deepEqual(await output("send-in-bulk"), ["20 unread for customer 7"]);
  assert.deepEqual(await output("send-in-bulk"), ["20 unread for customer 7"]);
});

test("contacts prints whom it has put", async () => {
  assert.deepEqual(await output("contacts"), ["42 ann@example.org pt-BR Europe/Lisbon"]);
});

test("subscribe goes on where it stopped", async () => {
  await using tocsin = new Client(server.address);
  const send = (title: string): Promise<unknown> =>
    tocsin.send({ recipient: USER, title, message: "m", channels: ["websocket"] });
  const first = start("subscribe");
  await eventually(() => readdirSync(folder).includes("cursor"));
  const place = (): string => readFileSync(join(folder, "cursor"), "utf8");
  const beginning = place();
  await send("one");
  await eventually(() => first.said().includes("one (") && place() !== beginning);
  first.process.kill("SIGKILL");
  await once(first.process, "close");
  await send("two");
  const second = start("subscribe");
  await eventually(() => second.said().includes("two ("));
  second.process.kill("SIGKILL");
  assert.ok(!second.said().includes("one ("));
});

test("decide chooses the feed, and something beside it when much is unread", async () => {
  await using tocsin = new Client(server.address);
  const decider = start("decide");
  const recipient = "user:ext:decided";
  for (const [unread, title] of ["first", "second", "third", "fourth"].entries()) {
    await eventually(async () => (await tocsin.countUnread(recipient)).unreadCount === unread);
    await tocsin.send({
      recipient,
      title,
      message: "m",
      deferred: true,
      addresses: { email: "ann@example.org" },
    });
    await eventually(() => decider.said().includes(`${title} -> `));
  }
  decider.process.kill("SIGKILL");
  assert.deepEqual(decider.said().trimEnd().split("\n"), [
    "first -> websocket",
    "second -> websocket",
    "third -> websocket",
    "fourth -> websocket, email",
  ]);
});
