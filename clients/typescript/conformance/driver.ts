/**
 * The driver of the conformance suite for this client: operations as JSON lines in, answers as JSON lines out.
 *
 * `clients/conformance/README.md` describes the protocol.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Client, recipientText } from "../src/index.js";
import type { Contact } from "../src/index.js";
import type { BulkArguments } from "./bulk.js";
import { Bulk, load, paced } from "./bulk.js";
import { Follower } from "./following.js";
import type { Arguments, GivenDraft, GivenFilter } from "./values.js";
import { channels, draft, failure, filter, ms, parse, plain, recipient, result, strategy } from "./values.js";

/** Cycles of `churn` before anything is counted. */
const WARM_UP = 50;

interface OpenArguments extends Arguments {
  readonly address: string;
  readonly token?: string;
  readonly tokens?: string[];
  readonly tls?: { ca?: string; certificate?: string; key?: string; server_name?: string };
  readonly silence?: number;
  readonly reconnect?: { initial?: number; cap?: number };
}

const clients = new Map<string, Client>();
const followers = new Map<string, Follower>();
const bulk = new Bulk();

function clientOf(given: Arguments): Client {
  const found = clients.get(given.client);
  if (!found) throw new RangeError(`there is no client ${given.client}`);
  return found;
}

function followerOf(given: Arguments): Follower {
  const found = followers.get(given.subscription);
  if (!found) throw new RangeError(`there is no subscription ${given.subscription}`);
  return found;
}

const whom = (given: Arguments): ReturnType<typeof recipient> => {
  if (!given.recipient) throw new RangeError("recipient is missing");
  return recipient(given.recipient);
};

const grounds = (given: Arguments): object => ({
  leaseToken: given.lease_token,
  reason: given.reason,
  decider: given.decider,
});

async function open(given: OpenArguments): Promise<object> {
  await clients.get(given.client)?.close();
  const { tls, reconnect } = given;
  const tokens = [...(given.tokens ?? [])];
  const inTurn = (): string => (tokens.length > 1 ? tokens.shift() : tokens[0]) ?? "";
  const pem = (path: string | undefined): Buffer | undefined => (path ? readFileSync(path) : undefined);
  const waits = { initialMs: ms(reconnect?.initial), maxMs: ms(reconnect?.cap) };
  clients.set(
    given.client,
    new Client(given.address, {
      token: given.tokens ? inTurn : given.token,
      tls: tls && { ca: pem(tls.ca), cert: pem(tls.certificate), key: pem(tls.key), serverName: tls.server_name },
      timeoutMs: ms(given.deadline),
      silenceMs: ms(given.silence),
      reconnect: Object.fromEntries(Object.entries(waits).filter(([, value]) => value !== undefined)),
      onWarning: (message) => {
        console.error(message);
      },
    }),
  );
  return {};
}

async function churn(given: Arguments): Promise<object> {
  const client = clientOf(given);
  const cycles = async (count: number): Promise<object> => {
    for (let cycle = 0; cycle < count; cycle += 1) {
      for await (const event of client.subscribe(whom(given))) if (event.cursor) break;
    }
    globalThis.gc?.();
    return { handles: process.getActiveResourcesInfo().length };
  };
  const before = await cycles(WARM_UP);
  return { counts: { before, after: await cycles(given.cycles ?? 0) } };
}

async function contactsOf(given: Arguments & GivenFilter): Promise<object> {
  const found: Contact[] = [];
  const asked = { recipientType: given.recipient_type, pageSize: given.page_size };
  for await (const contact of clientOf(given).listContacts(asked)) found.push(contact);
  return { contacts: plain(found) };
}

async function idsOf(given: Arguments & GivenFilter): Promise<object> {
  const ids: string[] = [];
  for await (const { id } of clientOf(given).iterate(filter(given))) ids.push(id);
  return { ids };
}

type Operation = (given: never) => object | Promise<object>;
type Wrapped = Promise<unknown>;

const notification = async (found: Wrapped): Promise<object> => ({ notification: plain(await found) });
const answer = async (found: Wrapped): Promise<object> => plain(await found) as object;

