/**
 * Sends many notifications, each with its own promise, in batches: the way past the cost of a call for each.
 *
 * Drafts gather for some milliseconds, go out together as one SendBatch, and each promise settles with its own result.
 * A batch that does not get through is sent again with the same keys, so that each draft is stored once.
 */
import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import { SendBatchRequestSchema, SendRequestSchema } from "#protos/tocsin/v1/notification_service_pb";

import type { Backoff } from "./backoff.js";
import { delayAfter, isPassing } from "./backoff.js";
import type { Call } from "./calls.js";
import { keyed, sendBatch } from "./calls.js";
import {
  CancelledError,
  ClosedError,
  DeadlineExceededError,
  InternalError,
  PolicyLimitError,
  ResourceExhaustedError,
  TocsinError,
} from "./errors.js";
import type { BatchResult, Draft, Sent } from "./model.js";
import { sleep } from "./scope.js";

/** How a sender gathers, how much it holds, and how long it tries. */
export interface BatchSenderOptions {
  /** How long a draft waits for others, in milliseconds: 5. */
  readonly lingerMs?: number | undefined;
  /** The most drafts in one batch, at most 1,000: 500. */
  readonly maxRequests?: number | undefined;
  /** The most bytes in one batch, at most 2 MiB: 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** The most batches on their way at once: 2. Order holds within a batch; across batches only with 1. */
  readonly maxInFlight?: number | undefined;
  /** From so many drafts on that are not settled `ready` waits: 10,000. Ten times that are held at most. */
  readonly maxPending?: number | undefined;
  /** From so many bytes on, likewise: 32 MiB. */
  readonly maxPendingBytes?: number | undefined;
  /** Milliseconds to wait for the answer to a batch before it is sent again: 10,000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Milliseconds, from `send` on, to go on trying to get a draft through: 120,000. */
  readonly deliveryTimeoutMs?: number | undefined;
}

/** What a sender works with. */
export interface SenderParts {
  /** Makes one attempt of a call. */
  readonly attempt: (call: Call<BatchResult[]>, timeoutMs: number, signal: AbortSignal) => Promise<BatchResult[]>;
  readonly backoff: Backoff;
}

/** Far more drafts are not settled than the sender should hold. Await its `ready` before each `send`. */
export class SenderFullError extends Error {
  override readonly name = "SenderFullError";
}

interface Item {
  readonly request: Uint8Array;
  /** When to give up, by the monotonic clock. */
  readonly end: number;
  readonly settled: Promise<Sent>;
  readonly resolve: (sent: Sent) => void;
  readonly reject: (error: Error) => void;
}

const MEBI = 1_048_576;
const DEFAULTS = {
  lingerMs: 5,
  maxRequests: 500,
  maxBytes: MEBI,
  maxInFlight: 2,
  maxPending: 10_000,
  maxPendingBytes: 32 * MEBI,
  attemptTimeoutMs: 10_000,
  deliveryTimeoutMs: 120_000,
};

/** Tag and length that each request has in the batch, at most. */
const OVERHEAD = 6;

/** Milliseconds, 25 days, beyond which a timer of Node.js would be over at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** How far beyond `maxPending` it takes drafts of a program that does not wait for `ready`. */
const OVERFLOW = 10;

/** Gathers drafts and sends them in batches; {@link Client.batchSender} makes one. */
export class BatchSender implements AsyncDisposable {
  readonly #limits: typeof DEFAULTS;
  readonly #parts: SenderParts;
  readonly #queue: Item[] = [];
  readonly #unsettled = new Set<Item>();
  #queuedBytes = 0;
  #heldBytes = 0;
  #inFlight = 0;
  /** What is queued has waited long enough. */
  #due = false;
  #timer: NodeJS.Timeout | undefined;
  #room: Deferred<void> | undefined;
  #closed = false;
  /** Ends what goes on when the time to close is over. */
  readonly #ending = new AbortController();

  /** @internal */
  constructor(options: BatchSenderOptions, parts: SenderParts) {
    this.#limits = limitsFrom(options);
    this.#parts = parts;
  }

