// @ts-check
/**
 * What is known of a recipient's feed: its notifications in their order, and how many are unread. Pure: it is told
 * frames of the bridge and what is marked here, and never asks, waits or looks at a clock.
 *
 * Three sources speak of one feed, each about another moment: events, pages of lists, and answers to marking. Cursors
 * say whose word is newer:
 *
 * - A count belongs to the cursor that it came with. A count of an older moment is dropped.
 * - The order is the server's. What entered after the first page was read stands before it, as it came. What entered
 *   until then is on a page, and is left to it. No time of a notification says anything about that.
 * - What is read stays read, so two versions of one notification are easily one.
 *
 * What is marked here shows as read at once. It is kept apart from what the server says until it has confirmed it, so
 * that a refusal can be taken back.
 */

import { isNewer } from "./cursor.js";

/** @typedef {import("./tocsin.js").Notification} Notification */
/**
 * What a frame has brought.
 * @typedef {object} Told
 * @property {Notification | null} news a notification that is new in the feed
 * @property {string[]} read ids of those that were unread, and are read now
 */
/**
 * A request to mark everything until a cursor.
 * @typedef {object} MarkAll
 * @property {string} cursor
 * @property {Set<string>} since ids of what entered later
 */

/** @type {Told} */
const NOTHING = { news: null, read: [] };

export class Feed {
  /** @type {Map<string, Notification>} as the server has them */
  #rows = new Map();
  /** @type {Map<string, Notification>} the same, with what is marked here */
  #shown = new Map();
  /** @type {string[]} newest first */
  #order = [];
  /** @type {Map<string, {cursor: string, notification: Notification}>} what came as new, oldest first */
  #entered = new Map();
  /** The first page's cursor: what entered until then is on a page. Empty before there is a page. */
  #head = "";
  /** What changed at this cursor may be on the first page or on any other. */
  #unplaced = "";
  #cursor = "";
  #count = 0;
  #countedAt = "";
  #next = "";
  #listed = false;
  #stale = true;
  /** @type {Set<string>} */
  #marks = new Set();
  /** @type {MarkAll | null} */
  #markAll = null;
  #pagesExpected = 0;
  /** @type {Map<string, string>} ids that no page has brought yet, and when they were read */
  #readMeanwhile = new Map();

  // -- what there is ------------------------------------------------------------------------------

  /** What is loaded, newest first. The objects are never changed, only replaced. @returns {Notification[]} */
  get notifications() {
    return this.#order.map((id) => /** @type {Notification} */ (this.#shown.get(id)));
  }

