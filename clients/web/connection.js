// @ts-check
/**
 * One WebSocket to the bridge that is kept, and brought back whenever it is lost. Knows nothing of notifications.
 *
 * It comes back after a wait that grows and is drawn at random, so that the browsers of a bridge that restarts do not
 * all return at once. A socket on which nothing comes, not even a heartbeat, counts as dead. A token that is refused is
 * asked for again, a limited number of times: it may have run out, or be from a clock that is a little ahead.
 *
 * Requests are answered in their order, which is how an answer finds its request.
 */

/**
 * - `idle`: not started, or stopped.
 * - `connecting`: there was no connection yet; `error` says why if it takes long.
 * - `live`: what happens shows.
 * - `reconnecting`: the connection is lost; the next attempt is under way or waits.
 * - `offline`: the device says that it has no network.
 * - `refused`: the bridge does not want this page or token; `error` says why. `start` tries again.
 * @typedef {"idle" | "connecting" | "live" | "reconnecting" | "offline" | "refused"} ConnectionState
 */
/** @typedef {{initial: number, factor: number, cap: number}} Backoff Milliseconds. */
/**
 * @typedef {object} ConnectionOptions
 * @property {string} url
 * @property {string | (() => string | Promise<string>) | undefined} token
 * @property {(token: string | undefined) => object} subscribe Gives the first frame.
 * @property {(frame: any) => void} onFrame Takes what is no answer.
 * @property {() => void} onChange Hears that `state` or `error` has changed.
 * @property {Partial<Backoff>} [backoff]
 * @property {number} [silence]
 * @property {() => number} [random]
 */
/** @typedef {{resolve: (answer: any) => void, reject: (error: TocsinError) => void}} Request */

/** What the server or the bridge refused; `code` is gRPC's word for it, `reason` Tocsin's. */
export class TocsinError extends Error {
  /**
   * @param {string} message for developers
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
/** Whoever makes tokens has this long for one. */
const TOKEN_PATIENCE = 30_000;
/** The least wait after the bridge said that it is overloaded. */
const OVERLOADED = 2_000;
/** Tokens refused in a row, within about a minute; then the next is asked for when the user comes back to the page. */
const MOST_REFUSALS = 8;
/** What a token may consist of; a page of HTML is none. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

export const BACKOFF = { initial: 500, factor: 2, cap: 30_000 };

/** What may pass with time, with another server or another token; everything else would be refused again. */
const PASSING = new Set([
  "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED", "INTERNAL", "UNKNOWN", "UNAUTHENTICATED",
]);

/**
 * Tell whether the same request may succeed later.
 * @param {unknown} error
 */
export function isPassing(error) {
  return error instanceof TocsinError && PASSING.has(error.code);
}

/**
 * Tell what the bridge wants by closing a socket: another token, another page, or that one comes back.
 * @param {number} code
 * @returns {"token" | "page" | "later"}
 */
export function meaningOf(code) {
  if (code === 4401) return "token";
  return code === 1008 ? "page" : "later";
}

/**
 * Return how long to wait, in milliseconds.
 * @param {number} failures in a row, this one not counted
 * @param {Backoff} backoff
 * @param {() => number} random
 */
export function waitAfter(failures, { initial, factor, cap }, random) {
  // Beyond 2^64 the bound has long been the cap; without this it would become Infinity, and with jitter NaN.
  return random() * Math.min(cap, initial * factor ** Math.min(failures, 64));
}

/**
 * Return a token as it may be sent; nothing is what whoever needs none gives.
 * @param {unknown} given
 * @returns {string | undefined}
 */
export function checkedToken(given) {
  if (given === undefined || given === null || given === "") return undefined;
  const text = typeof given === "string" ? given.trim() : "";
  if (TOKEN.test(text)) return text;
  // Enough to recognise a page of HTML by, too little to give a secret away.
  const what = typeof given === "string" ? `text that begins with ${JSON.stringify(given.slice(0, 15))}` : `of type ${typeof given}`;
  throw new TocsinError(`what was given as token is ${what}; a token is printable ASCII without spaces`, "INVALID_ARGUMENT");
}

export class Connection {
  /** @type {ConnectionState} */
  #state = "idle";
  /** @type {TocsinError | null} */
  #error = null;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Request[]} */
  #requests = [];
  /** @type {TocsinError | null} what the bridge said before it closed the socket */
  #said = null;
  /** Whether there was a connection since `start`. */
  #wasLive = false;
  /** Counts attempts, so that what an earlier one waited for can tell that it is late. */
  #run = 0;
  /** The attempt that waits for its token; it has no socket yet. */
  #fetching = 0;
  #failures = 0;
  #refusals = 0;
  #heardAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  #options;
  #backoff;
  #silence;
  #random;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#backoff = { ...BACKOFF, ...options.backoff };
    this.#silence = options.silence ?? SILENCE;
    this.#random = options.random ?? Math.random;
  }

