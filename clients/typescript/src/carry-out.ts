/** Carries out a call: within its time, with the current token, again where that is safe. */
import type { Token } from "./address.js";
import type { Backoff } from "./backoff.js";
import { Attempts, isPassing } from "./backoff.js";
import type { Call } from "./calls.js";
import type { Connection } from "./connection.js";
import { DeadlineExceededError, TocsinError } from "./errors.js";
import { sleep, unlessAborted } from "./scope.js";

/**
 * Makes a call, and again after what passes, until `timeoutMs` are over.
 *
 * Rejects with a TocsinError, with what the token's function rejects with, or with the signal's reason.
 */
export async function carryOut<Answer>(
  connection: Connection,
  call: Call<Answer>,
  token: Token | undefined,
  backoff: Backoff,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  const attempts = new Attempts(backoff, timeoutMs, performance.now());
  let last: TocsinError | undefined;
  for (;;) {
    try {
      const bearer = await currentToken(token, attempts.remaining(performance.now()), signal);
      const left = attempts.remaining(performance.now());
      return call.read(await connection.unary(call.path, call.request, bearer, left, signal));
    } catch (problem) {
      if (!(problem instanceof TocsinError)) throw problem;
      const delay = call.repeatable && isPassing(problem) ? attempts.delayAfter(problem, performance.now()) : undefined;
      if (delay === undefined) {
        // It was made where gRPC calls back. From here the stack leads to whoever awaits the call.
        Error.captureStackTrace(problem);
        throw last ? withCause(problem, last) : problem;
      }
      last = problem;
      await sleep(delay, signal);
    }
  }
}

/**
 * Returns the token to send now; empty for none. A function of the caller's must not hang a call beyond its deadline:
 * rejects with a DeadlineExceededError after `ms`.
 */
export async function currentToken(token: Token | undefined, ms: number, signal: AbortSignal): Promise<string> {
  if (typeof token !== "function") return token ?? "";
  const given = Promise.resolve(token());
  return unlessAborted(signal, (resolve, reject) => {
    given.then(resolve, reject);
    const timer = setTimeout(() => {
      reject(new DeadlineExceededError("DEADLINE_EXCEEDED", "the token's function gave none in time"));
    }, ms);
    return () => {
      clearTimeout(timer);
    };
  });
}

/** Tells of a deadline that met the last of several attempts what the one before had failed with. */
function withCause(error: TocsinError, cause: TocsinError): TocsinError {
  if (error instanceof DeadlineExceededError && error.cause === undefined) error.cause = cause;
  return error;
}