/** What reads and changes notifications and contacts. */
const CALLS: Record<string, Operation> = {
  send: (given: Arguments & GivenDraft) =>
    answer(clientOf(given).send(draft(given), { timeoutMs: ms(given.deadline) })),
  send_batch: async (given: Arguments) => {
    const drafts = (given.requests ?? []).map(draft);
    const results = await clientOf(given).sendBatch(drafts, { timeoutMs: ms(given.deadline) });
    return { results: results.map(result) };
  },
  get: (given: Arguments) => notification(clientOf(given).get(given.id, { timeoutMs: ms(given.deadline) })),
  list: (given: Arguments & GivenFilter) => answer(clientOf(given).list(filter(given))),
  list_all: idsOf,
  mark_read: (given: Arguments) => {
    const what = given.recipient
      ? { recipient: recipient(given.recipient), upToCursor: given.up_to_cursor, ids: given.ids }
      : { ids: given.ids ?? [] };
    return answer(clientOf(given).markRead(what as { ids: string[] }));
  },
  count_unread: (given: Arguments) => answer(clientOf(given).countUnread(whom(given))),
  cancel: (given: Arguments) => notification(clientOf(given).cancel(given.id)),
  retry: (given: Arguments & GivenFilter) => notification(clientOf(given).retry(given.id, given.channels)),
  put_contact: async (given: Arguments) => {
    if (!given.contact) throw new RangeError("contact is missing");
    const { recipient: whose, addresses, locale, time_zone: timeZone } = given.contact;
    const put = { recipient: recipient(whose), addresses, locale, timeZone };
    return { contact: plain(await clientOf(given).putContact(put)) };
  },
  get_contact: async (given: Arguments) => ({ contact: plain(await clientOf(given).getContact(whom(given))) }),
  delete_contact: async (given: Arguments) => {
    await clientOf(given).deleteContact(whom(given));
    return {};
  },
  list_contacts: contactsOf,
};

/** What decides. */
const DECISIONS: Record<string, Operation> = {
  route: (given: Arguments & GivenDraft) => {
    const decision = { channels: channels(given.channels), ...strategy(given.strategy), ...grounds(given) };
    return notification(clientOf(given).route(given.id, decision));
  },
  hold: (given: Arguments) => {
    const until = new Date(given.hold_until ?? NaN);
    return notification(clientOf(given).hold(given.id, { until, ...grounds(given) }));
  },
  suppress: (given: Arguments) => notification(clientOf(given).suppress(given.id, grounds(given))),
  explain: async (given: Arguments) => ({ decisions: plain(await clientOf(given).explain(given.id)) }),
  lease_undecided: async (given: Arguments & GivenDraft) => {
    const undecided = await clientOf(given).leaseUndecided({
      maxCount: given.max_count,
      leaseMs: ms(given.lease),
      waitMs: ms(given.wait),
      category: given.category,
      recipientTypes: given.recipient_types,
      timeoutMs: ms(given.deadline),
    });
    return { undecided: plain(undecided) };
  },
};

/** Clients, subscriptions and senders. */
const LIVING: Record<string, Operation> = {
  hello: () => ({ language: "typescript", version: `node ${process.version}` }),
  open,
  close: async (given: Arguments) => {
    await clientOf(given).close();
    return {};
  },
  subscribe: async (given: Arguments) => {
    await followers.get(given.subscription)?.close();
    followers.set(given.subscription, new Follower(clientOf(given), recipientText(whom(given)) as never, given.cursor));
    return {};
  },
  next: (given: Arguments) => followerOf(given).next(ms(given.timeout) ?? 10_000),
  cursor: (given: Arguments) => ({ cursor: followerOf(given).cursor }),
  interruptions: (given: Arguments) => ({ interruptions: followerOf(given).interruptions }),
  unsubscribe: async (given: Arguments) => {
    await followerOf(given).close();
    return {};
  },
  churn,
  bulk_open: (given: BulkArguments) => bulk.open(clientOf(given), given),
  bulk_send: (given: Arguments) => bulk.send(given),
  bulk_results: (given: Arguments) => bulk.results(given),
  bulk_flush: (given: Arguments) => bulk.flush(given),
  bulk_close: (given: Arguments) => bulk.close(given),
  bulk_load: (given: BulkArguments) => load(clientOf(given), given, true),
  unary_load: (given: BulkArguments) => load(clientOf(given), given, false),
  paced_load: (given: BulkArguments) => paced(clientOf(given), given),
};

const OPERATIONS: Record<string, Operation> = { ...CALLS, ...DECISIONS, ...LIVING };

async function answerTo(given: Arguments): Promise<object> {
  const operation = Object.hasOwn(OPERATIONS, given.op) ? OPERATIONS[given.op] : undefined;
  if (!operation) return { call: given.call, unsupported: `no operation ${given.op}` };
  try {
    return { call: given.call, ok: await operation(given as never) };
  } catch (error) {
    return { call: given.call, error: failure(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(parse(line) as Arguments))}\n`);
}
for (const follower of followers.values()) await follower.close();
await bulk.closeAll();
for (const client of clients.values()) await client.close();
