// @ts-check
/**
 * A recipient's feed in the browser: what is in it, how many are unread, and what happens, over Tocsin's bridge.
 *
 *     import { TocsinClient } from "./tocsin.js";
 *
 *     const client = new TocsinClient({ token: () => fetchToken() });
 *     client.addEventListener("change", () => show(client.notifications, client.unreadCount));
 *     client.start();
 *
 * It keeps one WebSocket (see `connection.js`), and a picture of the feed (see `feed.js`). After an interruption it
 * resumes behind the last cursor; only if the server says that something cannot be replayed (`recovered: false`) it
 * lists the feed again.
 *
 * Notifications are upserts by id. What is marked as read shows at once, also without a connection: it is sent when
 * there is one, and taken back if the server refuses it. Each tab has a socket of its own; what one reads, the others
 * hear from the server.
 *
 * Events: `change` (anything below is different), `notification` (a new one, `detail: {notification}`), `read`
 * (`detail: {ids}`, here or elsewhere), `unmarked` (the server refused to mark `detail: {ids, error}`, which are unread
 * again). Several changes of one moment are one `change`.
 */

import { Connection, isPassing, TocsinError } from "./connection.js";
import { Feed } from "./feed.js";

export { TocsinError };

/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {"user" | "guest" | "potential_customer" | "partner" | "other"} RecipientType */
/** @typedef {{type: RecipientType, id: string}} Recipient */
/** @typedef {{type: RecipientType, external_id: string}} ExternalRecipient whom your own backend calls so */
/** @typedef {"pending" | "sent" | "failed"} Status */
/**
 * @typedef {object} Channel
 * @property {string} id
 * @property {string} notification_id
 * @property {"websocket" | "email" | "telegram" | "sms"} channel
 * @property {Status} status
 * @property {number} attempts
 * @property {string} created_at
 * @property {string | null} next_attempt_at
 */
/**
 * Times are RFC 3339 text; null is what the server does not have.
 * @typedef {object} Notification
 * @property {string} id
 * @property {Recipient} recipient
 * @property {string} title
 * @property {string} message
 * @property {Status} status
 * @property {Record<string, unknown>} metadata
 * @property {boolean} is_read
 * @property {string} created_at
 * @property {Channel[]} channels
 * @property {string | null} read_at
 * @property {string | null} send_at
 * @property {string | null} expires_at
 * @property {string} category empty if its sender gave none
 */

/**
 * @typedef {object} ClientOptions
 * @property {string | URL} [url] The bridge's WebSocket; by default `ws` beside this module, which is right where the
 *   module comes from a bridge. `https:` counts as `wss:`, `http:` as `ws:`.
 * @property {string | (() => string | Promise<string>)} [token] The recipient's token, or a function that gives one;
 *   it is called for every connection, so that an expired token is replaced.
 * @property {Recipient | ExternalRecipient | string} [recipient] Whose feed, also as text such as `user:0190a5d0-…` or `user:ext:42`; by default the
 *   token's.
 * @property {number} [pageSize] Notifications of a page, 1 to 100.
 * @property {number} [silence] Milliseconds without any frame after which a socket counts as dead.
 * @property {Partial<import("./connection.js").Backoff>} [backoff] Bounds of the waits.
 * @property {() => number} [random] Numbers from 0 to 1, for tests.
 */

/** A frame to the bridge may have 16 KiB; an id takes 39 bytes of it. */
const MOST_IDS = 300;
const PAGE_SIZE = 20;
/** What has to meet what is loaded already is asked for in the largest page that the bridge gives. */
const LARGEST_PAGE = 100;
/** Not in the place where it is used: bundlers take `new URL("…", import.meta.url)` for a file to copy. */
const HERE = import.meta.url;

/**
 * Return the address of a bridge's WebSocket, seen from a page.
 * @param {string | URL} url
 * @param {string} [page]
 * @returns {string}
 */
