/**
 * How a subscription survives the end of its streams: decisions only, without I/O or clock.
 *
 * - The position moves with each event that is handed out, heartbeats included; the next stream starts after it.
 * - Failures in a row make the wait grow. A `subscribed` does not end the row, any later event does: a server that
 *   accepts streams only to break them would otherwise be asked again and again without pause.
 * - What ends a stream falls in four kinds. The server asks to come again: UNAVAILABLE, RESOURCE_EXHAUSTED. The line
 *   broke, or something in between gave up: a code such as CANCELLED or INTERNAL without a reason of ours, or an end
 *   without an error, which the server never makes. The token's time has not come, because somebody's clock is wrong:
 *   it soon will. Everything else would happen again, so the subscription fails with it.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { SubscribeRequestSchema, SubscribeResponseSchema } from "#protos/tocsin/v1/notification_service_pb";

import type { Backoff } from "./backoff.js";
import { delayAfter } from "./backoff.js";
import { eventFrom } from "./convert.js";
import type { Code, TocsinError } from "./errors.js";
import { TokenExpiredError, UnauthenticatedError } from "./errors.js";
import type { FeedEvent, RecipientLike } from "./model.js";
import { recipientMessage } from "./recipients.js";
import { text } from "./values.js";

/** Codes that invite another attempt, whoever sent them. */
const COME_AGAIN: ReadonlySet<Code> = new Set<Code>(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]);

/** Codes that gRPC and proxies give for streams that were cut off; the server's own errors have a reason. */
const BROKEN_LINE: ReadonlySet<Code> = new Set<Code>([
  "CANCELLED",
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "ABORTED",
  "INTERNAL",
]);

/** Streams in a row that are tried with a token whose time has not come: with the usual waits, two minutes or so. */
const EARLY_ATTEMPTS = 12;

/** How many of the latest notifications are known by their places, so that one that comes again is not handed out. */
const REMEMBERED = 64;

/** The state of one subscription between its streams. */
export class Resumption {
  readonly #recipient: ReturnType<typeof recipientMessage>;
  readonly #backoff: Backoff;
  readonly #renewable: boolean;
  readonly #seen = new Set<string>();
  #cursor: string;
  #failures = 0;
  #early = 0;
  #tokenExpired = false;

  /** `renewable`: the next stream can have a newer token than the last one, so that TOKEN_EXPIRED is worth another. */
  constructor(recipient: RecipientLike, cursor: string, backoff: Backoff, renewable: boolean) {
    this.#recipient = recipientMessage(recipient);
    this.#cursor = text("cursor", cursor);
    this.#backoff = backoff;
    this.#renewable = renewable;
  }

  /** The place after the last event that was handed out. */
  get cursor(): string {
    return this.#cursor;
  }

  /** The request that opens the next stream. */
  request(): Uint8Array {
    return toBinary(
      SubscribeRequestSchema,
      create(SubscribeRequestSchema, { recipient: this.#recipient, cursor: this.#cursor }),
    );
  }

  /** Takes note of a message; returns the event to hand out, undefined if it only moves the position. */
  received(bytes: Uint8Array): FeedEvent | undefined {
    const message = fromBinary(SubscribeResponseSchema, bytes);
    this.#cursor = message.cursor || this.#cursor;
    this.#tokenExpired = false;
    this.#early = 0;
    if (message.event.case !== "subscribed") this.#failures = 0;
    const event = eventFrom(message);
    return event !== undefined && this.#isRepeated(event) ? undefined : event;
  }

  /** Delivery is at least once. The same notification at the same place of the feed is the same event. */
  #isRepeated(event: FeedEvent): boolean {
    if (event.type !== "notification") return false;
    const { id, status, isRead } = event.notification;
    const key = `${event.cursor} ${id} ${status} ${isRead ? "read" : ""}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    return false;
  }

  /** Returns the milliseconds to wait before the next stream; throws the error if none can help. */
  interrupted(error: TocsinError): number {
    if (!this.#isWorthAnother(error)) throw error;
    this.#failures += 1;
    return delayAfter(this.#backoff, this.#failures, error.retryDelayMs);
  }

  #isWorthAnother(error: TocsinError): boolean {
    if (error instanceof TokenExpiredError && this.#renewable && !this.#tokenExpired) {
      this.#tokenExpired = true;
      return true;
    }
    if (error instanceof UnauthenticatedError && "valid_from" in error.metadata) {
      this.#early += 1;
      return this.#early < EARLY_ATTEMPTS;
    }
    return COME_AGAIN.has(error.code) || (!error.reason && BROKEN_LINE.has(error.code));
  }
}
