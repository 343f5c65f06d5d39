/** A recipient's live feed: an async iterator of events that outlives its streams. */
import type { Token } from "./address.js";
import { currentToken } from "./carry-out.js";
import type { Connection } from "./connection.js";
import { ClosedError, TocsinError, UnavailableError } from "./errors.js";
import { MessageStream } from "./message-stream.js";
import type { FeedEvent, RecipientLike } from "./model.js";
import { recipientText } from "./recipients.js";
import type { Resumption } from "./resumption.js";
import type { Running, Scope } from "./scope.js";
import { sleep } from "./scope.js";

/** How a feed is followed. */
export interface SubscribeOptions {
  /** Resume after this place: `cursor` of an event that you have dealt with, or of a list's first page. */
  readonly cursor?: string | undefined;
  /** Ends the iteration with its reason, an AbortError unless it has another. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told that a stream ended, why, and the milliseconds until the next one. What it throws ends the iteration. Without
   * it, each outage is one warning of the client; planned ends of streams are none.
   */
  readonly onInterruption?: ((error: TocsinError, delayMs: number) => void) | undefined;
}

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly connection: Connection;
  readonly scope: Scope;
  readonly path: string;
  readonly token: Token | undefined;
  readonly resumption: Resumption;
  readonly silenceMs: number;
  readonly warn: (message: string) => void;
}

/** Ends that the server planned, of which nobody needs to be told. */
const PLANNED: ReadonlySet<string> = new Set(["STREAM_AGED", "TOKEN_EXPIRED"]);

/**
 * A recipient's live feed. Iterate over it with `for await`; leaving the loop ends it.
 *
 * It resumes by itself, without a gap, whenever a stream ends. At the start and after each resumption comes a
 * `subscribed`; if that has `recovered: false`, list the feed again. The iteration fails, with a {@link TocsinError},
 * for what no further stream can cure, such as an `InvalidArgumentError` or `PermissionDeniedError`.
 */
export class Subscription implements AsyncIterableIterator<FeedEvent>, AsyncDisposable {
  readonly #whom: string;
  readonly #options: SubscribeOptions;
  readonly #parts: SubscriptionParts;
  readonly #events: AsyncGenerator<FeedEvent, undefined>;
  #running: Running | undefined;
  #stream: MessageStream | undefined;
  #told = false;

  /** @internal */
  constructor(recipient: RecipientLike, options: SubscribeOptions, parts: SubscriptionParts) {
    this.#whom = recipientText(recipient);
    this.#options = options;
    this.#parts = parts;
    this.#events = this.#follow();
  }

  /**
   * The place after the last event that was handed out, heartbeats after it included. To carry on after a restart of
   * your program without losing what it had not finished, keep the `cursor` of the last event that you have dealt with.
   */
  get cursor(): string {
    return this.#parts.resumption.cursor;
  }

  /** Returns the next event. */
  next(): Promise<IteratorResult<FeedEvent, undefined>> {
    return this.#events.next();
  }

  /** Ends the stream and the iteration. May be called repeatedly, and while `next` waits. */
  async close(): Promise<void> {
    this.#running?.end(new ClosedError("the subscription is closed"));
    await this.#events.return(undefined);
  }

  /** Called by `for await` when the loop is left. */
  async return(): Promise<IteratorResult<FeedEvent, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#follow(): AsyncGenerator<FeedEvent, undefined> {
    const { scope, resumption } = this.#parts;
    const running = scope.enter(this.#options.signal);
    this.#running = running;
    try {
      for (;;) {
        const got = await this.#receive(running.signal);
        if (got instanceof TocsinError) {
          await this.#waitAfter(got, running.signal);
          continue;
        }
        const event = resumption.received(got);
        if (event?.type !== "subscribed") this.#told = false;
        else if (!event.recovered) this.#parts.warn(`${this.#feed} has a gap: list it again from the first page`);
        if (event) yield event;
      }
    } catch (error) {
      if (error instanceof ClosedError && running.signal.aborted) return undefined;
      throw error;
    } finally {
      this.#endStream();
      running.leave();
    }
  }

  /** Returns the next message, or why there is none. */
  async #receive(signal: AbortSignal): Promise<Uint8Array | TocsinError> {
    try {
      this.#stream ??= await this.#open(signal);
      const message = await this.#stream.next(this.#parts.silenceMs, signal);
      // The server never ends a stream like this; something in between did.
      return message ?? new UnavailableError("UNAVAILABLE", "the stream ended without an error");
    } catch (error) {
      // The caller's signal can have any reason, also one of ours.
      if (signal.aborted || !(error instanceof TocsinError)) throw error;
      return error;
    }
  }

  async #open(signal: AbortSignal): Promise<MessageStream> {
    const { connection, path, token, resumption, silenceMs } = this.#parts;
    const bearer = await currentToken(token, silenceMs, signal).catch((cause: unknown) => {
      if (signal.aborted || cause instanceof TocsinError) throw cause;
      // Whoever gives tokens may be away for a while, like the server.
      throw new UnavailableError("UNAVAILABLE", `the token's function failed: ${String(cause)}`, { cause });
    });
    return new MessageStream(connection.stream(path, resumption.request(), bearer));
  }

  async #waitAfter(error: TocsinError, signal: AbortSignal): Promise<void> {
    this.#endStream();
    const delay = this.#parts.resumption.interrupted(error);
    if (this.#options.onInterruption) {
      this.#options.onInterruption(error, delay);
    } else if (!this.#told && !PLANNED.has(error.reason)) {
      this.#told = true;
      this.#parts.warn(`${this.#feed} is interrupted (${error.message}); trying again until it is back`);
    }
    await sleep(delay, signal);
  }

  get #feed(): string {
    return `the feed of ${this.#whom}`;
  }

  #endStream(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
  }
}
