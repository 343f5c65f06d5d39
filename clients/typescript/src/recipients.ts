/** Recipients: the forms in which they are given, and the ids that follow from external ones. */
import { createHash } from "node:crypto";

import { create } from "@bufbuild/protobuf";

import { RecipientSchema, RecipientType as RecipientTypes } from "#protos/tocsin/v1/notification_pb";
import type { Recipient as RecipientMessage } from "#protos/tocsin/v1/notification_pb";
import type { Recipient, RecipientLike, RecipientRef, RecipientType } from "./model.js";
import { text, Words } from "./values.js";

/** The namespace of the ids that follow from external ones, as `Recipient.external_id` of the API names it. */
const NAMESPACE = "168e5f94-48b9-5d76-bc1d-bb905714ad3f";

/** Comes before an external id in text such as `user:ext:42`. */
const EXTERNAL = "ext:";

/** The types of recipients. */
export const RECIPIENT_TYPES = new Words<RecipientType, RecipientTypes>("type of recipient", RecipientTypes);

/** Reads a recipient from an object or text; throws a RangeError for text that names none. */
export function recipientRef(value: RecipientLike): RecipientRef {
  if (typeof value !== "string") {
    // Programs in plain JavaScript have no types that would say so.
    if (!(value as RecipientRef | null | undefined)) {
      throw new TypeError('recipient is missing: give { type, id }, or text such as "user:ext:42"');
    }
    return value;
  }
  const colon = value.indexOf(":");
  const [word, id] = colon < 0 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
  const type = word as RecipientType;
  if (!id.startsWith(EXTERNAL)) return id ? { type, id } : { type };
  if (id === EXTERNAL) throw new RangeError(`${value}: there is no external id after ext:`);
  return { type, externalId: id.slice(EXTERNAL.length) };
}

/**
 * Returns the id of a recipient, which for one with an external id is the UUID that follows from it: the UUIDv5 of
 * `<type>:<external id>`, the same in the server and in the clients of other languages. `undefined` if the recipient is
 * not registered.
 */
export function recipientId(value: RecipientLike): string | undefined {
  const { type, id, externalId } = recipientRef(value);
  RECIPIENT_TYPES.number(type);
  if (!externalId) return id ? id.toLowerCase() : undefined;
  const hash = createHash("sha1")
    .update(Buffer.from(NAMESPACE.replaceAll("-", ""), "hex"))
    .update(text("externalId", `${type}:${externalId}`))
    .digest()
    .subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6); // version 5
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8); // the variant of RFC 9562
  return hash.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Returns a recipient as text, such as `user:ext:42`. */
export function recipientText(value: RecipientLike): string {
  const { type, id, externalId } = recipientRef(value);
  return externalId ? `${type}:${EXTERNAL}${externalId}` : id ? `${type}:${id}` : type;
}

/** Returns a recipient's message. */
export function recipientMessage(value: RecipientLike): RecipientMessage {
  // Types keep both from being given together; programs in plain JavaScript have none.
  const { type, id, externalId }: Omit<Recipient, "type"> & { type: RecipientType } = recipientRef(value);
  if (id && externalId) throw new RangeError("a recipient has both an id and an externalId: give one of them");
  return create(RecipientSchema, {
    type: RECIPIENT_TYPES.number(type),
    id: text("recipient.id", id),
    externalId: text("recipient.externalId", externalId),
  });
}

/** Reads a recipient's message. */
export function recipientFrom(message: RecipientMessage | undefined): Recipient {
  const type = RECIPIENT_TYPES.word(message?.type ?? RecipientTypes.UNSPECIFIED);
  const { id, externalId } = message ?? {};
  return { type, ...(id && { id }), ...(externalId && { externalId }) };
}
