// @ts-check
/**
 * A recipient's feed in the browser: what is in it, how many are unread, and what happens, over Tocsin's bridge.
 *
 *     import { TocsinClient } from "./tocsin.js";
 *
 *     const client = new TocsinClient({ url: "wss://notify.example.org/ws", token: () => fetchToken() });
 *     client.addEventListener("change", () => show(client.notifications, client.unreadCount));
 *     client.start();
 *
 * It keeps one WebSocket and brings it back whenever it is lost, after a wait that grows and is drawn at random, so
 * that the browsers of a bridge that restarts do not all return at once. It resumes after the last cursor; only if the
 * server says that something cannot be replayed (`recovered: false`) it lists the feed again. A socket on which
 * nothing comes, not even a heartbeat, counts as dead.
 *
 * Notifications are upserts by id. What is marked as read shows at once, also without a connection: it is sent when
 * there is one, and taken back if the server refuses it. Each tab has a socket of its own; what one reads, the others
 * hear from the server.
 *
 * Events: `change` (anything below is different), `notification` (a new one, `detail: {notification}`), `read`
 * (`detail: {ids}`, here or elsewhere). Several changes of one moment are one `change`.
 */

/** @typedef {"user" | "guest" | "potential_customer" | "partner" | "other"} RecipientType */
/** @typedef {{type: RecipientType, id: string}} Recipient */
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
 */

/**
 * - `idle`: not started, or stopped.
 * - `connecting`: for the first time.
 * - `live`: what happens shows.
 * - `reconnecting`: the connection is lost; the next attempt is under way or waits.
 * - `offline`: the device says that it has no network.
 * - `refused`: the bridge does not want this page or token; `error` says why. `start` tries again.
 * @typedef {"idle" | "connecting" | "live" | "reconnecting" | "offline" | "refused"} Connection
 */

/**
 * @typedef {object} ClientOptions
 * @property {string | URL} [url] The bridge's WebSocket; by default `/ws` of the page's own host. `https:` counts as
 *   `wss:`, `http:` as `ws:`.
 * @property {string | (() => string | Promise<string>)} [token] The recipient's token, or a function that gives one;
 *   it is called for every connection, so that an expired token is replaced.
 * @property {Recipient | string} [recipient] Whose feed, also as text such as `user:0190a5d0-…`; by default the
 *   token's.
 * @property {number} [pageSize] Notifications of a page, 1 to 100.
 * @property {number} [silence] Milliseconds without any frame after which a socket counts as dead.
 * @property {{initial: number, factor: number, cap: number}} [backoff] Bounds of the waits, in milliseconds.
 * @property {() => number} [random] Numbers from 0 to 1, for tests.
 */

/** What the server or the bridge refused; `code` is gRPC's word for it, `reason` Tocsin's. */
export class TocsinError extends Error {
  /**
   * @param {string} message
   * @param {string} code
   * @param {string} [reason]
   */
  constructor(message, code, reason = "") {
    super(message);
    this.name = "TocsinError";
    this.code = code;
    this.reason = reason;
  }
}

/** The bridge writes a heartbeat every 25 s; two may be late. */
const SILENCE = 60_000;
/** An idle socket is asked for a sign of life when the page comes back to it, if nothing has come for this long... */
const DOUBT = 30_000;
/** ...and has this long to give one. */
const PROBE = 5_000;
/** The bridge gives up on the server after 15 s, so whoever waits longer waits for the network. */
const HANDSHAKE = 20_000;
/** The stream tells what was marked a moment before or after the answer; then the answer alone has to do. */
const SETTLE = 2_000;
const BACKOFF = { initial: 500, factor: 2, cap: 30_000 };
/** The least wait after the bridge said that it is overloaded. */
const OVERLOADED = 2_000;
/** A frame to the bridge may have 16 KiB; an id takes 39 bytes of it. */
const MOST_IDS = 300;
/** What may pass with time, or with another server; everything else would be refused again. */
const PASSING = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED", "INTERNAL", "UNKNOWN"]);

