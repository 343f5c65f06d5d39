/** A real gRPC server on a real port that answers what a test tells it to. */
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#protos/google/rpc/error_details_pb";
import { StatusSchema } from "#protos/google/rpc/status_pb";
import type {
  SendBatchRequest,
  SendRequest,
  SubscribeRequest,
  SubscribeResponseSchema,
} from "#protos/tocsin/v1/notification_service_pb";
import { NotificationService } from "#protos/tocsin/v1/notification_service_pb";

/** How a call fails, with the details that a Tocsin server attaches. */
export interface Refusal {
  readonly code: grpc.status;
  readonly reason?: string;
  readonly metadata?: Record<string, string>;
  readonly violations?: { field: string; description: string }[];
  readonly retryDelayMs?: number;
  readonly domain?: string;
  /** In place of the details. */
  readonly trailer?: Buffer;
}

/** An event, a refusal that ends the stream, or silence until the caller leaves. */
export type StreamStep = MessageInitShape<typeof SubscribeResponseSchema> | Refusal | "silence";

/** A message to answer with, a refusal, or silence. */
export type Step = object | Refusal | "silence";

const isRefusal = (step: object | string): step is Refusal => typeof step === "object" && "code" in step;

function failure(refusal: Refusal): Partial<grpc.StatusObject> {
  const { code, reason, violations = [], retryDelayMs } = refusal;
  const details = [];
  if (reason !== undefined) {
    const info = { reason, domain: refusal.domain ?? "tocsin", metadata: refusal.metadata ?? {} };
    details.push(anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info)));
  }
  if (violations.length > 0) {
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: violations })));
  }
  if (retryDelayMs !== undefined) {
    const retry = create(RetryInfoSchema, { retryDelay: durationFromMs(retryDelayMs) });
    details.push(anyPack(RetryInfoSchema, retry));
  }
  const metadata = new grpc.Metadata();
  const status = toBinary(StatusSchema, create(StatusSchema, { code, message: "as the test wishes", details }));
  metadata.set("grpc-status-details-bin", refusal.trailer ?? Buffer.from(status));
  return { code, details: "as the test wishes", metadata };
}

/** What a call came with. */
export interface Received<Request> {
  readonly request: Request;
  readonly authorization: string | undefined;
}

/** The server. A call without a step left is refused with UNIMPLEMENTED. */
export class ScriptedServer implements AsyncDisposable {
  readonly #server = new grpc.Server();
  readonly #steps = new Map<string, (Step | readonly StreamStep[])[]>();
  readonly #received = new Map<string, Received<unknown>[]>();
  /** How many streams are open. */
  streams = 0;
  address = "";

  static async start(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    const methods = Object.values(NotificationService.method);
    const definition = Object.fromEntries(methods.map((method) => [method.name, definitionOf(method)]));
    const handlers = methods.map((method) => [method.name, scripted.#handler(method)] as const);
    scripted.#server.addService(definition, Object.fromEntries(handlers));
    const port = await new Promise<number>((resolve, reject) => {
      scripted.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (problem, bound) => {
        if (problem) reject(problem);
        else resolve(bound);
      });
    });
    scripted.address = `127.0.0.1:${port}`;
    return scripted;
  }

  /** Says how the next calls of an RPC end. */
  script(name: "Subscribe", ...streams: (readonly StreamStep[])[]): void;
  script(name: string, ...steps: Step[]): void;
  script(name: string, ...steps: (Step | readonly StreamStep[])[]): void {
    this.#steps.set(name, [...(this.#steps.get(name) ?? []), ...steps]);
  }

  /** What calls of an RPC came with. */
  received(name: "Send"): Received<SendRequest>[];
  received(name: "SendBatch"): Received<SendBatchRequest>[];
  received(name: "Subscribe"): Received<SubscribeRequest>[];
  received(name: string): Received<unknown>[];
  received(name: string): Received<unknown>[] {
    return this.#received.get(name) ?? [];
  }

  #next(name: string, request: unknown, metadata: grpc.Metadata): Step | readonly StreamStep[] {
    const authorization = metadata.get("authorization")[0]?.toString();
    this.#received.set(name, [...(this.#received.get(name) ?? []), { request, authorization }]);
    return this.#steps.get(name)?.shift() ?? { code: grpc.status.UNIMPLEMENTED };
  }

  #handler(method: DescMethod): grpc.UntypedHandleCall {
    if (method.methodKind === "server_streaming") {
      return (call: grpc.ServerWritableStream<unknown, object>) => {
        this.streams += 1;
        call.on("cancelled", () => (this.streams -= 1));
        const steps = this.#next(method.name, call.request, call.metadata);
        for (const step of Array.isArray(steps) ? (steps as readonly StreamStep[]) : [steps as Refusal]) {
          if (step === "silence") return;
          if (!isRefusal(step)) call.write(create(method.output, step));
          else {
            this.streams -= 1;
            call.emit("error", failure(step));
            return;
          }
        }
        this.streams -= 1;
        call.end();
      };
    }
    return (call: grpc.ServerUnaryCall<unknown, object>, answer: grpc.sendUnaryData<object>) => {
      const step = this.#next(method.name, call.request, call.metadata);
      if (step === "silence") return;
      if (isRefusal(step)) answer(failure(step));
      else answer(null, create(method.output, step as Record<string, unknown>));
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    await Promise.resolve();
  }
}

function definitionOf(method: DescMethod): grpc.MethodDefinition<unknown, unknown> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: (message) => Buffer.from(toBinary(method.input, message as never)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(method.output, message as never)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}
