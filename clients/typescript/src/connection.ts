/**
 * The connection: carries bytes of requests and answers by gRPC, and nothing else.
 *
 * Why @grpc/grpc-js and not Connect's gRPC transport, as tried against the real server: it takes several addresses and
 * `dns:///`, goes on to the next when one is dead, and connects again by itself with a growing wait, where Connect takes
 * one URL; and a server that is killed ends its streams with UNAVAILABLE, where Connect says CANCELLED, as for a call
 * that the caller ended. Both give the details of errors and meet deadlines, aborts and unanswered pings.
 */
import type { ChannelOptions, ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { Client as GrpcClient, Metadata } from "@grpc/grpc-js";

import type { Tls, Token } from "./address.js";
import { channelCredentials, channelOptions, checkToken } from "./address.js";
import { errorFromTrailer } from "./error-details.js";
import type { TocsinError } from "./errors.js";
import { ClosedError } from "./errors.js";
import { Scope, unlessAborted } from "./scope.js";

/** The stream of a subscription, as gRPC gives it. */
export type ByteStream = ClientReadableStream<Buffer>;

const asItIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asItCame = (bytes: Buffer): Buffer => bytes;

/** A connection that several clients may share, each with a token of its own. It connects when it is first used. */
export class Connection {
  readonly #target: string;
  readonly #tls: Tls | undefined;
  readonly #grpc: GrpcClient;
  /** What runs on it. */
  readonly scope = new Scope();

  constructor(target: string, tls: Tls | undefined, extra: ChannelOptions) {
    this.#target = target;
    this.#tls = tls;
    this.#grpc = new GrpcClient(target, channelCredentials(tls), channelOptions(target, tls, extra));
  }

  /** Throws a RangeError for a token that must not travel on this connection. */
  checkToken(token: Token | undefined): void {
    checkToken(this.#target, token, this.#tls);
  }

  /**
   * Makes one attempt of a call; rejects with a TocsinError, or with the signal's reason.
   *
   * `timeoutMs` is what is left of the call's time.
   */
  unary(path: string, request: Uint8Array, token: string, timeoutMs: number, signal: AbortSignal): Promise<Buffer> {
    const options = { deadline: Date.now() + timeoutMs };
    return unlessAborted(signal, (resolve, reject) => {
      const done = (problem: ServiceError | null, answer?: Buffer): void => {
        if (problem) reject(errorFromGrpc(problem));
        else resolve(answer ?? Buffer.alloc(0));
      };
      const sent = metadataWith(token);
      const call = this.#grpc.makeUnaryRequest(path, asItIs, asItCame, request, sent, options, done);
      return () => {
        call.cancel(); // Does nothing to one that has ended.
      };
    });
  }

  /** Opens a stream. Whoever opens it cancels it. */
  stream(path: string, request: Uint8Array, token: string): ByteStream {
    return this.#grpc.makeServerStreamRequest(path, asItIs, asItCame, request, metadataWith(token));
  }

  /** Ends every call. May be called repeatedly. */
  close(): void {
    this.scope.close(new ClosedError("the client is closed"));
    this.#grpc.close();
  }
}

function metadataWith(token: string): Metadata {
  const metadata = new Metadata();
  // gRPC would refuse it with an error that shows it. Most often it is a file's last line break.
  if (!/^[!-~]*$/.test(token)) {
    throw new RangeError("the token has spaces, line breaks or letters that are not ASCII: trim it");
  }
  if (token) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** Turns what gRPC fails with into an error of ours. */
export function errorFromGrpc(problem: ServiceError): TocsinError {
  // What is thrown before there is a call, such as for a token that no header can hold, has neither.
  const [trailer] = (problem.metadata as Metadata | undefined)?.get("grpc-status-details-bin") ?? [];
  const details = (problem.details as string | undefined) ?? problem.message;
  return errorFromTrailer(problem.code, details, typeof trailer === "object" ? trailer : undefined);
}