  get state() {
    return this.#state;
  }

  /** Why it is `refused`, or what broke it last; null while it is fine. */
  get error() {
    return this.#error;
  }

  /** Connect and stay connected; without a wait, if one is under way. Does nothing while there is a connection. */
  start() {
    if (this.#state === "live" || (this.#socket && this.#state !== "refused")) return;
    if (this.#state === "idle") this.#listen(true);
    this.#refusals = 0;
    this.#become(this.#wasLive ? "reconnecting" : "connecting");
    void this.#connect();
  }

  /** Disconnect; `start` connects again. */
  stop() {
    this.#listen(false);
    this.#run++;
    clearTimeout(this.#retryTimer);
    this.#drop(new TocsinError("the client was stopped", "CANCELLED"));
    this.#become("idle");
  }

  /**
   * Ask the bridge; returns the answer's frame, or rejects with a `TocsinError`.
   * @param {object} frame
   * @returns {Promise<any>}
   */
  request(frame) {
    return new Promise((resolve, reject) => {
      if (this.#state !== "live" || !this.#socket) {
        reject(new TocsinError("there is no connection", "UNAVAILABLE"));
        return;
      }
      this.#requests.push({ resolve, reject });
      this.#socket.send(JSON.stringify(frame));
    });
  }

  /**
   * Return a wait such as this connection makes, for others that try again.
   * @param {number} failures
   */
  waitAfter(failures) {
    return waitAfter(failures, this.#backoff, this.#random);
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
    // What was refused stays so until it is not: a page that says so must not flicker with each attempt.
    if (this.#state !== "refused") this.#become(this.#wasLive ? "reconnecting" : "connecting");
    this.#fetching = run;
    try {
      const token = await this.#token();
      if (run === this.#run) this.#open(token);
    } catch (problem) {
      if (run === this.#run) this.#tokenMissing(problem);
    } finally {
      if (this.#fetching === run) this.#fetching = 0;
    }
  }

  async #token() {
    const { token } = this.#options;
    if (typeof token !== "function") return checkedToken(token);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`none came within ${TOKEN_PATIENCE / 1000} s`)), TOKEN_PATIENCE);
    });
    try {
      return checkedToken(await Promise.race([token(), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {unknown} problem */
  #tokenMissing(problem) {
    // A text that is no token stays so; whoever makes tokens may be well the next time.
    if (typeof this.#options.token === "string") {
      this.#refuse(/** @type {TocsinError} */ (problem));
      return;
    }
    const why = problem instanceof Error ? problem.message : String(problem);
    const refused = problem instanceof TocsinError && problem.code === "UNAUTHENTICATED";
    if (refused) this.#tokenRefused(new TocsinError(`no token: ${why}`, "UNAUTHENTICATED"));
    else this.#retryLater(new TocsinError(`no token: ${why}`, "UNAVAILABLE"));
  }

  /** @param {string | undefined} token */
  #open(token) {
    let socket;
    try {
      socket = new WebSocket(this.#options.url);
    } catch (problem) {
      const why = problem instanceof Error ? problem.message : String(problem);
      this.#refuse(new TocsinError(`${this.#options.url} is no address to connect to: ${why}`, "INVALID_ARGUMENT"));
      return;
    }
    this.#socket = socket;
    this.#said = null;
    // A socket that was given up may still have something to say; nobody listens.
    const ours = () => socket === this.#socket;
    socket.onopen = () => ours() && socket.send(JSON.stringify(this.#options.subscribe(token)));
    socket.onmessage = (message) => ours() && this.#received(message.data);
    socket.onclose = (close) => ours() && this.#closed(close.code, close.reason);
    this.#watch(Math.min(HANDSHAKE, this.#silence));
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const lost = this.#state === "live" ? "the connection was lost" : "no connection could be made";
    const error = this.#said ?? new TocsinError(lost, "UNAVAILABLE", reason);
    this.#drop(error);
    switch (meaningOf(code)) {
      case "token":
        this.#tokenRefused(this.#said ?? new TocsinError("the token is refused, or has run out", "UNAUTHENTICATED", reason));
        break;
      case "page":
        this.#refuse(this.#said ?? new TocsinError("this page may not connect", "PERMISSION_DENIED", reason));
        break;
      case "later":
        this.#retryLater(error, code === 1013 ? OVERLOADED : 0);
    }
  }

  /** @param {TocsinError} error */
  #tokenRefused(error) {
    this.#refusals++;
    // No token at all stays none.
    if (this.#options.token && this.#refusals < MOST_REFUSALS) this.#retryLater(error);
    // A function is asked for a newer one before anybody has to know; a text is the same again.
    if (typeof this.#options.token !== "function" || this.#refusals > 1) this.#refuse(error);
  }

  /** @param {TocsinError} error */
  #refuse(error) {
    this.#error = error;
    this.#become("refused");
  }

  /**
   * @param {TocsinError} error
   * @param {number} [least] milliseconds
   */
  #retryLater(error, least = 0) {
    this.#error = error;
    clearTimeout(this.#retryTimer);
    if (this.#isOffline()) {
      this.#become("offline");
      return;
    }
    this.#retryTimer = setTimeout(() => void this.#connect(), least + this.waitAfter(this.#failures++));
    this.#become(this.#wasLive ? "reconnecting" : "connecting");
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
      const error = new TocsinError("the connection went silent", "UNAVAILABLE");
      this.#drop(error);
      this.#retryLater(error);
    }, patience);
  }

  // -- the device ---------------------------------------------------------------------------------

  #isOffline() {
    // Without a network, this machine still reaches itself.
    return globalThis.navigator?.onLine === false && !/^(localhost|127\..*|\[::1\])$/.test(new URL(this.#options.url).hostname);
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
    if (!this.#isOffline()) return;
    this.#run++;
    clearTimeout(this.#retryTimer);
    this.#drop(new TocsinError("the device is offline", "UNAVAILABLE"));
    if (this.#state !== "refused") this.#become("offline");
  };

  /** The page is looked at again, or the network is back: do not wait, and do not trust a socket that slept. */
  #onReturn = () => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#state === "live") {
      if (Date.now() - this.#heardAt < DOUBT) return;
      this.request({ type: "list", page_size: 1 }).catch(() => {}); // any answer is a sign of life
      this.#watch(PROBE);
    } else if (this.#state !== "idle" && !this.#socket && this.#fetching !== this.#run && !this.#isForThePage()) {
      void this.#connect();
    }
  };

  /** Whether it is the page that was refused, which it will be again. */
  #isForThePage() {
    return this.#state === "refused" && this.#error?.code !== "UNAUTHENTICATED";
  }

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
    switch (frame.type) {
      case "error": {
        const error = new TocsinError(frame.message, frame.code, frame.reason);
        const request = this.#requests.shift();
        if (request) request.reject(error);
        else this.#said = error;
        return;
      }
      case "list":
      case "marked":
        this.#failures = 0;
        this.#requests.shift()?.resolve(frame);
        return;
      case "subscribed":
        this.#subscribed();
        break;
      default:
        // The first frame does not count: a bridge that accepts sockets only to close them is asked less and less often.
        this.#failures = 0;
    }
    this.#options.onFrame(frame);
  }

  #subscribed() {
    this.#error = null;
    this.#refusals = 0;
    this.#wasLive = true;
    this.#become("live");
  }

  /** @param {ConnectionState} state */
  #become(state) {
    this.#state = state;
    this.#options.onChange();
  }
}
