/** Between the client's values and the messages about notifications and contacts; `decisions` have a module beside. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import type { Contact as ContactMessage } from "#protos/tocsin/v1/contact_service_pb";
import { ContactSchema } from "#protos/tocsin/v1/contact_service_pb";
import type {
  AddressSchema,
  Attempt as AttemptMessage,
  Channel as ChannelMessage,
  ChannelTargetSchema,
  Notification as NotificationMessage,
  StrategySchema,
} from "#protos/tocsin/v1/notification_pb";
import * as enums from "#protos/tocsin/v1/notification_pb";
import type {
  ListRequest,
  SendRequest,
  SendResult,
  SubscribeResponse,
} from "#protos/tocsin/v1/notification_service_pb";
import { ListRequestSchema, SendRequestSchema } from "#protos/tocsin/v1/notification_service_pb";

import { errorFromStatus } from "./error-details.js";
import { errorOf } from "./errors.js";
import type * as model from "./model.js";
import { recipientFrom, recipientMessage } from "./recipients.js";
import { date, dateOf, duration, int32, json, text, timestamp, Words } from "./values.js";

export const CHANNELS = new Words<model.ChannelType, enums.ChannelType>("channel", enums.ChannelType);
const STATUSES = new Words<model.Status, enums.Status>("status", enums.Status);
const STRATEGIES = new Words<model.StrategyKind, enums.StrategyKind>("strategy", enums.StrategyKind);
const GOALS = new Words<model.StrategyGoal, enums.StrategyGoal>("goal", enums.StrategyGoal);
const OUTCOMES = new Words<model.AttemptOutcome, enums.AttemptOutcome>("outcome", enums.AttemptOutcome);

// -- requests ---------------------------------------------------------------------------------------

/** Returns the channels to send through; throws a RangeError for an unknown word. */
export function targets(channels: readonly model.ChannelLike[] = []): MessageInitShape<typeof ChannelTargetSchema>[] {
  return channels.map((one, index) => {
    const { channel, address, escalateAfterMs }: model.ChannelTarget = typeof one === "string" ? { channel: one } : one;
    return {
      channel: CHANNELS.number(channel),
      address: text(`channels[${index}].address`, address),
      escalateAfter: duration(`channels[${index}].escalateAfterMs`, escalateAfterMs),
    };
  });
}

/** Returns how channels work together, nothing when no part of it is given. */
export function strategy(options: model.StrategyOptions): MessageInitShape<typeof StrategySchema> | undefined {
  const { strategy: kind, escalateAfterMs, goal } = options;
  if (kind === undefined && escalateAfterMs === undefined && goal === undefined) return undefined;
  return {
    kind: kind === undefined ? enums.StrategyKind.UNSPECIFIED : STRATEGIES.number(kind),
    escalateAfter: duration("escalateAfterMs", escalateAfterMs),
    goal: goal === undefined ? enums.StrategyGoal.UNSPECIFIED : GOALS.number(goal),
  };
}

function addressList(addresses: model.Addresses = {}): MessageInitShape<typeof AddressSchema>[] {
  const given = Object.entries<string | undefined>(addresses).filter(([, address]) => address !== undefined);
  return given.map(([channel, address]) => ({
    channel: CHANNELS.number(channel as model.ChannelType),
    address: text(`addresses.${channel}`, address),
  }));
}

/** Returns the request that sends a draft; throws a TypeError or RangeError for what has no place in one. */
export function sendRequest(draft: model.Draft, idempotencyKey: string): SendRequest {
  const routeBy = timestamp("routeBy", draft.routeBy);
  const routed = draft.deferred === true || routeBy !== undefined;
  return create(SendRequestSchema, {
    recipient: recipientMessage(draft.recipient),
    title: text("title", draft.title),
    message: text("message", draft.message),
    channels: targets(draft.channels),
    addresses: addressList(draft.addresses),
    idempotencyKey: text("idempotencyKey", idempotencyKey),
    sendAt: timestamp("sendAt", draft.sendAt),
    expiresAt: timestamp("expiresAt", draft.expiresAt),
    strategy: strategy(draft),
    category: text("category", draft.category),
    ...(draft.metadata && { metadata: json("metadata", draft.metadata) }),
    ...(routed && { routing: { deferred: draft.deferred ?? false, routeBy } }),
  });
}

