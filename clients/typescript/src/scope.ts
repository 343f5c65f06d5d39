/** What is going on, and how it ends early: by a caller's signal, or because what it belongs to is closed. */

/** Something that goes on. */
export interface Running {
  /** Aborted when it shall end. */
  readonly signal: AbortSignal;
  readonly end: (reason: Error) => void;
  /** Says that it has ended. */
  readonly leave: () => void;
}

/** Ends everything that runs in it when it is closed. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #running = new Set<AbortController>();
  #reason: Error | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  /** Throws the reason if it, or what it belongs to, is closed. */
  throwIfClosed(): void {
    this.#parent?.throwIfClosed();
    if (this.#reason) throw this.#reason;
  }

  /** Begins something that the caller's signal, or `close`, ends. Whoever begins it leaves. */
  enter(outer: AbortSignal | undefined): Running {
    this.throwIfClosed();
    outer?.throwIfAborted();
    // Not AbortSignal.any: it keeps what it made for as long as its sources live.
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort(outer?.reason);
    };
    outer?.addEventListener("abort", abort);
    this.#add(controller);
    return {
      signal: controller.signal,
      end: (reason) => {
        controller.abort(reason);
      },
      leave: () => {
        this.#delete(controller);
        outer?.removeEventListener("abort", abort);
      },
    };
  }

  /** Runs an action, from entering to leaving. */
  async run<T>(outer: AbortSignal | undefined, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, leave } = this.enter(outer);
    try {
      return await action(signal);
    } finally {
      leave();
    }
  }

  #add(controller: AbortController): void {
    this.#running.add(controller);
    if (this.#parent) this.#parent.#add(controller);
  }

  #delete(controller: AbortController): void {
    this.#running.delete(controller);
    if (this.#parent) this.#parent.#delete(controller);
  }

  /** Ends what runs, with this reason. May be called repeatedly. */
  close(reason: Error): void {
    this.#reason ??= reason;
    for (const controller of this.#running) controller.abort(this.#reason);
  }
}

/** Waits; rejects with the signal's reason. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return unlessAborted(signal, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => {
      clearTimeout(timer);
    };
  });
}

/**
 * Returns a promise that `begin` settles, or the signal with its reason. What `begin` returns is called at the end in
 * either case.
 */
export function unlessAborted<T>(
  signal: AbortSignal,
  begin: (resolve: (value: T) => void, reject: (reason: Error) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    let finish = (): void => undefined;
    const end = (): void => {
      signal.removeEventListener("abort", abort);
      finish();
    };
    const abort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort);
    finish = begin(
      (value) => {
        end();
        resolve(value);
      },
      (reason) => {
        end();
        reject(reason);
      },
    );
  });
}
