/** Waiting for what comes about by itself. */
import { setTimeout as pause } from "node:timers/promises";

/** Returns what `look` gives as soon as it is something; fails after 30 s, which nothing here takes. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error("it did not come about in 30 s");
    await pause(10);
  }
}

/** Returns what a promise rejects with; fails if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}
