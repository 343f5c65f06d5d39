import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { channelOptions, isLocal, target } from "../src/address.js";
import { Client, UnavailableError } from "../src/index.js";
import { ScriptedServer } from "./helpers/scripted-server.js";
import { Server } from "./helpers/server.js";
import { rejection } from "./helpers/waiting.js";

const folder = mkdtempSync(join(tmpdir(), "tocsin-tls-"));
const file = (name: string): string => join(folder, name);
let server: Server;

/** A wait that no call has the time for: the first error is the last. */
const NEVER = { initialMs: 1e9, maxMs: 1e9, random: () => 1 };

/** Certificates of an authority of our own: for the server, which is called tocsin.test, and for a client. */
function certificates(): void {
  const openssl = (...words: string[]): unknown => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority");
  for (const name of ["tocsin.test", "client"]) {
    const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    const authority = ["-CA", "ca.pem", "-CAkey", "ca.key"];
    openssl("req", "-x509", ...key, ...names, ...authority, "-keyout", `${name}.key`, "-out", `${name}.pem`);
  }
}

before(async () => {
  certificates();
  server = await Server.start({
    TOCSIN_TLS_CERT: file("tocsin.test.pem"),
    TOCSIN_TLS_KEY: file("tocsin.test.key"),
    TOCSIN_TLS_CLIENT_CA: file("ca.pem"),
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("TLS with an own authority and a client's certificate reaches the server", async () => {
  await using client = new Client(server.address, {
    tls: {
      ca: readFileSync(file("ca.pem")),
      cert: readFileSync(file("client.pem"), "utf8"),
      key: readFileSync(file("client.key")),
      serverName: "tocsin.test",
    },
  });
  assert.equal((await client.countUnread("user:ext:1")).unreadCount, 0);
});

test("a server with another name, or whom nobody vouches for, is not talked to, and the error says why", async () => {
  const ca = readFileSync(file("ca.pem"));
  await using misnamed = new Client(server.address, { tls: { ca }, retry: NEVER });
  const wrongName = await rejection(misnamed.countUnread("user:ext:1"));
  assert.ok(wrongName instanceof UnavailableError);
  assert.match(wrongName.message, /127\.0\.0\.1|altname/i);
  await using stranger = new Client(server.address, { tls: true, retry: NEVER });
  assert.match((await rejection(stranger.countUnread("user:ext:1"))).message, /certificate/);
});

test("half a client's certificate is refused", () => {
  assert.throws(() => new Client("127.0.0.1:1", { tls: { cert: "x" } }), /tls\.cert and tls\.key belong together/);
});

test("of several addresses one that answers is used", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", { notification: { id: "1" } });
  await using client = new Client(["127.0.0.1:1", scripted.address]);
  assert.equal((await client.get("1")).id, "1");
});

test("a name is looked up", async () => {
  await using scripted = await ScriptedServer.start();
  scripted.script("Get", { notification: { id: "1" } });
  await using client = new Client(`dns:///localhost:${scripted.address.split(":")[1] ?? ""}`);
  assert.equal((await client.get("1")).id, "1");
});

test("what is no address is refused with what would be right", () => {
  assert.throws(
    () => target("http://tocsin:50051"),
    /leave out http:\/\/, write host:port, as in "127\.0\.0\.1:50051"/,
  );
  assert.throws(() => target(""), /"" is no address/);
  assert.throws(() => target("tocsin :1"), /is no address/);
  assert.throws(() => target("::1:50051"), /stands in brackets, as in "\[::1\]:50051"/);
  assert.throws(() => target([]), /there is no address/);
  assert.throws(() => target(["a.example:1", "b.example:1"]), /"dns:\/\/\/name:50051"/);
  assert.throws(() => target(["127.0.0.1:1", "[::1]:1"]), /all of IPv4 or all of IPv6/);
  assert.equal(target(["[::1]:1", "[::2]:2"]), "ipv6:[::1]:1,[::2]:2");
  assert.equal(target("dns:///tocsin.internal:50051"), "dns:///tocsin.internal:50051");
});

test("a token travels in the clear on this machine only", () => {
  for (const local of ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/tocsin", "ipv4:127.0.0.1:1,127.0.0.2:2"]) {
    assert.ok(isLocal(local), local);
  }
  for (const far of ["10.0.0.1:1", "dns:///tocsin:1", "dns://127.0.0.1/tocsin:1", "ipv4:127.0.0.1:1,10.0.0.1:1"]) {
    assert.ok(!isLocal(far), far);
    assert.throws(() => new Client(far, { token: "secret" }), /refusing to send a token to .* give \{ tls: true \}/);
  }
  const plain = new Client("10.0.0.1:1");
  assert.throws(() => plain.withToken("secret"), /refusing to send a token/);
  assert.ok(new Client("10.0.0.1:1", { token: "secret", tls: true }));
});

test("what stays on this machine goes through no proxy, and the caller's options win", () => {
  assert.equal(channelOptions("127.0.0.1:1", undefined, {})["grpc.enable_http_proxy"], 0);
  assert.equal(channelOptions("10.0.0.1:1", undefined, {})["grpc.enable_http_proxy"], undefined);
  assert.equal(channelOptions("a:1", undefined, { "grpc.keepalive_time_ms": 1 })["grpc.keepalive_time_ms"], 1);
});