/** Returns the request of one page. */
export function listRequest(filter: model.ListFilter, pageToken: string): ListRequest {
  return create(ListRequestSchema, {
    ...(filter.recipient !== undefined && { recipient: recipientMessage(filter.recipient) }),
    feedOnly: filter.feedOnly ?? false,
    unreadOnly: filter.unreadOnly ?? false,
    unroutedOnly: filter.unroutedOnly ?? false,
    statuses: (filter.statuses ?? []).map((status) => STATUSES.number(status)),
    channels: channelNumbers(filter.channels),
    createdAfter: timestamp("createdAfter", filter.createdAfter),
    createdBefore: timestamp("createdBefore", filter.createdBefore),
    category: text("category", filter.category),
    pageSize: int32("pageSize", filter.pageSize),
    pageToken: text("pageToken", pageToken),
  });
}

/** Returns channels' numbers; throws a RangeError for an unknown word. */
export function channelNumbers(channels: readonly model.ChannelType[] = []): enums.ChannelType[] {
  return channels.map((channel) => CHANNELS.number(channel));
}

/** Returns a contact's message. */
export function contactMessage(contact: model.ContactDraft): ContactMessage {
  return create(ContactSchema, {
    recipient: recipientMessage(contact.recipient),
    addresses: addressList(contact.addresses),
    locale: text("locale", contact.locale),
    timeZone: text("timeZone", contact.timeZone),
  });
}

// -- answers ----------------------------------------------------------------------------------------

/** Reads a notification with its channels. */
export function notificationFrom(message: NotificationMessage | undefined): model.Notification {
  if (message === undefined) throw errorOf(13, "the server's answer has no notification"); // INTERNAL
  return {
    id: message.id,
    recipient: recipientFrom(message.recipient),
    title: message.title,
    message: message.message,
    status: STATUSES.word(message.status),
    metadata: message.metadata ?? {},
    isRead: message.isRead,
    createdAt: date(message.createdAt),
    channels: message.channels.map(channelFrom),
    readAt: dateOf(message.readAt),
    sendAt: dateOf(message.sendAt),
    expiresAt: dateOf(message.expiresAt),
    owner: message.owner,
    category: message.category,
    routeBy: dateOf(message.routeBy),
  };
}

function channelFrom(message: ChannelMessage): model.Channel {
  return {
    id: message.id,
    notificationId: message.notificationId,
    channel: CHANNELS.word(message.channel),
    status: STATUSES.word(message.status),
    attempts: message.attempts,
    response: message.response ?? {},
    createdAt: date(message.createdAt),
    address: message.address || undefined,
    nextAttemptAt: dateOf(message.nextAttemptAt),
    history: message.history.map(attemptFrom),
  };
}

function attemptFrom(message: AttemptMessage): model.Attempt {
  const { provider, code, detail } = message;
  return { attemptedAt: dateOf(message.attemptedAt), outcome: OUTCOMES.word(message.outcome), provider, code, detail };
}

/** Reads a contact. */
export function contactFrom(message: ContactMessage | undefined): model.Contact {
  if (message === undefined) throw errorOf(13, "the server's answer has no contact"); // INTERNAL
  return {
    recipient: recipientFrom(message.recipient),
    addresses: Object.fromEntries(message.addresses.map((one) => [CHANNELS.word(one.channel), one.address])),
    locale: message.locale,
    timeZone: message.timeZone,
    updatedAt: date(message.updatedAt),
  };
}

/** Reads what became of one request of a batch. */
export function batchResultFrom({ result }: SendResult): model.BatchResult {
  switch (result.case) {
    case "response":
      return {
        ok: true,
        notification: notificationFrom(result.value.notification),
        duplicate: result.value.duplicate,
      };
    case "error":
      return { ok: false, error: errorFromStatus(result.value) };
    default:
      return { ok: false, error: errorOf(2, "the server's answer has no result that this client knows") }; // UNKNOWN
  }
}

/** Reads an event of a stream; undefined for a heartbeat, and for kinds that are newer than this client. */
export function eventFrom(message: SubscribeResponse): model.FeedEvent | undefined {
  const place = { cursor: message.cursor, unreadCount: Number(message.unreadCount) };
  switch (message.event.case) {
    case "subscribed":
      return { type: "subscribed", ...place, recovered: message.event.value.recovered };
    case "notification":
      return { type: "notification", ...place, notification: notificationFrom(message.event.value) };
    case "readChanged": {
      const { ids, readAt } = message.event.value;
      return { type: "read_changed", ...place, ids, readAt: date(readAt) };
    }
    default:
      return undefined;
  }
}
