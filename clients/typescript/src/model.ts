/**
 * What the client gives and takes: plain objects with the field names of the API in camel case.
 *
 * - A **time** is a `Date`; a **duration** is a number of milliseconds, in a field whose name ends with `Ms`.
 * - An **enum** is a lower-case word. A newer server may send values that this client does not know: they come as
 *   `` `unknown_${number}` ``.
 * - **metadata** and **response** are plain JSON objects, empty where the server has none.
 * - What is absent is `undefined`.
 */
import type { TocsinError } from "./errors.js";

/** A value of JSON. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** An object of JSON, as `metadata` is when it is read. */
export type JsonObject = Record<string, JsonValue>;

/** A value that can be sent as JSON. As with `JSON.stringify`, members that are `undefined` are left out. */
export type JsonInput =
  string | number | bigint | boolean | null | undefined | readonly JsonInput[] | { readonly [key: string]: JsonInput };

/** Which of the callers' own tables a recipient's id belongs to. */
export type RecipientType = "user" | "guest" | "potential_customer" | "partner" | "other";

/** A way to reach a recipient. */
export type ChannelType = "websocket" | "email" | "telegram" | "sms";

/** How far a channel, or a notification as a whole, has come. */
export type Status = "pending" | "sent" | "failed";

/** How several channels work together: all at once, or one after the other. */
export type StrategyKind = "parallel" | "fallback";

/** What the steps of a fallback are for: that the notification is read, or that one of them is sent. */
export type StrategyGoal = "read" | "sent";

/** How an attempt ended, as far as anybody can know. */
export type AttemptOutcome = "accepted" | "transient" | "throttled" | "permanent" | "unknown";

/** Who decided about channels. */
export type DecidedBy = "caller" | "rule" | "decider" | "deadline" | "policy" | "escalation";

/** A value of an enum that is newer than this client, by its number, or one that was not set. */
export type Unrecognised = `unknown_${number}` | "unspecified";

/**
 * Whom a notification is for: registered with an `id`, a UUID, or with an `externalId`, any text of 1 to 255
 * characters; or, with neither, somebody whom only addresses reach.
 *
 * An external id names the same recipient as the UUID that follows from it: see {@link recipientId}.
 */
export type RecipientRef =
  | { readonly type: RecipientType; readonly id?: string | undefined; readonly externalId?: undefined }
  | { readonly type: RecipientType; readonly id?: undefined; readonly externalId: string };

/** A recipient as an object, or as text: `"user:0190a5d0-…"`, `"user:ext:42"`, or `"guest"` for one without id. */
export type RecipientLike = RecipientRef | RecipientType | `${RecipientType}:${string}`;

/** A recipient in an answer. `id` is absent for one who is not registered. */
export interface Recipient {
  readonly type: RecipientType | Unrecognised;
  readonly id?: string | undefined;
  /** Only in a contact that was put with it. */
  readonly externalId?: string | undefined;
}

/** A channel to send through. */
export interface ChannelTarget {
  readonly channel: ChannelType;
  /** Where to; without it the server takes the address that it knows. */
  readonly address?: string | undefined;
  /** How long this step of a fallback gets, where that differs from the other steps. */
  readonly escalateAfterMs?: number | undefined;
}

/** A channel's word, or a {@link ChannelTarget}. */
export type ChannelLike = ChannelType | ChannelTarget;

/** Addresses by channel, such as `{ email: "ann@example.org" }`. */
export type Addresses = Readonly<Partial<Record<Exclude<ChannelType, "websocket">, string>>>;

/** How named channels work together. */
export interface StrategyOptions {
  /** `"parallel"` is the default. */
  readonly strategy?: StrategyKind | undefined;
  /**
   * `"fallback"` only: how long a step may stay unread before the next one starts. Without it only failure leads on,
   * which a websocket step cannot do.
   */
  readonly escalateAfterMs?: number | undefined;
  /** `"fallback"` only: `"read"` is the default; with `"sent"` the first step that is sent ends it. */
  readonly goal?: StrategyGoal | undefined;
}