/**
 * Return the address of a bridge's WebSocket, seen from a page.
 * @param {string | URL} url
 * @param {string} [page]
 * @returns {string}
 */
export function socketUrl(url, page = globalThis.location?.href) {
  const found = new URL(url, page);
  if (found.protocol === "https:") found.protocol = "wss:";
  if (found.protocol === "http:") found.protocol = "ws:";
  return found.href;
}

/**
 * Read a recipient from text such as `user:0190a5d0-…`.
 * @param {string} text
 * @returns {Recipient}
 */
export function recipientOf(text) {
  const colon = text.indexOf(":");
  const type = /** @type {RecipientType} */ (colon < 0 ? text : text.slice(0, colon));
  return { type, id: colon < 0 ? "" : text.slice(colon + 1) };
}

/** @typedef {{frame: object, resolve: (answer: any) => void, reject: (error: TocsinError) => void}} Request */

export class TocsinClient extends EventTarget {
  /** @type {Connection} */
  #connection = "idle";
  /** @type {TocsinError | null} */
  #error = null;
  /** @type {Map<string, Notification>} */
  #byId = new Map();
  /** @type {string[]} newest first, as in the feed */
  #order = [];
  #cursor = "";
  #serverUnread = 0;
  #nextPage = "";
  #listed = false;
  /** What entered the feed until then may still come as an event, but is not new. */
  #waitingUntil = Number.NEGATIVE_INFINITY;
  #loading = false;
  /** @type {TocsinError | null} */
  #loadError = null;

  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Request[]} answered in their order */
  #requests = [];
  #run = 0;
  #failures = 0;
  #heardAt = 0;
  #tokenRenewed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  #changePending = false;

  /** @type {Map<string, boolean>} ids to be marked, and whether the server still counts each as unread */
  #marking = new Map();
  /** @type {{cursor: string, count: number, ids: string[]} | null} */
  #markingAll = null;
  #flushing = false;
  /** @type {{arrived: Set<string>, read: Map<string, string>} | null} what happened while a page was under way */
  #meanwhile = null;
  /** What is known has a hole, or nothing is known yet: the first page has to come again. */
  #stale = true;

  /** @type {string} */
  #url;
  #options;
  #backoff;
  #silence;
  #random;

  /** @param {ClientOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = options;
    this.#url = socketUrl(options.url ?? "/ws");
    this.#backoff = { ...BACKOFF, ...options.backoff };
    this.#silence = options.silence ?? SILENCE;
    this.#random = options.random ?? Math.random;
  }

  // -- what there is ------------------------------------------------------------------------------

  /** How the connection is. */
  get connection() {
    return this.#connection;
  }

  /** Why the connection is `refused`, or what broke it last; null while it is fine. */
  get error() {
    return this.#error;
  }

  /** What is known of the feed, newest first. The objects are never changed, only replaced. @returns {Notification[]} */
  get notifications() {
    return this.#order.map((id) => /** @type {Notification} */ (this.#byId.get(id)));
  }

  /** How many are unread in the whole feed, as far as it is loaded or not. */
  get unreadCount() {
    let count = this.#serverUnread - (this.#markingAll?.count ?? 0);
    for (const counted of this.#marking.values()) count -= counted ? 1 : 0;
    return Math.max(0, count);
  }

  /** Whether the first page has come; until then the feed is unknown, not empty. */
  get listed() {
    return this.#listed;
  }

  /** Whether a page is under way. */
  get loading() {
    return this.#loading;
  }

  /** Whether `loadMore` would bring more. */
  get hasMore() {
    return this.#nextPage !== "";
  }

  /** Why the last page did not come; null if it did. */
  get loadError() {
    return this.#loadError;
  }

  /** The place in the feed up to which everything has been seen. */
  get cursor() {
    return this.#cursor;
  }

  // -- what to do ---------------------------------------------------------------------------------

  /** Connect and stay connected; without a wait, if one is under way. Does nothing while the connection is live. */
  start() {
    if (this.#connection === "live" || (this.#socket && this.#connection !== "refused")) return;
    if (this.#connection === "idle") this.#listen(true);
    this.#tokenRenewed = false;
    void this.#connect();
  }

  /** Disconnect. What is known stays; `start` resumes. */
  stop() {
    this.#listen(false);
    this.#run++;
    clearTimeout(this.#retryTimer);
    this.#drop(new TocsinError("the client was stopped", "CANCELLED"));
    this.#become("idle");
  }

  /**
   * Load the next, older page, or the first one if that did not come. Resolves when it has come; rejects with a `TocsinError`, which `loadError` keeps.
   * @returns {Promise<void>}
   */
  async loadMore() {
    if (this.#loading) return;
    if (this.#stale) await this.#load("", true);
    else if (this.#nextPage) await this.#load(this.#nextPage, false);
  }

  /**
   * Mark notifications as read.
   * @param {string[]} ids
   */
  markRead(ids) {
    const fresh = ids.filter((id) => !this.#marking.has(id) && !this.#byId.get(id)?.is_read);
    if (!fresh.length) return;
    for (const id of fresh) this.#marking.set(id, this.#byId.has(id));
    this.#setRead(fresh, true, null);
    this.#tell("read", { ids: fresh });
    void this.#flush();
  }

  /** Mark everything as read that has come so far, loaded or not. */
  markAllRead() {
    if (this.#markingAll || (!this.unreadCount && !this.notifications.some((one) => !one.is_read))) return;
    const ids = this.#order.filter((id) => !this.#byId.get(id)?.is_read);
    this.#markingAll = { cursor: this.#cursor, count: this.#serverUnread, ids };
    this.#marking.clear();
    this.#setRead(ids, true, null);
    this.#tell("read", { ids });
    void this.#flush();
  }

  // -- connecting ---------------------------------------------------------------------------------

  async #connect() {
    const run = ++this.#run;
    clearTimeout(this.#retryTimer);
    this.#drop(new TocsinError("the connection was replaced", "UNAVAILABLE"));
    if (this.#isOffline()) {
      this.#become("offline");
      return; // the browser tells when it is back
    }
    this.#become(this.#listed || this.#failures ? "reconnecting" : "connecting");
    let token;
    try {
      token = await this.#token();
    } catch (problem) {
      if (run !== this.#run) return;
      this.#error = new TocsinError(`no token: ${problem instanceof Error ? problem.message : problem}`, "UNAVAILABLE");
      this.#retryLater(0);
      return;
    }
    if (run !== this.#run) return;
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch (problem) {
      const why = problem instanceof Error ? problem.message : String(problem);
      this.#refuse(new TocsinError(`${this.#url} is no address to connect to: ${why}`, "INVALID_ARGUMENT"));
      return;
    }
    this.#socket = socket;
    const { recipient } = this.#options;
    const subscribe = {
      type: "subscribe",
      token,
      recipient: typeof recipient === "string" ? recipientOf(recipient) : recipient,
      cursor: this.#cursor,
    };
    // A socket that was given up may still have something to say; nobody listens.
    const ours = () => socket === this.#socket;
    socket.onopen = () => ours() && socket.send(JSON.stringify(subscribe));
    socket.onmessage = (message) => ours() && this.#received(message.data);
    socket.onclose = (close) => ours() && this.#closed(close.code, close.reason);
    this.#watch(Math.min(HANDSHAKE, this.#silence));
  }

  async #token() {
    const { token } = this.#options;
    return typeof token === "function" ? await token() : token;
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const said = this.#error;
    this.#drop(said ?? new TocsinError("the connection was lost", "UNAVAILABLE", reason));
    if (code === 4401) {
      // A function may have a newer token; twice in a row it has not.
      if (typeof this.#options.token === "function" && !this.#tokenRenewed) {
        this.#tokenRenewed = true;
        void this.#connect();
      } else {
        this.#refuse(said ?? new TocsinError("the token is refused, or has run out", "UNAUTHENTICATED", reason));
      }
    } else if (code === 1008) {
      this.#refuse(said ?? new TocsinError("this page may not connect", "PERMISSION_DENIED", reason));
    } else {
      this.#retryLater(code === 1013 ? OVERLOADED : 0);
    }
  }

  /** @param {TocsinError} error */
  #refuse(error) {
    this.#error = error;
    this.#become("refused");
  }

  /** @param {number} least milliseconds */
  #retryLater(least) {
    if (this.#isOffline()) {
      this.#become("offline");
      return;
    }
    const { initial, factor, cap } = this.#backoff;
    // Beyond 2^64 the bound has long been the cap; without this it would become Infinity, and with jitter NaN.
    const bound = Math.min(cap, initial * factor ** Math.min(this.#failures, 64));
    this.#failures++;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(), least + this.#random() * bound);
    this.#become("reconnecting");
  }

  /**
   * Let go of the socket; requests under way fail.
   * @param {TocsinError} error
   */
  #drop(error) {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    // Its closing handshake may take a minute on a dead line, so it is not waited for.
    socket?.close();
    for (const request of this.#requests.splice(0)) request.reject(error);
  }

  /** @param {number} patience milliseconds in which a frame has to come */
  #watch(patience) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#error = new TocsinError("the connection went silent", "UNAVAILABLE");
      this.#drop(this.#error);
      this.#retryLater(0);
    }, patience);
  }

  #isOffline() {
    // Without a network, this machine still reaches itself.
    return globalThis.navigator?.onLine === false && !/^(localhost|127\..*|\[::1\])$/.test(new URL(this.#url).hostname);
  }

  /** @param {boolean} on */
  #listen(on) {
    const change = on ? "addEventListener" : "removeEventListener";
    globalThis[change]?.("online", this.#onReturn);
    globalThis[change]?.("offline", this.#onOffline);
    globalThis[change]?.("pageshow", this.#onReturn);
    globalThis.document?.[change]("visibilitychange", this.#onReturn);
  }

  #onOffline = () => {
    if (!this.#isOffline() || this.#connection === "refused") return;
    this.#run++;
    clearTimeout(this.#retryTimer);
    this.#drop(new TocsinError("the device is offline", "UNAVAILABLE"));
    this.#become("offline");
  };

  /** The page is looked at again, or the network is back: do not wait, and do not trust a socket that slept. */
  #onReturn = () => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#connection === "offline" || (this.#connection === "reconnecting" && !this.#socket)) {
      void this.#connect();
    } else if (this.#connection === "live" && Date.now() - this.#heardAt > DOUBT) {
      this.#request({ type: "list", page_size: 1 }).catch(() => {}); // any answer is a sign of life
      this.#watch(PROBE);
    }
  };

  // -- frames -------------------------------------------------------------------------------------

  /** @param {string} data */
  #received(data) {
    /** @type {any} */
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return; // not this protocol; the watchdog ends it if nothing else comes
    }
    if (typeof frame?.type !== "string") return;
    this.#heardAt = Date.now();
    this.#watch(this.#silence);
    // The first frame does not count: a bridge that accepts sockets only to close them is asked less and less often.
    if (frame.type !== "subscribed" && frame.type !== "error") this.#failures = 0;
    if (typeof frame.unread_count === "number" && frame.type !== "marked") this.#serverUnread = frame.unread_count;
    switch (frame.type) {
      case "subscribed":
        this.#subscribed(frame.recovered);
        break;
      case "notification":
        this.#upsert(frame.notification);
        break;
      case "read_changed":
        this.#readElsewhere(frame.ids, frame.read_at);
        break;
      case "heartbeat":
        this.#waitingUntil = Number.NEGATIVE_INFINITY;
        break;
      case "list":
      case "marked":
        this.#requests.shift()?.resolve(frame);
        break;
      case "error": {
        const error = new TocsinError(frame.message, frame.code, frame.reason);
        const request = this.#requests.shift();
        if (request) request.reject(error);
        else this.#error = error; // the bridge says why it is about to close the socket
        break;
      }
    }
    // Kept last: what throws above is read again after a reconnect.
    if (typeof frame.cursor === "string" && frame.cursor && frame.type !== "list") this.#cursor = frame.cursor;
    this.#changed();
  }

  /** @param {boolean} recovered */
  #subscribed(recovered) {
    this.#error = null;
    this.#tokenRenewed = false;
    this.#become("live");
    if (!recovered) this.#stale = true;
    if (this.#stale) this.#relist();
    void this.#flush();
  }

  /**
   * Ask the bridge; the answer's frame.
   * @param {object} frame
   * @returns {Promise<any>}
   */
  #request(frame) {
    return new Promise((resolve, reject) => {
      if (this.#connection !== "live" || !this.#socket) {
        reject(new TocsinError("there is no connection", "UNAVAILABLE"));
        return;
      }
      this.#requests.push({ frame, resolve, reject });
      this.#socket.send(JSON.stringify(frame));
    });
  }

  // -- the feed -----------------------------------------------------------------------------------

  /** List from the first page until that succeeds. */
  #relist() {
    this.#load("", true).catch((error) => {
      if (this.#connection === "live" && PASSING.has(error.code)) setTimeout(() => this.#stale && this.#relist(), SETTLE);
    });
  }

  /**
   * @param {string} pageToken
   * @param {boolean} anew forget what is known when the page comes
   */
  async #load(pageToken, anew) {
    this.#loading = true;
    this.#loadError = null;
    // The page is a picture of a moment before it arrives: what events say from now on is newer.
    const meanwhile = { arrived: new Set(), read: new Map() };
    this.#meanwhile = meanwhile;
    this.#changed();
    try {
      const page = await this.#request({ type: "list", page_size: this.#options.pageSize ?? 20, page_token: pageToken });
      const arrived = [...meanwhile.arrived].flatMap((id) => this.#byId.get(id) ?? []);
      if (anew) {
        this.#order = [];
        this.#byId.clear();
        this.#stale = false;
      }
      for (const notification of page.notifications) {
        if (!this.#byId.has(notification.id)) this.#order.push(notification.id);
        this.#put(notification);
      }
      this.#nextPage = page.next_page_token;
      if (!this.#listed) this.#waitingUntil = entered(page.notifications[0]);
      this.#listed = true;
      for (const notification of arrived) {
        if (this.#byId.has(notification.id)) this.#put(notification);
        else this.#fitIn(notification);
      }
      for (const [id, readAt] of meanwhile.read) this.#setRead([id], true, readAt);
    } catch (error) {
      this.#loadError = /** @type {TocsinError} */ (error);
      throw error;
    } finally {
      // A newer load may have begun when this one's socket was lost.
      if (this.#meanwhile === meanwhile) {
        this.#meanwhile = null;
        this.#loading = false;
      }
      this.#changed();
    }
  }

  /** @param {Notification} notification */
  #upsert(notification) {
    const { id } = notification;
    this.#meanwhile?.arrived.add(id);
    if (notification.is_read) this.#marking.delete(id);
    if (this.#byId.has(id)) {
      this.#put(notification);
      return;
    }
    // What waited for the first subscriber comes once more as an event: the first page, or a later one, has it.
    const waited = !this.#listed || entered(notification) <= this.#waitingUntil;
    if (!waited) this.#waitingUntil = Number.NEGATIVE_INFINITY;
    // What is read has come and was read elsewhere while we were away, or is an old one that was read just now.
    if (waited || notification.is_read) {
      this.#fitIn(notification);
      return;
    }
    this.#order.unshift(id);
    this.#put(notification);
    this.#tell("notification", { notification });
  }

  /**
   * Put a notification among those of its time. Where that is beyond what is loaded, its page will bring it.
   * @param {Notification} notification
   */
  #fitIn(notification) {
    const time = entered(notification);
    const at = this.#order.findIndex((other) => {
      const otherTime = entered(this.#byId.get(other));
      // Ids sort by time, too, and tell apart what was sent in one batch.
      return otherTime < time || (otherTime === time && other < notification.id);
    });
    if (at < 0 && this.#nextPage) return;
    this.#order.splice(at < 0 ? this.#order.length : at, 0, notification.id);
    this.#put(notification);
  }

  /** @param {Notification} notification */
  #put(notification) {
    const ours = this.#marking.has(notification.id) && !notification.is_read;
    this.#byId.set(notification.id, ours ? { ...notification, is_read: true } : notification);
  }

  /**
   * @param {string[]} ids
   * @param {string} readAt
   */
  #readElsewhere(ids, readAt) {
    for (const id of ids) {
      this.#meanwhile?.read.set(id, readAt);
      this.#marking.delete(id);
    }
    if (this.#markingAll) this.#markingAll.count = Math.max(0, this.#markingAll.count - ids.length);
    const news = ids.filter((id) => !this.#byId.get(id)?.is_read);
    this.#setRead(ids, true, readAt);
    if (news.length) this.#tell("read", { ids: news });
  }

  /**
   * @param {string[]} ids
   * @param {boolean} isRead
   * @param {string | null} readAt
   */
  #setRead(ids, isRead, readAt) {
    for (const id of ids) {
      const known = this.#byId.get(id);
      if (known) this.#byId.set(id, { ...known, is_read: isRead, read_at: readAt ?? known.read_at });
    }
    this.#changed();
  }

  /** Send what is to be marked, one request after the other, as long as there is a connection. */
  async #flush() {
    if (this.#flushing) return;
    this.#flushing = true;
    /** @type {Set<string>} marked, but the stream has not said so yet */
    const sent = new Set();
    try {
      while (this.#connection === "live") {
        const all = this.#markingAll;
        const ids = [...this.#marking.keys()].filter((id) => !sent.has(id)).slice(0, MOST_IDS);
        if (all) await this.#markAll(all);
        else if (ids.length) (await this.#markSome(ids)).forEach((id) => sent.add(id));
        else break;
      }
    } catch {
      // The connection broke, or the server is away: tried again with the next connection, or a little later.
      if (this.#connection === "live") setTimeout(() => void this.#flush(), SETTLE);
    } finally {
      this.#flushing = false;
    }
  }

  /** @param {{cursor: string, count: number, ids: string[]}} all */
  async #markAll(all) {
    try {
      await this.#request({ type: "mark_read", up_to_cursor: all.cursor });
      // The stream has told of some of them, which are no longer in `count`, and will tell of the others.
      this.#serverUnread = Math.max(0, this.#serverUnread - all.count);
      this.#markingAll = null;
    } catch (error) {
      if (PASSING.has(/** @type {TocsinError} */ (error).code)) throw error;
      this.#markingAll = null;
      this.#setRead(all.ids, false, null);
    }
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<string[]>} those that are marked
   */
  async #markSome(ids) {
    try {
      await this.#request({ type: "mark_read", ids });
      setTimeout(() => this.#settled(() => ids.forEach((id) => this.#marking.delete(id))), SETTLE);
      return ids;
    } catch (error) {
      if (PASSING.has(/** @type {TocsinError} */ (error).code)) throw error;
      if (ids.length > 1) {
        // One that is gone spoils them all: the others one by one.
        const marked = [];
        for (const id of ids) marked.push(...(await this.#markSome([id])));
        return marked;
      }
      ids.forEach((id) => this.#marking.delete(id));
      this.#setRead(ids, false, null);
      return [];
    }
  }

  /** @param {() => void} change */
  #settled(change) {
    change();
    this.#changed();
  }

  // -- telling ------------------------------------------------------------------------------------

  /** @param {Connection} connection */
  #become(connection) {
    this.#connection = connection;
    this.#changed();
  }

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

/**
 * When a notification entered the feed, as far as it shows: in milliseconds.
 * @param {Notification | undefined} notification
 */
function entered(notification) {
  return notification ? Date.parse(notification.send_at ?? notification.created_at) : Number.NEGATIVE_INFINITY;
}
