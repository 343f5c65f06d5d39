/**
 * Every call of the API as a value: which RPC, its request, how to read its answer, whether repeating is safe.
 *
 * Whether a call may be repeated when it is open whether it took effect follows the comments in the API: reading,
 * MarkRead, Route and PutContact are idempotent, Send and SendBatch are with their keys; Cancel, Retry and
 * DeleteContact would fail the second time and so hide that the first one had worked.
 */
import { randomUUID } from "node:crypto";

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import type { ListContactsResponse } from "#protos/tocsin/v1/contact_service_pb";
import { ContactService } from "#protos/tocsin/v1/contact_service_pb";
import { DecisionService } from "#protos/tocsin/v1/decision_service_pb";
import { RecipientType as RecipientTypes } from "#protos/tocsin/v1/notification_pb";
import type { MarkReadRequestSchema } from "#protos/tocsin/v1/notification_service_pb";
import { NotificationService } from "#protos/tocsin/v1/notification_service_pb";

import {
  batchResultFrom,
  channelNumbers,
  contactFrom,
  contactMessage,
  listRequest,
  notificationFrom,
  sendRequest,
} from "./convert.js";
import * as decisive from "./convert-decisions.js";
import type * as decisions from "./decisions.js";
import type * as model from "./model.js";
import { RECIPIENT_TYPES, recipientMessage } from "./recipients.js";
import { int32, text } from "./values.js";

/** One call. */
export interface Call<Answer> {
  /** Path of the RPC in HTTP. */
  readonly path: string;
  /** The request, serialised. */
  readonly request: Uint8Array;
  /** Turns the response's bytes into the client's value. */
  readonly read: (answer: Uint8Array) => Answer;
  /** Whether it may be made again after an attempt of which the outcome is open. */
  readonly repeatable: boolean;
}

const notifications = NotificationService.method;
const contacts = ContactService.method;
const deciding = DecisionService.method;