export function socketUrl(url, page = globalThis.document?.baseURI) {
  const found = new URL(url, page);
  if (found.protocol === "https:") found.protocol = "wss:";
  if (found.protocol === "http:") found.protocol = "ws:";
  return found.href;
}

/**
 * Read a recipient from text such as `user:0190a5d0-…`, or `user:ext:42` for one whose id is no UUID.
 * @param {string} text
 * @returns {Recipient | ExternalRecipient}
 */
export function recipientOf(text) {
  const colon = text.indexOf(":");
  const type = /** @type {RecipientType} */ (colon < 0 ? text : text.slice(0, colon));
  const named = colon < 0 ? "" : text.slice(colon + 1);
  return named.startsWith("ext:") ? { type, external_id: named.slice(4) } : { type, id: named };
}

export class TocsinClient extends EventTarget {
  #feed = new Feed();
  #connection;
  #pageSize;
  /** @type {Promise<void> | null} the page that somebody waits for */
  #loading = null;
  /** @type {TocsinError | null} */
  #loadError = null;
  #placing = false;
  #marking = false;
  #changePending = false;

  /** @param {ClientOptions} [options] */
  constructor(options = {}) {
    super();
    const { url = new URL("ws", HERE), token, recipient, pageSize = PAGE_SIZE, backoff, silence, random } = options;
    this.#pageSize = pageSize;
    this.#connection = new Connection({
      url: socketUrl(url),
      token,
      backoff,
      silence,
      random,
      subscribe: (its) => ({
        type: "subscribe",
        token: its,
        recipient: typeof recipient === "string" ? recipientOf(recipient) : recipient,
        cursor: this.#feed.cursor,
      }),
      onFrame: (frame) => this.#received(frame),
      onChange: () => this.#changed(),
    });
  }

  // -- what there is ------------------------------------------------------------------------------

  /** How the connection is. */
  get connection() {
    return this.#connection.state;
  }

  /** Why the connection is `refused`, or what broke it last; null while it is fine. For developers. */
  get error() {
    return this.#connection.error;
  }

  /** What is known of the feed, newest first. The objects are never changed, only replaced. @returns {Notification[]} */
  get notifications() {
    return this.#feed.notifications;
  }

  /** How many are unread in the whole feed, loaded or not. */
  get unreadCount() {
    return this.#feed.unreadCount;
  }

  /** Whether the first page has come; until then the feed is unknown, not empty. */
  get listed() {
    return this.#feed.listed;
  }

  /** Whether a page is under way. */
  get loading() {
    return this.#loading !== null;
  }

  /** Whether `loadMore` would bring more. */
  get hasMore() {
    return this.#feed.next !== "";
  }

  /** Why the last page did not come; null if it did. */
  get loadError() {
    return this.#loadError;
  }

  /** The place in the feed up to which everything has been seen. */
  get cursor() {
    return this.#feed.cursor;
  }

  // -- what to do ---------------------------------------------------------------------------------

  /** Connect and stay connected; without a wait, if one is under way. Does nothing while the connection is live. */
  start() {
    this.#connection.start();
  }

  /** Disconnect. What is known stays; `start` resumes. */
  stop() {
    this.#connection.stop();
  }

  /**
   * Load the next, older page, or the first one if that did not come. Resolves when it has come; rejects with a
   * `TocsinError`, which `loadError` keeps. While a page is under way, it is that one.
   * @returns {Promise<void>}
   */
  loadMore() {
    if (this.#loading) return this.#loading;
    this.#loadError = null;
    if (this.#feed.stale) return this.#load("");
    return this.#feed.next ? this.#load(this.#feed.next) : Promise.resolve();
  }

  /**
   * Mark notifications as read.
   * @param {string[]} ids
   */
  markRead(ids) {
    this.#markedHere(this.#feed.mark(ids));
  }

  /** Mark everything as read that has come so far, loaded or not. */
  markAllRead() {
    this.#markedHere(this.#feed.markAll());
  }

  // -- the feed -----------------------------------------------------------------------------------

  /** @param {any} frame */
  #received(frame) {
    const { news, read } = this.#feed.receive(frame);
    if (read.length) this.#tell("read", { ids: read });
    if (news) this.#tell("notification", { notification: news });
    if (this.#feed.unsure) void this.#place();
    if (frame.type === "subscribed") void this.#sendMarks();
    this.#changed();
  }

  /** List the first page until everything has its place. */
  async #place() {
    if (this.#placing) return;
    this.#placing = true;
    try {
      for (let failures = 0; this.#feed.unsure && this.connection === "live"; ) {
        try {
          // Only a feed of which nothing is known has somebody waiting for it.
          await (this.#feed.stale ? (this.#loading ?? this.#load("")) : this.#fetch("", LARGEST_PAGE));
          failures = 0;
        } catch {
          await this.#pause(failures++);
        }
      }
    } finally {
      this.#placing = false;
    }
  }

  /**
   * @param {string} token
   * @returns {Promise<void>}
   */
  #load(token) {
    const loading = this.#fetch(token)
      .then(
        () => void (this.#loadError = null),
        (error) => {
          this.#loadError = error;
          throw error;
        },
      )
      .finally(() => {
        // Another may have begun when this one's socket was lost.
        if (this.#loading === loading) this.#loading = null;
        this.#changed();
      });
    this.#loading = loading;
    this.#changed();
    return loading;
  }

  /**
   * @param {string} token
   * @param {number} [size]
   */
  async #fetch(token, size = this.#pageSize) {
    this.#feed.expectPage();
    let page;
    try {
      page = await this.#connection.request({ type: "list", page_size: size, page_token: token });
    } catch (error) {
      this.#feed.missPage();
      throw error;
    }
    this.#feed.page(page, token);
    this.#changed();
  }

  // -- marking ------------------------------------------------------------------------------------

  /** @param {string[] | null} ids */
  #markedHere(ids) {
    if (ids === null) return;
    if (ids.length) this.#tell("read", { ids });
    this.#changed();
    void this.#sendMarks();
  }

  /** Send what is to be marked, one request after the other, as long as there is a connection. */
  async #sendMarks() {
    if (this.#marking) return;
    this.#marking = true;
    try {
      for (let failures = 0; this.connection === "live"; ) {
        const { ids, all } = this.#feed.toMark;
        const what = all ?? ids.slice(0, MOST_IDS);
        if (Array.isArray(what) && !what.length) break;
        try {
          await this.#mark(what);
          failures = 0;
        } catch {
          await this.#pause(failures++); // the connection broke, or the server is away
        }
      }
    } finally {
      this.#marking = false;
    }
  }

  /** @param {string[] | import("./feed.js").MarkAll} what */
  async #mark(what) {
    const wanted = Array.isArray(what) ? { ids: what } : { up_to_cursor: what.cursor };
    try {
      this.#feed.marked(await this.#connection.request({ type: "mark_read", ...wanted }), what);
    } catch (error) {
      if (isPassing(error)) throw error;
      if (Array.isArray(what) && what.length > 1) {
        // One that is gone spoils them all; the others are marked all the same.
        const half = Math.ceil(what.length / 2);
        await this.#mark(what.slice(0, half));
        await this.#mark(what.slice(half));
        return;
      }
      this.#tell("unmarked", { ids: this.#feed.refused(what), error });
    } finally {
      this.#changed();
    }
  }

  /**
   * Wait before something is tried again; a lost connection does not wait, since its return is told.
   * @param {number} failures
   * @returns {Promise<void>}
   */
  async #pause(failures) {
    if (this.connection !== "live") return;
    await new Promise((resolve) => setTimeout(resolve, this.#connection.waitAfter(failures)));
  }

  // -- telling ------------------------------------------------------------------------------------

  #changed() {
    if (this.#changePending) return;
    this.#changePending = true;
    queueMicrotask(() => {
      this.#changePending = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