  /** How many are unread in the whole feed, loaded or not. */
  get unreadCount() {
    if (this.#markAll) return [...this.#markAll.since].filter((id) => this.#isUnread(id)).length;
    let count = this.#count;
    // What the server has not confirmed is still in its count, unless it was read elsewhere.
    for (const id of this.#marks) if (this.#rows.get(id)?.is_read === false) count--;
    return Math.max(0, count);
  }

  /** The place after the last event. */
  get cursor() {
    return this.#cursor;
  }

  /** Whether the first page has come. */
  get listed() {
    return this.#listed;
  }

  /** Where the next, older page begins; empty when everything is loaded. */
  get next() {
    return this.#next;
  }

  /** Whether the first page has to come before anything else makes sense: nothing is known yet, or there is a hole. */
  get stale() {
    return this.#stale;
  }

  /** Whether the first page has to come again to say where something belongs. */
  get unsure() {
    return this.#stale || this.#unplaced !== "";
  }

  // -- what the server tells ----------------------------------------------------------------------

  /**
   * Take an event.
   * @param {any} frame
   * @returns {Told}
   */
  receive(frame) {
    let told = NOTHING;
    if (frame.type === "subscribed") this.#subscribed(frame);
    else this.#takeCount(frame);
    if (frame.type === "notification") told = this.#changed(frame.notification, frame.cursor);
    else if (frame.type === "read_changed") told = { news: null, read: this.#read(frame.ids, frame.read_at) };
    // Last: what throws above is told again after a reconnect.
    if (frame.type === "subscribed" || isNewer(frame.cursor ?? "", this.#cursor)) this.#cursor = frame.cursor;
    return told;
  }

  /** @param {{cursor: string, unread_count: number, recovered: boolean}} frame */
  #subscribed(frame) {
    // It was read when the stream began, so it is newer than all that an earlier stream told.
    this.#count = frame.unread_count;
    this.#countedAt = frame.cursor;
    if (frame.recovered) return;
    // Cursors may be of another feed now, and cannot be compared with older ones.
    this.#stale = true;
    this.#head = this.#unplaced = "";
    this.#entered.clear();
  }

  /** @param {{cursor?: string, unread_count?: number}} frame */
  #takeCount({ cursor = "", unread_count: count }) {
    if (count === undefined || isNewer(this.#countedAt, cursor)) return;
    this.#count = count;
    this.#countedAt = cursor;
  }

  /**
   * @param {Notification} notification
   * @param {string} cursor
   * @returns {Told}
   */
  #changed(notification, cursor) {
    const { id, is_read: isRead } = notification;
    if (this.#rows.has(id)) {
      const wasUnread = this.#isUnread(id);
      if (isRead) this.#marks.delete(id);
      this.#put(notification);
      return { news: null, read: isRead && wasUnread ? [id] : [] };
    }
    if (isRead) {
      this.#marks.delete(id);
      if (this.#pagesExpected) this.#readMeanwhile.set(id, notification.read_at ?? "");
    }
    if (!isNewer(cursor, this.#head)) return NOTHING;
    if (isRead) {
      // New and read elsewhere while this browser was away, or an old one read just now: the first page knows.
      this.#unplaced = cursor;
      return NOTHING;
    }
    this.#entered.set(id, { cursor, notification });
    this.#markAll?.since.add(id);
    // Before the first page it is unknown what is new: what waited for the first look comes as events, too.
    if (this.#stale) return NOTHING;
    this.#order.unshift(id);
    this.#put(notification);
    return { news: notification, read: [] };
  }

  /**
   * @param {string[]} ids
   * @param {string} readAt
   * @returns {string[]} those that were unread
   */
  #read(ids, readAt) {
    const fresh = ids.filter((id) => this.#isUnread(id));
    for (const id of ids) {
      this.#marks.delete(id);
      const row = this.#rows.get(id);
      if (row) this.#put({ ...row, is_read: true, read_at: readAt || row.read_at });
      else if (this.#pagesExpected) this.#readMeanwhile.set(id, readAt);
      const entered = this.#entered.get(id);
      if (entered) entered.notification = { ...entered.notification, is_read: true, read_at: readAt };
    }
    return fresh;
  }

  // -- pages --------------------------------------------------------------------------------------

  /** Take note that a page was asked for: what is read until it comes may be unread in it. */
  expectPage() {
    if (!this.#pagesExpected++) this.#readMeanwhile.clear();
  }

  /** Take note that it will not come. */
  missPage() {
    this.#pagesExpected--;
  }

  /**
   * Take a page.
   * @param {any} frame
   * @param {string} token the one that it was asked for with; empty for the first page
   */
  page(frame, token) {
    this.#pagesExpected--;
    /** @type {Notification[]} */
    const rows = frame.notifications;
    // A page that no longer continues what is loaded would leave a hole.
    if (token && (token !== this.#next || this.#stale)) return;
    const known = new Set(this.#rows.keys());
    if (!token) this.#place(rows, frame);
    else this.#order.push(...rows.map((row) => row.id).filter((id) => !this.#rows.has(id)));
    if (token) this.#next = frame.next_page_token;
    for (const row of rows) {
      // Of pages that are newer than the wish to mark everything, only what was known then is meant.
      if (this.#markAll && !known.has(row.id) && isNewer(this.#head, this.#markAll.cursor)) this.#markAll.since.add(row.id);
      const readAt = this.#readMeanwhile.get(row.id);
      this.#put(readAt === undefined ? row : { ...row, is_read: true, read_at: readAt || row.read_at });
    }
  }

  /**
   * Order everything anew after the first page.
   * @param {Notification[]} rows
   * @param {{cursor: string, next_page_token: string}} frame
   */
  #place(rows, frame) {
    const ids = rows.map((row) => row.id);
    const onPage = new Set(ids);
    const last = ids.at(-1) ?? "";
    // Between those that entered, some that were read meanwhile may be missing; between those of pages none is.
    const reaches = !this.#stale && !this.#entered.has(last);
    this.#head = frame.cursor;
    if (!isNewer(this.#unplaced, this.#head)) this.#unplaced = "";
    for (const [id, { cursor }] of this.#entered) {
      if (!isNewer(cursor, this.#head) || onPage.has(id)) this.#entered.delete(id);
    }
    // Where the page's end is among what was loaded, that goes on behind it. Otherwise there is a hole between.
    const end = reaches ? this.#order.indexOf(last) : -1;
    const whole = !frame.next_page_token;
    const older = end < 0 || whole ? [] : this.#order.slice(end + 1);
    if (end < 0 || whole) this.#next = frame.next_page_token;
    this.#order = [...new Set([...[...this.#entered.keys()].reverse(), ...ids, ...older])];
    this.#stale = false;
    this.#listed = true;
    const kept = new Set(this.#order);
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#forget(id);
    for (const { notification } of this.#entered.values()) this.#put(notification);
  }

  // -- marking ------------------------------------------------------------------------------------

  /** Ids that wait to be confirmed as read, and everything until a cursor, if that is wanted. */
  get toMark() {
    return { ids: [...this.#marks], all: this.#markAll };
  }

  /**
   * Show notifications as read.
   * @param {string[]} ids
   * @returns {string[]} those that were not
   */
  mark(ids) {
    const fresh = [...new Set(ids)].filter((id) => (this.#rows.has(id) ? this.#isUnread(id) : !this.#marks.has(id)));
    for (const id of fresh) {
      this.#marks.add(id);
      this.#show(id);
    }
    return fresh;
  }

  /**
   * Show everything as read that has come so far, loaded or not.
   * @returns {string[] | null} the ids of those loaded that were not; null if there is nothing to mark
   */
  markAll() {
    const fresh = this.#order.filter((id) => this.#isUnread(id));
    if (!fresh.length && !this.unreadCount) return null;
    // The list may be ahead of the events, and what it shows is meant, too.
    const cursor = isNewer(this.#cursor, this.#head) ? this.#cursor : this.#head;
    this.#markAll = { cursor, since: new Set() };
    for (const id of fresh) this.#show(id);
    return fresh;
  }

  /**
   * Take the answer to marking.
   * @param {any} frame
   * @param {string[] | MarkAll} what
   */
  marked(frame, what) {
    // Ids that are not known may be of another feed, which the server then counts.
    if (!Array.isArray(what) || what.some((id) => this.#rows.has(id))) this.#takeCount(frame);
    if (Array.isArray(what)) {
      this.#read(what, "");
    } else if (this.#markAll === what) {
      const ids = [...this.#rows.keys(), ...this.#entered.keys()].filter((id) => !what.since.has(id));
      this.#markAll = null;
      this.#read(ids, "");
    }
  }

  /**
   * Take back what the server refused to mark.
   * @param {string[] | MarkAll} what
   * @returns {string[]} ids that are not read
   */
  refused(what) {
    if (!Array.isArray(what) && this.#markAll !== what) return []; // a later one covers it
    const ids = Array.isArray(what) ? what : this.#order.filter((id) => !what.since.has(id));
    if (Array.isArray(what)) for (const id of what) this.#marks.delete(id);
    else this.#markAll = null;
    for (const id of ids) this.#show(id);
    return ids.filter((id) => !this.#shown.get(id)?.is_read);
  }

  // -- rows ---------------------------------------------------------------------------------------

  /** @param {string} id */
  #isUnread(id) {
    const shown = this.#shown.get(id);
    return shown !== undefined && !shown.is_read;
  }

  /** @param {Notification} notification */
  #put(notification) {
    const known = this.#rows.get(notification.id);
    const wasRead = known?.is_read && !notification.is_read;
    this.#rows.set(notification.id, wasRead ? { ...notification, is_read: true, read_at: known.read_at } : notification);
    this.#show(notification.id);
  }

  /** @param {string} id */
  #show(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    const marked = this.#marks.has(id) || (this.#markAll !== null && !this.#markAll.since.has(id));
    this.#shown.set(id, marked && !row.is_read ? { ...row, is_read: true } : row);
  }

  /** @param {string} id */
  #forget(id) {
    this.#rows.delete(id);
    this.#shown.delete(id);
  }
}
