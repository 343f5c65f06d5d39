/** Where servers are, how the way to them is protected, and which credentials may travel on it. */
import { isIP } from "node:net";

import type { ChannelOptions } from "@grpc/grpc-js";
import { credentials } from "@grpc/grpc-js";
import type { ChannelCredentials } from "@grpc/grpc-js";

/**
 * How to protect the connection. Without `ca` the server must be known to the authorities that Node.js trusts; its
 * options `--use-system-ca` and `NODE_EXTRA_CA_CERTS` add to them.
 */
export interface Tls {
  /** PEM of the authorities that may vouch for the server, in place of those of Node.js. */
  readonly ca?: string | Uint8Array | undefined;
  /** PEM of the client's own certificate, for servers that ask for one; with `key`. */
  readonly cert?: string | Uint8Array | undefined;
  /** PEM of its key. */
  readonly key?: string | Uint8Array | undefined;
  /** Name to expect in the server's certificate, when it is not the one in the address. */
  readonly serverName?: string | undefined;
}

/** A bearer token, or a function that gives the current one, asked for each attempt of a call and for each stream. */
export type Token = string | (() => string | Promise<string>);

const EXAMPLE = 'write host:port, as in "127.0.0.1:50051"';

/**
 * Returns gRPC's name for where the servers are; throws a RangeError for what looks like an address and is none, which
 * gRPC would try in vain for ever.
 */
export function target(address: string | readonly string[]): string {
  if (typeof address === "string") return oneTarget(address);
  const [first, ...others] = address;
  if (first === undefined) throw new RangeError(`there is no address; ${EXAMPLE}`);
  if (others.length === 0) return oneTarget(first);
  const families = new Set(address.map(familyOf));
  if (families.size > 1) throw new RangeError("several addresses are all of IPv4 or all of IPv6");
  return `ipv${[...families].join("")}:${address.join(",")}`;
}

function oneTarget(address: string): string {
  const scheme = /^([a-z]+):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme && !["dns", "unix", "ipv4", "ipv6"].includes(scheme)) {
    throw new RangeError(`${JSON.stringify(address)}: leave out ${scheme}://, ${EXAMPLE}`);
  }
  if (!address || /\s/.test(address)) throw new RangeError(`${JSON.stringify(address)} is no address; ${EXAMPLE}`);
  if ((address.match(/:/g)?.length ?? 0) > 1 && isIP(address.replace(/:\d+$/, "")) === 6) {
    throw new RangeError(`${JSON.stringify(address)}: an IPv6 address stands in brackets, as in "[::1]:50051"`);
  }
  return address;
}

function familyOf(address: string): number {
  const host = /^\[(.+)\]:\d+$/.exec(address)?.[1] ?? /^([^:]+):\d+$/.exec(address)?.[1] ?? "";
  const family = isIP(host);
  if (!family) {
    throw new RangeError(
      `${JSON.stringify(address)}: several addresses are IP addresses with ports; several behind one name are ` +
        '"dns:///name:50051"',
    );
  }
  return family;
}

/** Tells whether a target stays on this machine: a Unix socket, or nothing but loopback addresses. */
export function isLocal(name: string): boolean {
  if (/^unix(-abstract)?:/.test(name)) return true;
  // dns://authority/host:port and dns:///host:port; the others are lists of addresses without authority.
  const hosts = name.replace(/^(dns|ipv4|ipv6):/, "").replace(/^\/\/[^/]*\//, "");
  return hosts.split(",").every((host) => isLoopback(hostOf(host)));
}

function hostOf(address: string): string {
  if (isIP(address)) return address;
  return /^\[(.+)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/:\d+$/, "");
}

function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

/** Throws a RangeError if a token would travel in the clear to another machine, where anybody could read it. */
export function checkToken(name: string, token: Token | undefined, tls: Tls | undefined): void {
  if (token !== undefined && tls === undefined && !isLocal(name)) {
    throw new RangeError(
      `refusing to send a token to ${name} without encryption: give { tls: true }, or connect through loopback`,
    );
  }
}

/** Returns what a connection is protected with. */
export function channelCredentials(tls: Tls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new RangeError("tls.cert and tls.key belong together: give both or neither");
  }
  return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
}

function pem(value: string | Uint8Array | undefined): Buffer | null {
  if (value === undefined) return null;
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
}

/** Returns how a connection behaves; `extra` options win. */
export function channelOptions(name: string, tls: Tls | undefined, extra: ChannelOptions): ChannelOptions {
  return {
    "grpc.primary_user_agent": "tocsin-typescript",
    // Otherwise all clients of a process share connections, and closing one closes nothing.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    // Asks after a minute without traffic whether the connection still stands. The server refuses those who ask more
    // often than every 30 s.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    // By default gRPC waits up to two minutes between its own attempts to connect, and goes on failing at once for
    // that long after a server has come back.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 5_000,
    // A name is looked up again when its addresses fail, half a minute apart by default.
    "grpc.dns_min_time_between_resolutions_ms": 5_000,
    // With http_proxy in the environment gRPC would send even loopback traffic, tokens included, to a proxy.
    ...(isLocal(name) && { "grpc.enable_http_proxy": 0 }),
    ...(tls?.serverName !== undefined && {
      "grpc.ssl_target_name_override": tls.serverName,
      "grpc.default_authority": tls.serverName,
    }),
    ...extra,
  };
}