/** Returns the path of an RPC. */
export function pathOf(method: { readonly name: string; readonly parent: { readonly typeName: string } }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Describes any call by its method, with messages of protobuf. */
export function call<Input extends DescMessage, Output extends DescMessage, Answer>(
  method: DescMethodUnary<Input, Output>,
  request: MessageInitShape<Input>,
  read: (answer: MessageShape<Output>) => Answer,
  repeatable = true,
): Call<Answer> {
  return {
    path: pathOf(method),
    request: toBinary(method.input, create(method.input, request)),
    read: (answer) => read(fromBinary(method.output, answer)),
    repeatable,
  };
}

const notification = (answer: { notification?: Parameters<typeof notificationFrom>[0] }): model.Notification =>
  notificationFrom(answer.notification);

/** Sends one; makes up an idempotency key, the same for all attempts, if the draft has none. */
export function send(draft: model.Draft): Call<model.Sent> {
  return call(notifications.send, keyed(draft), (answer) => ({
    notification: notification(answer),
    duplicate: answer.duplicate,
  }));
}

/** Sends several in one commit. */
export function sendBatch(drafts: Iterable<model.Draft>): Call<model.BatchResult[]> {
  return call(notifications.sendBatch, { requests: Array.from(drafts, keyed) }, (answer) =>
    answer.results.map(batchResultFrom),
  );
}

/** Returns a draft's request; makes up a key if it has none. */
export function keyed(draft: model.Draft): ReturnType<typeof sendRequest> {
  return sendRequest(draft, draft.idempotencyKey || randomUUID());
}

/** Reads one. */
export function get(id: string): Call<model.Notification> {
  return call(notifications.get, { id: text("id", id) }, notification);
}

/** Reads one page. */
export function list(filter: model.ListFilter, pageToken: string): Call<model.Page> {
  return call(notifications.list, listRequest(filter, pageToken), (answer) => ({
    notifications: answer.notifications.map(notificationFrom),
    nextPageToken: answer.nextPageToken,
    cursor: answer.cursor,
  }));
}

/** Marks as read. */
export function markRead(target: model.MarkReadTarget): Call<model.MarkedRead> {
  const request: MessageInitShape<typeof MarkReadRequestSchema> = {
    ids: [...(target.ids ?? [])],
    upToCursor: text("upToCursor", target.upToCursor),
    ...(target.recipient !== undefined && { recipient: recipientMessage(target.recipient) }),
  };
  return call(notifications.markRead, request, (answer) => ({
    markedCount: Number(answer.markedCount),
    unreadCount: Number(answer.unreadCount),
    cursor: answer.cursor,
  }));
}

/** Counts what is unread. */
export function countUnread(recipient: model.RecipientLike): Call<model.UnreadCount> {
  return call(notifications.countUnread, { recipient: recipientMessage(recipient) }, (answer) => ({
    unreadCount: Number(answer.unreadCount),
    cursor: answer.cursor,
  }));
}

/** Stops what is still to come. */
export function cancel(id: string): Call<model.Notification> {
  return call(notifications.cancel, { id: text("id", id) }, notification, false);
}

/** Revives failed channels. */
export function retry(id: string, channels: readonly model.ChannelType[]): Call<model.Notification> {
  return call(notifications.retry, { id: text("id", id), channels: channelNumbers(channels) }, notification, false);
}

/** Decides about a deferred one. */
export function route(...decision: Parameters<typeof decisive.routeRequest>): Call<model.Notification> {
  return call(notifications.route, decisive.routeRequest(...decision), notification);
}

/** Takes what is undecided. What a call that was cut off has leased comes back when its lease ends. */
export function leaseUndecided(options: decisions.LeaseOptions): Call<decisions.Undecided[]> {
  return call(deciding.leaseUndecided, decisive.leaseRequest(options), (answer) =>
    answer.undecided.map(decisive.undecidedFrom),
  );
}

/** Tells what would become of a decision. */
export function preview(id: string, decision: decisions.RouteOptions): Call<decisions.Preview> {
  return call(deciding.preview, { route: decisive.routeRequest(id, decision) }, (answer) => ({
    decision: decisive.decisionFrom(answer.decision),
    alreadyMade: answer.alreadyMade,
  }));
}

/** Tells who calls. */
export function whoAmI(): Call<decisions.Caller> {
  return call(deciding.whoAmI, {}, ({ name, scopes, rpcs }) => ({ name, scopes, rpcs }));
}

/** Tells who decided. */
export function explain(id: string): Call<decisions.Decision[]> {
  return call(deciding.explain, { id: text("id", id) }, (answer) => answer.decisions.map(decisive.decisionFrom));
}

/** Asks what would be decided. */
export function simulate(draft: model.Draft, rules: string): Call<decisions.Simulation> {
  const request = { request: sendRequest(draft, draft.idempotencyKey ?? ""), rules: text("rules", rules) };
  return call(deciding.simulate, request, decisive.simulationFrom);
}

/** Asks what rules would have decided. */
export function backtest(options: decisions.BacktestOptions): Call<decisions.Backtest> {
  return call(deciding.backtest, decisive.backtestRequest(options), decisive.backtestFrom);
}

/** Creates or replaces a contact. */
export function putContact(contact: model.ContactDraft): Call<model.Contact> {
  return call(contacts.putContact, { contact: contactMessage(contact) }, (answer) => contactFrom(answer.contact));
}

/** Reads a contact. */
export function getContact(recipient: model.RecipientLike): Call<model.Contact> {
  return call(contacts.getContact, { recipient: recipientMessage(recipient) }, (answer) => contactFrom(answer.contact));
}

/** Deletes a contact. */
export function deleteContact(recipient: model.RecipientLike): Call<undefined> {
  return call(contacts.deleteContact, { recipient: recipientMessage(recipient) }, () => undefined, false);
}

/** A page of contacts. */
export interface ContactPage {
  readonly contacts: model.Contact[];
  readonly nextPageToken: string;
}

/** Reads one page of contacts. */
export function listContacts(
  type: model.RecipientType | undefined,
  pageSize: number | undefined,
  pageToken: string,
): Call<ContactPage> {
  const request = {
    recipientType: type === undefined ? RecipientTypes.UNSPECIFIED : RECIPIENT_TYPES.number(type),
    pageSize: int32("pageSize", pageSize),
    pageToken,
  };
  return call(contacts.listContacts, request, (answer: ListContactsResponse) => ({
    contacts: answer.contacts.map(contactFrom),
    nextPageToken: answer.nextPageToken,
  }));
}
