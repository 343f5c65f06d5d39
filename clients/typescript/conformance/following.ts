/** A subscription that is read on demand, with a time limit that an iterator does not have. */
import type { Client, FeedEvent, RecipientLike, Subscription } from "../src/index.js";
import { TocsinError } from "../src/index.js";
import { failure, plain } from "./values.js";

type Read = { readonly event: IteratorResult<FeedEvent, undefined> } | { readonly error: unknown };

/** Reads one event for each `next`; one that waited in vain loses nothing. */
export class Follower {
  readonly interruptions: object[] = [];
  readonly #subscription: Subscription;
  #reading: Promise<Read> | undefined;

  constructor(client: Client, recipient: RecipientLike, cursor: string | undefined) {
    const onInterruption = (error: TocsinError): number => this.interruptions.push(failure(error));
    this.#subscription = client.subscribe(recipient, { cursor, onInterruption });
  }

  get cursor(): string {
    return this.#subscription.cursor;
  }

  /** Returns the answer of the operation `next`; throws what ended the subscription, once. */
  async next(timeoutMs: number): Promise<object> {
    this.#reading ??= this.#subscription.next().then(
      (event) => ({ event }),
      (error: unknown) => ({ error }),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, undefined);
    });
    const read = await Promise.race([this.#reading, late]);
    clearTimeout(timer);
    if (!read) return { timeout: true };
    this.#reading = undefined;
    if ("error" in read) throw read.error;
    return read.event.done ? { end: true } : { event: plain(read.event.value) };
  }

  async close(): Promise<void> {
    await this.#subscription.close();
  }
}
