// @ts-check
/** What the inbox says to its user. What developers need to know goes to the console instead. Pure. */

/** Replace any of it by the property `texts`. */
export const TEXTS = {
  title: "Notifications",
  /** @param {number} count */
  bell: (count) => (count ? `Notifications, ${count} unread` : "Notifications"),
  /** @param {number} count */
  unread: (count) => `${count} unread`,
  markAll: "Mark all as read",
  /** @param {string} title */
  mark: (title) => `Mark as read: ${title}`,
  markTip: "Mark as read",
  unreadItem: "Unread: ",
  close: "Close notifications",
  now: "now",
  more: "Load more",
  loading: "Loading notifications",
  emptyTitle: "You are all caught up",
  emptyText: "New notifications appear here.",
  failedTitle: "Notifications cannot be shown",
  /** The server does not know who this is, or no longer. */
  failedSignIn: "You may have to sign in again.",
  /** The server refuses this page, or this page does not say whose notifications to show. */
  failedHere: "They are not available on this page.",
  /** It may be better in a moment. */
  failedNow: "Something went wrong. Please try again in a moment.",
  moreFailed: "Older notifications could not be loaded.",
  again: "Try again",
  offline: "You are offline. This may be out of date.",
  offlineTitle: "You are offline",
  offlineText: "Notifications appear here when there is a connection again.",
  connecting: "No connection yet. Still trying…",
  reconnecting: "Connection lost. Reconnecting…",
  /** @param {number} count */
  unmarked: (count) => (count === 1 ? "One notification could not be marked as read." : `${count} notifications could not be marked as read.`),
  /** @param {string} title */
  arrived: (title) => `New notification: ${title}`,
  /** @param {number} count */
  arrivedMany: (count) => `${count} new notifications`,
};

/** @typedef {typeof TEXTS} Texts */

const REFUSED_HERE = new Set(["PERMISSION_DENIED", "INVALID_ARGUMENT", "NOT_FOUND"]);

/**
 * Return the sentence for users about an error.
 * @param {{code: string} | null} error null where nobody has said whose notifications to show
 * @param {Texts} texts
 */
export function failureText(error, texts) {
  if (error === null || REFUSED_HERE.has(error.code)) return texts.failedHere;
  return error.code === "UNAUTHENTICATED" ? texts.failedSignIn : texts.failedNow;
}