  /** How many drafts are not settled. */
  get pending(): number {
    return this.#unsettled.size;
  }

  /** Resolves when there is room. Await it before each `send`, so that a fast source does not fill the memory. */
  get ready(): Promise<void> {
    if (this.#hasRoom(1)) return Promise.resolve();
    this.#room ??= deferred();
    return this.#room.promise;
  }

  #hasRoom(times: number): boolean {
    const { maxPending, maxPendingBytes } = this.#limits;
    return this.pending < maxPending * times && this.#heldBytes < maxPendingBytes * times;
  }

  /**
   * Takes a draft and returns at once; the promise settles when the draft is stored or refused.
   *
   * Rejects with the {@link TocsinError} with which `client.send` would have failed; with a {@link CancelledError} if it
   * was not settled when the sender's time to close, or the client, ended. Nobody has to handle these. Rejects at once,
   * and sends nothing, with a TypeError or RangeError for what cannot be sent, a {@link SenderFullError}, or a
   * {@link ClosedError}.
   */
  send(draft: Draft): Promise<Sent> {
    let item: Item;
    try {
      item = this.#accept(draft);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    // Whoever sends many may look at some of the results, or at none.
    item.settled.catch(() => undefined);
    this.#pump();
    return item.settled;
  }

  #accept(draft: Draft): Item {
    if (this.#closed) throw new ClosedError("the sender is closed");
    if (!this.#hasRoom(OVERFLOW)) {
      throw new SenderFullError(`${this.pending} drafts wait to be sent: await sender.ready before each send`);
    }
    const request = toBinary(SendRequestSchema, keyed(draft));
    const { promise: settled, resolve, reject } = deferred<Sent>();
    const item = { request, end: performance.now() + this.#limits.deliveryTimeoutMs, settled, resolve, reject };
    this.#queue.push(item);
    this.#unsettled.add(item);
    this.#queuedBytes += request.length + OVERHEAD;
    this.#heldBytes += request.length;
    return item;
  }

  /** Settles an item, which then takes no room any more. */
  #settle(item: Item, result: Sent | Error): void {
    if (!this.#unsettled.delete(item)) return;
    this.#heldBytes -= item.request.length;
    if (result instanceof Error) item.reject(result);
    else item.resolve(result);
    if (this.#room && this.#hasRoom(1)) {
      this.#room.resolve();
      this.#room = undefined;
    }
  }

  /** Sends what waits without further delay; resolves, and never rejects, when all that was given so far is settled. */
  async flush(): Promise<void> {
    this.#due = true;
    this.#pump();
    await Promise.allSettled(Array.from(this.#unsettled, ({ settled }) => settled));
  }

  /**
   * Takes no more drafts, and flushes. What is not settled after `timeoutMs` rejects with a {@link CancelledError}; whether
   * it was stored is open. May be called repeatedly.
   */
  async close({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closed = true;
    const timer =
      timeoutMs === undefined || timeoutMs > LONGEST_TIMER
        ? undefined
        : setTimeout(() => {
            const late = new CancelledError("CANCELLED", "the sender was closed; whether it was stored is open");
            for (const item of this.#unsettled) this.#settle(item, late);
            this.#ending.abort(late);
          }, timeoutMs);
    await this.flush();
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pump(): void {
    const { maxRequests, maxBytes, maxInFlight, lingerMs } = this.#limits;
    const isFull = (): boolean => this.#queue.length >= maxRequests || this.#queuedBytes >= maxBytes;
    while (this.#inFlight < maxInFlight && this.#queue.length > 0 && (this.#due || isFull())) {
      this.#inFlight += 1;
      void this.#deliver(this.#take()).finally(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
    if (this.#queue.length === 0) {
      this.#due = false;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (!this.#due) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#due = true;
        this.#pump();
      }, lingerMs);
    }
  }

  /** Takes a batch off the queue. A draft that is larger than a batch goes alone, and the server says why not. */
  #take(): Item[] {
    let [count, bytes] = [0, 0];
    for (const { request } of this.#queue) {
      const more = bytes + request.length + OVERHEAD;
      if (count === this.#limits.maxRequests || (count > 0 && more > this.#limits.maxBytes)) break;
      [count, bytes] = [count + 1, more];
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  /** Sends a batch until each of its items is settled. */
  async #deliver(batch: readonly Item[]): Promise<void> {
    let items = batch;
    for (let failures = 1; items.length > 0; failures += 1) {
      const error = await this.#attempt(items);
      if (!error) return;
      const delay = delayAfter(this.#parts.backoff, failures, error.retryDelayMs);
      const start = performance.now() + delay;
      for (const item of items) if (start >= item.end) this.#settle(item, error);
      items = items.filter((item) => this.#unsettled.has(item));
      if (items.length === 0) return;
      await sleep(delay, this.#ending.signal).catch(() => undefined);
      items = items.filter((item) => this.#unsettled.has(item));
    }
  }

  /** Makes one attempt, and settles what it settles; returns why the rest is worth another. */
  async #attempt(items: readonly Item[]): Promise<TocsinError | undefined> {
    const left = Math.max(...items.map(({ end }) => end)) - performance.now();
    if (left <= 0) return new DeadlineExceededError("DEADLINE_EXCEEDED", "it was not sent in its time");
    try {
      const results = await this.#parts.attempt(
        batchOf(items),
        Math.min(left, this.#limits.attemptTimeoutMs),
        this.#ending.signal,
      );
      return this.#settleBy(results, items);
    } catch (problem) {
      if (problem instanceof TocsinError && isWorthAnother(problem)) return problem;
      const why =
        problem instanceof ClosedError
          ? new CancelledError("CANCELLED", "the client was closed; whether it was stored is open", { cause: problem })
          : (problem as Error);
      for (const item of items) this.#settle(item, why);
      return undefined;
    }
  }

  /** Settles items by their results, but for those that are worth another attempt; returns why, the last one's. */
  #settleBy(results: readonly BatchResult[], items: readonly Item[]): TocsinError | undefined {
    let last: TocsinError | undefined;
    for (const [index, item] of items.entries()) {
      const result = results[index] ?? { ok: false, error: new InternalError("INTERNAL", "a result is missing") };
      if (result.ok) this.#settle(item, { notification: result.notification, duplicate: result.duplicate });
      else if (isWorthAnother(result.error)) last = result.error;
      else this.#settle(item, result.error);
    }
    return last;
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A promise that somebody else settles. (Promise.withResolvers came with Node.js 22.) */
function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

function limitsFrom(options: BatchSenderOptions): typeof DEFAULTS {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const limits = { ...DEFAULTS, ...(Object.fromEntries(given) as Partial<typeof DEFAULTS>) };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= (name === "lingerMs" ? 0 : 1))) throw new RangeError(`${name} is ${value}: give at least 1`);
  }
  const { maxRequests, maxBytes } = limits;
  if (maxRequests > 1_000) throw new RangeError(`maxRequests is ${maxRequests}: a batch takes at most 1000`);
  if (maxBytes > 2 * MEBI) throw new RangeError(`maxBytes is ${maxBytes}: a batch takes at most 2 MiB`);
  return limits;
}

/**
 * Each draft has a key, so that whatever leaves open whether it was stored may be repeated; the server is full for a while.
 * But a policy's limit is one recipient's, and may last for days, while others would wait behind.
 */
function isWorthAnother(error: TocsinError): boolean {
  if (error instanceof PolicyLimitError) return false;
  return isPassing(error) || error instanceof DeadlineExceededError || error instanceof ResourceExhaustedError;
}

/** Puts requests that are serialised already into a SendBatchRequest. */
function batchOf(items: readonly Item[]): Call<BatchResult[]> {
  const writer = new BinaryWriter();
  const field = SendBatchRequestSchema.field.requests.number;
  for (const { request } of items) writer.tag(field, WireType.LengthDelimited).bytes(request);
  return { ...sendBatch([]), request: writer.finish(), repeatable: false };
}
