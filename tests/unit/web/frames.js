/** Frames as the bridge writes them, for tests. */

/** Return the cursor of a place in a feed, as the server writes it: version, epoch and sequence in base64url. */
export function cursorAt(sequence, epoch = 77) {
  const bytes = Buffer.alloc(17);
  bytes.writeUInt8(1, 0);
  bytes.writeBigUInt64BE(BigInt(epoch), 1);
  bytes.writeBigUInt64BE(BigInt(sequence), 9);
  return bytes.toString("base64url");
}

export function notification(id, more = {}) {
  return { id, title: `Title of ${id}`, is_read: false, read_at: null, created_at: "2026-01-31T08:15:00Z", send_at: null, ...more };
}

export function subscribed(at, unread, more = {}) {
  return { type: "subscribed", recovered: true, cursor: cursorAt(at), unread_count: unread, ...more };
}

export function entered(at, unread, id, more = {}) {
  return { type: "notification", cursor: cursorAt(at), unread_count: unread, notification: notification(id, more) };
}

export function readChanged(at, unread, ids) {
  return { type: "read_changed", cursor: cursorAt(at), unread_count: unread, ids, read_at: "2026-02-01T00:00:00Z" };
}

export function marked(at, unread) {
  return { type: "marked", marked_count: 1, unread_count: unread, cursor: cursorAt(at) };
}

/** A page of ids, newest first; one that ends with `*` is read. */
export function page(at, ids, next = "") {
  const notifications = ids.map((id) => notification(id.replace("*", ""), { is_read: id.endsWith("*") }));
  return { type: "list", cursor: cursorAt(at), notifications, next_page_token: next };
}

/** What a feed shows, in the same form. */
export function shown(feed) {
  return feed.notifications.map((one) => one.id + (one.is_read ? "*" : ""));
}
