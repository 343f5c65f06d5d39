/** Between the suite's values, which have the names of columns, and the client's. */
import type { BatchResult, ChannelTarget, Draft, JsonInput, ListFilter, RecipientRef, Status } from "../src/index.js";
import { TocsinError } from "../src/index.js";
import type { Addresses, ChannelType, RecipientType, StrategyGoal, StrategyKind } from "../src/index.js";

/** What an operation comes with; each uses what it needs. */
export interface Arguments {
  readonly call: number;
  readonly op: string;
  readonly client: string;
  readonly subscription: string;
  readonly sender: string;
  readonly id: string;
  readonly ids?: string[];
  readonly cursor?: string;
  readonly up_to_cursor?: string;
  readonly timeout?: number;
  readonly deadline?: number;
  readonly recipient?: GivenRecipient;
  readonly recipient_type?: RecipientType;
  readonly recipient_types?: RecipientType[];
  readonly lease_token?: string;
  readonly reason?: string;
  readonly decider?: string;
  readonly hold_until?: string;
  readonly max_count?: number;
  readonly lease?: number;
  readonly wait?: number;
  readonly contact?: { recipient: GivenRecipient; addresses?: Addresses; locale?: string; time_zone?: string };
  readonly requests?: GivenDraft[];
  readonly cycles?: number;
}

/** A recipient. */
export interface GivenRecipient {
  readonly type: RecipientType;
  readonly id?: string | null;
  readonly external_id?: string | null;
}

interface GivenChannel {
  readonly channel: ChannelType;
  readonly address?: string | null;
  readonly escalate_after?: number | null;
}

interface GivenStrategy {
  readonly kind?: StrategyKind;
  readonly escalate_after?: number;
  readonly goal?: StrategyGoal;
}

/** What is to be sent. */
export interface GivenDraft {
  readonly recipient: GivenRecipient;
  readonly title?: string;
  readonly message?: string;
  readonly channels?: GivenChannel[];
  readonly addresses?: Addresses | null;
  readonly metadata?: Record<string, JsonInput> | null;
  readonly idempotency_key?: string;
  readonly send_at?: string | null;
  readonly expires_at?: string | null;
  readonly strategy?: GivenStrategy | null;
  readonly routing?: { deferred?: boolean; route_by?: string } | null;
  readonly category?: string;
}

/** The conditions of a list. */
export interface GivenFilter {
  readonly recipient?: GivenRecipient;
  readonly feed_only?: boolean;
  readonly unread_only?: boolean;
  readonly unrouted_only?: boolean;
  readonly statuses?: Status[];
  readonly channels?: ChannelType[];
  readonly created_after?: string;
  readonly created_before?: string;
  readonly category?: string;
  readonly page_size?: number;
  readonly page_token?: string;
}

const timeOf = (text: string | null | undefined): Date | undefined => (text ? new Date(text) : undefined);

/** Returns seconds as milliseconds. */
export const ms = (seconds: number | null | undefined): number | undefined =>
  seconds === undefined || seconds === null ? undefined : seconds * 1_000;

/** Reads a recipient. */
export function recipient({ type, id, external_id: externalId }: GivenRecipient): RecipientRef {
  return { type, ...(id && { id }), ...(externalId && { externalId }) } as RecipientRef;
}

/** Reads channels to send through. */
export function channels(given: readonly GivenChannel[] = []): ChannelTarget[] {
  return given.map((one) => ({
    channel: one.channel,
    address: one.address ?? undefined,
    escalateAfterMs: ms(one.escalate_after),
  }));
}

/** Reads how channels work together. */
export function strategy(
  given: GivenStrategy | null | undefined,
): Pick<Draft, "strategy" | "escalateAfterMs" | "goal"> {
  return { strategy: given?.kind, escalateAfterMs: ms(given?.escalate_after), goal: given?.goal };
}

/** Reads what is to be sent. */
export function draft(given: GivenDraft): Draft {
  return {
    recipient: recipient(given.recipient),
    title: given.title ?? "",
    message: given.message ?? "",
    channels: channels(given.channels),
    addresses: given.addresses ?? undefined,
    metadata: given.metadata ?? undefined,
    idempotencyKey: given.idempotency_key,
    sendAt: timeOf(given.send_at),
    expiresAt: timeOf(given.expires_at),
    ...strategy(given.strategy),
    deferred: given.routing?.deferred,
    routeBy: timeOf(given.routing?.route_by),
    category: given.category,
  };
}

/** Reads the conditions of a list. */
export function filter(given: GivenFilter): ListFilter & { readonly pageToken?: string | undefined } {
  return {
    recipient: given.recipient && recipient(given.recipient),
    feedOnly: given.feed_only,
    unreadOnly: given.unread_only,
    unroutedOnly: given.unrouted_only,
    statuses: given.statuses,
    channels: given.channels,
    createdAfter: timeOf(given.created_after),
    createdBefore: timeOf(given.created_before),
    category: given.category,
    pageSize: given.page_size,
    pageToken: given.page_token,
  };
}

/** Writes an error; those of arguments and of closed clients never left this process. */
export function failure(error: unknown): object {
  if (!(error instanceof TocsinError)) {
    const { name, message } = error as Error;
    return { type: name, message, local: true };
  }
  const { name, code, reason, details, metadata, violations, retryDelayMs } = error;
  const retryDelay = retryDelayMs === undefined ? null : retryDelayMs / 1_000;
  return { type: name, code, reason, message: details, metadata, violations, retry_delay: retryDelay };
}

/** Writes the result of one of several sends. */
export function result(one: BatchResult): object {
  if (!one.ok) return { error: failure(one.error) };
  return { ok: plain({ notification: one.notification, duplicate: one.duplicate }) };
}

/** Members that are JSON of somebody else's. */
const FOREIGN: ReadonlySet<string> = new Set(["metadata", "response", "addresses", "lastSent"]);

/** Writes a value of the client: its names with underscores, durations in seconds. */
export function plain(value: unknown): unknown {
  if (value instanceof Date || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => {
      if (key.endsWith("Ms") && typeof member === "number") return [snake(key.slice(0, -2)), member / 1_000];
      return [snake(key), FOREIGN.has(key) ? member : plain(member)];
    }),
  );
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Reads a line of JSON, whose integers keep all their digits. */
export function parse(line: string): unknown {
  const marked = line.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (found) =>
    found.startsWith('"') ? found : `{"$integer":"${found}"}`,
  );
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "object" && value !== null && "$integer" in value ? BigInt(String(value.$integer)) : value,
  );
}