/** A notification to send. */
export interface Draft extends StrategyOptions {
  readonly recipient: RecipientLike;
  /** One line of plain text, 1 to 255 characters. */
  readonly title: string;
  /** The text, at most 64 KiB. */
  readonly message: string;
  /** What to send through, each channel at most once; none lets the routing rules decide. */
  readonly channels?: readonly ChannelLike[] | undefined;
  /** Addresses that the recipient is known to have. They choose no channel. */
  readonly addresses?: Addresses | undefined;
  /**
   * JSON to attach, at most 32 KiB. Integers beyond 2^53 are refused with a RangeError, because the wire holds
   * numbers as doubles; use strings.
   */
  readonly metadata?: Readonly<Record<string, JsonInput>> | undefined;
  /**
   * Makes repeating safe: the same key never makes a second notification. The client makes one up when there is none,
   * which covers its own repetitions; give one to cover also yours, after a crash or a {@link DeadlineExceededError}.
   */
  readonly idempotencyKey?: string | undefined;
  /** When to start sending, at most 366 days ahead; at once without it. */
  readonly sendAt?: Date | undefined;
  /** When to give up; without it when the retries end. */
  readonly expiresAt?: Date | undefined;
  /** Leaves the channels to somebody who decides later, see {@link Client.leaseUndecided}. */
  readonly deferred?: boolean | undefined;
  /** With `deferred` only: when the rules decide if nobody else has; in an hour without it. */
  readonly routeBy?: Date | undefined;
  /** What kind of notification it is, such as `"order.shipped"`: rules and policies go by it. */
  readonly category?: string | undefined;
}

/** One attempt to send through a channel, or the server's decision to make no further one. */
export interface Attempt {
  readonly attemptedAt?: Date | undefined;
  readonly outcome: AttemptOutcome | Unrecognised;
  /** Which of the configured providers answered; empty when the server itself ended the channel. */
  readonly provider: string;
  /** The provider's own code, or why the server ended the channel, such as `EXPIRED`. */
  readonly code: string;
  readonly detail: string;
}

/** One way by which a notification goes out, and how far it has come. */
export interface Channel {
  readonly id: string;
  readonly notificationId: string;
  readonly channel: ChannelType | Unrecognised;
  readonly status: Status | Unrecognised;
  /** Attempts made so far; it never falls. */
  readonly attempts: number;
  /** What the sending system answered last; empty before that, and for a caller with a recipient's token. */
  readonly response: JsonObject;
  readonly createdAt: Date;
  /** Absent for websocket, and for a caller with a recipient's token. */
  readonly address?: string | undefined;
  /** Absent while an attempt is running, once settled, and while websocket waits for its subscriber. */
  readonly nextAttemptAt?: Date | undefined;
  /** What `response` tells of the attempts, typed, newest last. */
  readonly history: readonly Attempt[];
}

/** One message to one recipient, with the channels that carry it. */
export interface Notification {
  readonly id: string;
  readonly recipient: Recipient;
  readonly title: string;
  /** Empty in the answers of `sendBatch`, which leave it out, as they do `metadata`. */
  readonly message: string;
  readonly status: Status | Unrecognised;
  readonly metadata: JsonObject;
  readonly isRead: boolean;
  readonly createdAt: Date;
  /** Those that have come into play, oldest first; none while nobody has decided how to send. */
  readonly channels: readonly Channel[];
  readonly readAt?: Date | undefined;
  readonly sendAt?: Date | undefined;
  readonly expiresAt?: Date | undefined;
  /** Name of the caller that sent it; empty if the server asks for no credentials. */
  readonly owner: string;
  readonly category: string;
  /** While nobody has decided about its channels: when the rules will. */
  readonly routeBy?: Date | undefined;
}

/** What became of a notification that was sent. */
export interface Sent {
  readonly notification: Notification;
  /** An earlier call with the same key had stored it. */
  readonly duplicate: boolean;
}

