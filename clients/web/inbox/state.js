// @ts-check
/** What an inbox shows in place of its list, and above it, as its client is. Pure. */

import { failureText } from "./texts.js";

/** @typedef {import("../tocsin.js").Notification} Notification */
/** @typedef {import("./texts.js").Texts} Texts */
/**
 * What counts of a client; a TocsinClient has it.
 * @typedef {object} Situation
 * @property {import("../tocsin.js").ConnectionState} connection
 * @property {{code: string} | null} error
 * @property {{code: string} | null} loadError
 * @property {boolean} listed
 * @property {Notification[]} notifications
 */
/**
 * @typedef {object} Failure
 * @property {string} title
 * @property {string} text
 * @property {boolean} again whether trying again may help
 */

/**
 * Return what to say in place of the list; null where the list, or that it loads, is to be shown.
 * @param {Situation} client
 * @param {Texts} texts
 * @returns {Failure | null}
 */
export function failureOf({ connection, error, loadError, listed, notifications }, texts) {
  const failed = (/** @type {{code: string} | null} */ why) => ({ title: texts.failedTitle, text: failureText(why, texts), again: true });
  // What is known already is worth more than to say that there will be no more.
  if (notifications.length) return null;
  if (connection === "refused") return failed(error);
  if (listed) return null;
  if (connection === "idle") return failed(null);
  if (connection === "offline") return { title: texts.offlineTitle, text: texts.offlineText, again: false };
  return connection === "live" && loadError ? failed(loadError) : null;
}

/**
 * Return what to say above the list; empty while all is well.
 * @param {Situation} client
 * @param {Texts} texts
 */
export function troubleOf({ connection, error, listed, notifications }, texts) {
  if (connection === "refused" && notifications.length) return failureText(error, texts);
  if (connection === "reconnecting") return texts.reconnecting;
  if (connection === "connecting" && error) return texts.connecting;
  return connection === "offline" && listed ? texts.offline : "";
}
