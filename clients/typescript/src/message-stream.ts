/** One stream of answers: what has arrived and not been read, with a pause on the line when that is much. */
import type { ServiceError } from "@grpc/grpc-js";

import type { ByteStream } from "./connection.js";
import { errorFromGrpc } from "./connection.js";
import { UnavailableError } from "./errors.js";
import { unlessAborted } from "./scope.js";

/** Messages that may wait to be read. What is more waits in gRPC's windows and then in the server. */
const WAITING = 16;

/** A stream, which whoever reads it ends. */
export class MessageStream {
  readonly #call: ByteStream;
  readonly #arrived: Uint8Array[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(call: ByteStream) {
    this.#call = call;
    call.on("data", (message: Buffer) => {
      this.#arrived.push(message);
      if (this.#arrived.length >= WAITING) call.pause();
      this.#wake?.();
    });
    call.on("error", (problem: ServiceError) => {
      this.#ended(errorFromGrpc(problem));
    });
    call.on("end", () => {
      this.#ended(undefined);
    });
  }

  #ended(error: Error | undefined): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /**
   * Returns the next message, undefined after the last one; rejects with the stream's error, with the signal's reason, or with an UnavailableError
   * when nothing comes for `silenceMs`.
   */
  async next(silenceMs: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) {
        if (this.#call.isPaused() && this.#arrived.length < WAITING / 2) this.#call.resume();
        return message;
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return undefined;
      await this.#arrival(silenceMs, signal);
    }
  }

  #arrival(silenceMs: number, signal: AbortSignal): Promise<void> {
    return unlessAborted(signal, (resolve, reject) => {
      let last: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        // A program that was busy for so long itself finds here what has arrived meanwhile.
        last = setImmediate(() => {
          reject(new UnavailableError("UNAVAILABLE", `no event, not even a heartbeat, came for ${silenceMs / 1000} s`));
        });
      }, silenceMs);
      this.#wake = resolve;
      return () => {
        clearTimeout(timer);
        clearImmediate(last);
        this.#wake = undefined;
      };
    });
  }

  /** Ends it. */
  cancel(): void {
    this.#call.cancel();
  }
}
