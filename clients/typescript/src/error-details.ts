/** Reads errors: a gRPC status, and the details of google.rpc that Tocsin attaches to it. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#protos/google/rpc/error_details_pb";
import type { Status } from "#protos/google/rpc/status_pb";
import { StatusSchema } from "#protos/google/rpc/status_pb";

import type { TocsinError, Violation } from "./errors.js";
import { errorOf } from "./errors.js";

/** `domain` of every ErrorInfo of ours. */
const DOMAIN = "tocsin";

/** Returns the error of a call: its code, message, and the trailer `grpc-status-details-bin` if it had one. */
export function errorFromTrailer(code: number, message: string, trailer: Uint8Array | undefined): TocsinError {
  // gRPC's own code and message win: they are there on every error, the details only on ours.
  return errorFromDetails(code, message, trailer === undefined ? [] : detailsIn(trailer));
}

/** Returns the error that a google.rpc.Status describes. */
export function errorFromStatus(status: Status): TocsinError {
  return errorFromDetails(status.code, status.message, status.details);
}

function detailsIn(trailer: Uint8Array): readonly Any[] {
  try {
    return fromBinary(StatusSchema, trailer).details;
  } catch {
    return []; // A proxy may have cut them short; the code and the message still tell the essence.
  }
}

function errorFromDetails(code: number, message: string, details: readonly Any[]): TocsinError {
  let reason = "";
  let metadata: Record<string, string> = {};
  let retryDelayMs: number | undefined;
  const violations: Violation[] = [];
  for (const detail of details) {
    try {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info?.domain === DOMAIN) ({ reason, metadata } = info);
      for (const { field, description } of anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []) {
        violations.push({ field, description });
      }
      const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
      if (delay) retryDelayMs = durationMs(delay);
    } catch {
      continue; // Likewise.
    }
  }
  return errorOf(code, message, { reason, metadata: { ...metadata }, violations, retryDelayMs });
}
