/**
 * When to try again: exponential growth with full jitter, and the budget of one call's attempts.
 *
 * Why not gRPC's own `retryPolicy`: it never reads `google.rpc.RetryInfo`, it stops after five attempts, a second or two
 * in the life of a restarting server where a caller has given us a deadline, and it cannot serve subscriptions, which
 * must change their request before they repeat it. What gRPC does below that stays on: a call that has provably never
 * left the client is repeated by gRPC itself.
 */
import type { TocsinError } from "./errors.js";
import { CancelledError, UnavailableError } from "./errors.js";

/** How long to wait before the next attempt: a random time up to a bound that grows with every failure. */
export interface Backoff {
  /** Bound after the first failure, in milliseconds. */
  readonly initialMs: number;
  /** Largest bound, in milliseconds. */
  readonly maxMs: number;
  /** What the bound is multiplied by after every further failure. */
  readonly factor: number;
  /** Gives a number from 0 to 1. */
  readonly random: () => number;
}

/** The longest wait that is taken from a server, in milliseconds: an hour. */
const LONGEST = 3_600_000;

/** Waits between the attempts of a call. */
export const CALL_BACKOFF: Backoff = { initialMs: 100, maxMs: 2_000, factor: 2, random: Math.random };

/** Waits between the streams of a subscription. */
export const STREAM_BACKOFF: Backoff = { initialMs: 500, maxMs: 30_000, factor: 2, random: Math.random };

/**
 * Returns the milliseconds to wait after so many failures in a row, 1 or more.
 *
 * The jitter is full, so that the many clients of a server that restarts do not come back at the same moment. What the
 * server asks for comes below it.
 */
export function delayAfter(backoff: Backoff, failures: number, retryDelayMs = 0): number {
  const bound = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (failures - 1));
  return Math.min(retryDelayMs, LONGEST) + bound * backoff.random();
}

/** Tells whether an error leaves open whether the call took effect, or says that repeating it may help at once. */
export function isPassing(error: TocsinError): boolean {
  // UNAVAILABLE is worth another attempt (AIP-194), and a CANCELLED that nobody on this side asked for: so end calls
  // that reach a gRPC server at the moment of its stop, before it hands them to its program. RESOURCE_EXHAUSTED asks
  // the caller to slow down, which it can do only if it learns of it; the rest would fail again.
  return error instanceof UnavailableError || (error instanceof CancelledError && !error.reason);
}

/** The attempts of one call. Times are milliseconds of a monotonic clock. */
export class Attempts {
  readonly #backoff: Backoff;
  readonly #end: number;
  #failures = 0;

  constructor(backoff: Backoff, timeoutMs: number, now: number) {
    this.#backoff = backoff;
    this.#end = now + timeoutMs;
  }

  /** The milliseconds that are left. */
  remaining(now: number): number {
    return Math.max(this.#end - now, 0);
  }

  /**
   * The milliseconds to wait before the next attempt; undefined if that would be too late. To wait longer than the
   * deadline allows would help nobody, so it gives up at once then, with the error that says why.
   */
  delayAfter(error: TocsinError, now: number): number | undefined {
    this.#failures += 1;
    const delay = delayAfter(this.#backoff, this.#failures, error.retryDelayMs);
    return delay < this.remaining(now) ? delay : undefined;
  }
}