/** What became of one draft of a batch: it was accepted, or has the error with which `send` would have failed. */
export type BatchResult = ({ readonly ok: true } & Sent) | { readonly ok: false; readonly error: TocsinError };

/** Conditions of `list` and `iterate`: a notification is returned if it meets all that are given. */
export interface ListFilter {
  readonly recipient?: RecipientLike | undefined;
  /** Only what is in the recipient's feed, in its order. The only way for a recipient's token. */
  readonly feedOnly?: boolean | undefined;
  readonly unreadOnly?: boolean | undefined;
  /** Only what waits for a decision about its channels. */
  readonly unroutedOnly?: boolean | undefined;
  readonly statuses?: readonly Status[] | undefined;
  /** Only what has at least one of these channels. */
  readonly channels?: readonly ChannelType[] | undefined;
  /** Only what was created at this time or later. */
  readonly createdAfter?: Date | undefined;
  /** Only what was created before this time. */
  readonly createdBefore?: Date | undefined;
  /** Only this category, or with `.*` at its end every one below it. */
  readonly category?: string | undefined;
  /** The most to return at once; 50 without it, and at most 500. */
  readonly pageSize?: number | undefined;
}

/** One page of a list. */
export interface Page {
  readonly notifications: readonly Notification[];
  /** Where the next page begins; empty on the last one. */
  readonly nextPageToken: string;
  /** A place in the recipient's feed from before the page was read: subscribe with the *first* page's. */
  readonly cursor: string;
}

/** What to mark as read: notifications by id, or a recipient's feed, up to a cursor or whole. */
export type MarkReadTarget =
  | { readonly ids: readonly string[]; readonly recipient?: undefined; readonly upToCursor?: undefined }
  | { readonly recipient: RecipientLike; readonly upToCursor?: string | undefined; readonly ids?: undefined };

/** How many notifications of a feed are unread, and the place in the feed that this belongs to. */
export interface UnreadCount {
  readonly unreadCount: number;
  /** Empty for a recipient who is not registered. */
  readonly cursor: string;
}

/** How many notifications a call turned from unread to read, and what is unread now. */
export interface MarkedRead extends UnreadCount {
  readonly markedCount: number;
}

/** How a registered recipient can be reached, as it is put: what is left out is gone afterwards. */
export interface ContactDraft {
  readonly recipient: RecipientLike;
  readonly addresses?: Addresses | undefined;
  /** Language and region as a BCP 47 tag, such as `"pt-BR"`. */
  readonly locale?: string | undefined;
  /** A name of the IANA database, such as `"Europe/Lisbon"`. */
  readonly timeZone?: string | undefined;
}

/** How a registered recipient can be reached. */
export interface Contact {
  readonly recipient: Recipient;
  readonly addresses: Readonly<Record<string, string>>;
  readonly locale: string;
  readonly timeZone: string;
  readonly updatedAt: Date;
}

interface EventPlace {
  /** Where to resume after this event. */
  readonly cursor: string;
  /** How many notifications in the feed are unread. */
  readonly unreadCount: number;
}

/**
 * A stream has started, at first or again; with `recovered` nothing is missing in between. If it is false, something
 * between the last cursor and this one cannot be replayed: list the feed again from the first page. The stream carries
 * on from here, so nothing that is newer than the list gets lost.
 */
export interface SubscribedEvent extends EventPlace {
  readonly type: "subscribed";
  readonly recovered: boolean;
}

/** A notification that is new in the feed or has changed: put it in place of what you have of its id. */
export interface NotificationEvent extends EventPlace {
  readonly type: "notification";
  readonly notification: Notification;
}

/** Notifications were marked as read, on this device or another. */
export interface ReadChangedEvent extends EventPlace {
  readonly type: "read_changed";
  readonly ids: readonly string[];
  readonly readAt: Date;
}

/** One event of a subscription. */
export type FeedEvent = SubscribedEvent | NotificationEvent | ReadChangedEvent;
