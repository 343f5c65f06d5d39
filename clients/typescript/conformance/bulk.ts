/** The operations of the sender that gathers, and those that measure. */
import { setTimeout as pause } from "node:timers/promises";

import type { BatchSenderOptions, Client, Draft, Sent } from "../src/index.js";
import { BatchSender, TocsinError } from "../src/index.js";
import type { Arguments, GivenDraft } from "./values.js";
import { draft, failure, ms, plain } from "./values.js";

/** What the sender is made with, and what is sent how often. */
export interface BulkArguments extends Arguments {
  readonly linger?: number;
  readonly max_requests?: number;
  readonly max_bytes?: number;
  readonly max_pending?: number;
  readonly in_flight?: number;
  readonly delivery_timeout?: number;
  readonly attempt_timeout?: number;
  readonly count?: number;
  readonly key_prefix?: string;
  readonly rate?: number;
  readonly bulk?: boolean;
}

const optionsOf = (given: BulkArguments): BatchSenderOptions => ({
  lingerMs: ms(given.linger),
  maxRequests: given.max_requests,
  maxBytes: given.max_bytes,
  maxPending: given.max_pending,
  maxInFlight: given.in_flight,
  deliveryTimeoutMs: ms(given.delivery_timeout),
  attemptTimeoutMs: ms(given.attempt_timeout),
});

/** The senders that the runner has opened, by its names. */
export class Bulk {
  readonly #senders = new Map<string, BatchSender>();
  readonly #handedOver = new Map<string, Promise<object>[]>();

  async open(client: Client, given: BulkArguments): Promise<object> {
    await this.#senders.get(given.sender)?.close({ timeoutMs: 0 });
    this.#senders.set(given.sender, client.batchSender(optionsOf(given)));
    this.#handedOver.set(given.sender, []);
    return {};
  }

  #sender({ sender }: Arguments): BatchSender {
    const found = this.#senders.get(sender);
    if (!found) throw new RangeError(`there is no sender ${sender}`);
    return found;
  }

  async send(given: Arguments): Promise<object> {
    const sender = this.#sender(given);
    for (const one of given.requests ?? []) {
      await sender.ready;
      const sent = sender.send(draft(one));
      await refusedAtOnce(sent);
      this.#handedOver.get(given.sender)?.push(
        sent.then(
          (value) => ({ ok: plain(value) }),
          (error: unknown) => ({ error: failure(error) }),
        ),
      );
    }
    return {};
  }

  async results(given: Arguments): Promise<object> {
    const handedOver = this.#handedOver.get(given.sender) ?? [];
    const late = pause(ms(given.timeout) ?? 60_000, undefined, { ref: false });
    const results = await Promise.race([Promise.all(handedOver), late]);
    if (!results) return { timeout: true };
    this.#handedOver.set(given.sender, []);
    return { results };
  }

  async flush(given: Arguments): Promise<object> {
    await this.#sender(given).flush();
    return {};
  }

  async close(given: Arguments): Promise<object> {
    await this.#sender(given).close({ timeoutMs: ms(given.timeout) });
    return {};
  }

  async closeAll(): Promise<void> {
    for (const sender of this.#senders.values()) await sender.close({ timeoutMs: 0 });
  }
}

/** Throws what a sender refuses by itself, before anything is sent. */
async function refusedAtOnce(sent: Promise<Sent>): Promise<void> {
  const refused = await Promise.race([
    sent.then(
      () => undefined,
      (error: unknown) => error,
    ),
    Promise.resolve().then(() => undefined),
  ]);
  if (refused instanceof Error && !(refused instanceof TocsinError)) throw refused;
}

const draftsOf = (given: BulkArguments): ((number: number) => Draft) => {
  const one = draft(given as unknown as GivenDraft);
  return (number) => ({ ...one, idempotencyKey: `${given.key_prefix ?? ""}${number}` });
};

class Tally {
  accepted = 0;
  duplicates = 0;
  readonly errors: Record<string, number> = {};

  async count(sent: Promise<Sent>): Promise<void> {
    try {
      const { duplicate } = await sent;
      this.accepted += 1;
      if (duplicate) this.duplicates += 1;
    } catch (error) {
      const why = error instanceof TocsinError ? error.reason || error.code : String(error);
      this.errors[why] = (this.errors[why] ?? 0) + 1;
    }
  }
}

/** Sends as many as are asked for, as fast as they get through. */
export async function load(client: Client, given: BulkArguments, bulk: boolean): Promise<object> {
  const [drafts, tally, begin] = [draftsOf(given), new Tally(), performance.now()];
  const count = given.count ?? 0;
  if (bulk) {
    const sender = client.batchSender(optionsOf(given));
    for (let number = 0; number < count; number += 1) {
      await sender.ready;
      void tally.count(sender.send(drafts(number)));
    }
    await sender.close();
  } else {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < count) await tally.count(client.send(drafts(next++)));
    };
    await Promise.all(Array.from({ length: given.in_flight ?? 1 }, one));
  }
  const { accepted, duplicates, errors } = tally;
  return { accepted, duplicates, errors, seconds: (performance.now() - begin) / 1_000 };
}

/** Sends at a rate, and tells how long each took from its due time to its result. */
export async function paced(client: Client, given: BulkArguments): Promise<object> {
  const [drafts, milliseconds] = [draftsOf(given), [] as number[]];
  const [count, pace] = [given.count ?? 0, 1_000 / (given.rate ?? 1)];
  const sender = given.bulk ? client.batchSender(optionsOf(given)) : undefined;
  const begin = performance.now();
  const sending = [];
  for (let number = 0; number < count; number += 1) {
    const due = begin + number * pace;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const sent = sender ? sender.send(drafts(number)) : client.send(drafts(number));
    sending.push(sent.then(() => (milliseconds[number] = performance.now() - due)));
  }
  await Promise.all(sending);
  await sender?.close();
  return { milliseconds };
}
