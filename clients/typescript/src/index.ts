/**
 * Client for Tocsin, a self-hosted notification service.
 *
 * How it is built, from the inside out: `model`, `decisions` and `errors` are values; `values`, `recipients`, `convert`,
 * `convert-decisions` and `error-details` read and write messages of protobuf, and nothing else does; `calls` describes
 * each RPC; `backoff` and `resumption` decide what happens after a failure, without doing it; `address` says where
 * servers are and how a line to them is protected. `scope`, `connection`, `carry-out`, `message-stream`, `subscription`,
 * `batch-sender` and `client` carry all this out.
 */
export type { Tls, Token } from "./address.js";
export type { Backoff } from "./backoff.js";
export { BatchSender, SenderFullError } from "./batch-sender.js";
export type { BatchSenderOptions } from "./batch-sender.js";
export { Client } from "./client.js";
export type { CallOptions, ClientOptions } from "./client.js";
export type * from "./decisions.js";
export * from "./errors.js";
export type * from "./model.js";
export { recipientId, recipientText } from "./recipients.js";
export { Subscription } from "./subscription.js";
export type { SubscribeOptions } from "./subscription.js";
