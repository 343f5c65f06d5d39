// @ts-check
/** The element: between the page, the client and what shows. `../tocsin-inbox.js` describes it. */

import { TocsinClient } from "../tocsin.js";
import { say, set } from "./dom.js";
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { failureOf, troubleOf } from "./state.js";
import { STYLE } from "./style.js";
import { TEXTS } from "./texts.js";
import { Times } from "./times.js";
import { tokenFrom } from "./token.js";
import { View } from "./view.js";

/** @typedef {import("../tocsin.js").Notification} Notification */
/** @typedef {import("../connection.js").TocsinError} TocsinError */
/** @typedef {import("./texts.js").Texts} Texts */

/** Milliseconds for which a lost connection is nobody's business yet. */
const TACT = 1_200;
/** Times are told anew this often while the panel is open. */
const TICK = 15_000;
/** Pixels before the end of the list at which the next page is fetched. */
const AHEAD = 300;

export class TocsinInbox extends HTMLElement {
  static observedAttributes = ["url", "recipient", "token", "token-url", "page-size", "locale", "open"];

  /** @type {CSSStyleSheet | undefined} */
  static #sheet;

  #view = new View();
  #panel = new Panel(this, this.#view.bell, this.#view.panel, () => this.close());
  #list;
  #texts = TEXTS;
  #times = new Times("en");
  /** @type {TocsinClient | null} */
  #client = null;
  /** @type {string | (() => string | Promise<string>) | undefined} */
  #token;
  #remaking = false;
  #count = 0;
  #frame = 0;
  /** What a developer was told last. */
  #complaint = "";
  /** What the user is told until the panel is closed. */
  #notice = "";
  /** Whether trouble has lasted long enough to be told. */
  #troubled = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #tact;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  /** @type {IntersectionObserver | undefined} */
  #ending;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    TocsinInbox.#sheet ??= new CSSStyleSheet();
    if (!TocsinInbox.#sheet.cssRules.length) TocsinInbox.#sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [TocsinInbox.#sheet];
    const view = this.#view;
    root.append(view.bell, view.panel, view.spoken);
    view.bell.addEventListener("click", () => (this.open = !this.open));
    view.close.addEventListener("click", () => this.close());
    view.markAll.addEventListener("click", () => this.#client?.markAllRead());
    view.more.addEventListener("click", () => void this.#loadMore());
    view.bannerAgain.addEventListener("click", () => this.#tryAgain());
    view.failedAgain.addEventListener("click", () => this.#tryAgain());
    this.#list = new List(view.list, {
      texts: () => this.#texts,
      times: () => this.#times,
      focused: () => root.activeElement,
      keepFocus: () => this.#panel.focus(),
      mark: (ids) => this.#client?.markRead(ids),
      select: (notification) => this.#tell("tocsin-select", { notification }, true),
      more: () => void this.#loadMore(),
    });
    view.label(this.#texts, 0);
  }

  // -- for the page -------------------------------------------------------------------------------

  /** The client behind the inbox; null while it is in no page. */
  get client() {
    return this.#client;
  }

  /** How many are unread. */
  get unreadCount() {
    return this.#count;
  }

  /** The recipient's token, or a function that gives it. */
  get token() {
    return this.#token;
  }

  set token(value) {
    this.#token = value;
    this.#remake();
  }

  /** What the inbox says. @returns {Texts} */
  get texts() {
    return this.#texts;
  }

  /** @param {Partial<Texts>} value */
  set texts(value) {
    this.#texts = { ...TEXTS, ...value };
    this.#list.clear();
    this.#view.label(this.#texts, this.#count);
    this.#render();
  }

  /** Whether the panel is open. */
  get open() {
    return this.hasAttribute("open");
  }

  set open(value) {
    this.toggleAttribute("open", value);
  }

  /** Open the panel, and move the focus into it. */
  show() {
    this.open = true;
  }

  /** Close the panel; the focus returns to the bell if it was in the panel. */
  close() {
    this.open = false;
  }

  // -- the element's life -------------------------------------------------------------------------

  connectedCallback() {
    // What a page set before this module had been loaded hides the accessor of the same name.
    for (const name of /** @type {const} */ (["token", "texts"])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
    this.#list.watch(this.#view.scroller);
    this.#ending = new IntersectionObserver((entries) => this.#endSeen(entries), {
      root: this.#view.scroller,
      rootMargin: `0px 0px ${AHEAD}px 0px`,
    });
    this.#speak();
    this.#remake(); // soon: a script that has just made or found the element may still say whose inbox it is
    if (this.open) this.#raise();
  }

  disconnectedCallback() {
    this.#lower();
    this.#list.unwatch();
    this.#ending?.disconnect();
    this.#client?.stop();
    this.#client = null;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#tact);
    this.#tact = undefined;
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} after
   */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "open") {
      if (!this.isConnected || (before === null) === (after === null)) return;
      if (this.open) this.#raise();
      else this.#lower();
    } else if (name === "locale") {
      this.#speak();
      this.#list.tellTimes();
    } else {
      this.#remake();
    }
  }

  /** Begin anew once, when several attributes change together. */
  #remake() {
    if (this.#remaking || !this.isConnected) return;
    this.#remaking = true;
    queueMicrotask(() => {
      this.#remaking = false;
      if (!this.isConnected) return;
      this.#client?.stop();
      this.#list.clear();
      this.#begin();
    });
  }

  #begin() {
    const recipient = this.getAttribute("recipient") ?? undefined;
    const tokenUrl = this.getAttribute("token-url");
    const token = this.#token ?? this.getAttribute("token") ?? (tokenUrl ? tokenFrom(tokenUrl) : undefined);
    const client = new TocsinClient({
      url: this.getAttribute("url") ?? undefined,
      recipient,
      token,
      pageSize: Number(this.getAttribute("page-size")) || undefined,
    });
    this.#client = client;
    this.#complaint = this.#notice = "";
    /**
     * @param {string} type
     * @param {(detail: any) => void} take
     */
    const hear = (type, take) =>
      client.addEventListener(type, (event) => this.#client === client && take(/** @type {CustomEvent} */ (event).detail));
    hear("change", () => this.#schedule());
    hear("notification", ({ notification }) => this.#arrived(notification));
    hear("read", (detail) => this.#tell("tocsin-read", detail));
    hear("unmarked", ({ ids, error }) => this.#unmarked(ids, error));
    // Without any of these the bridge can only refuse; a script may still be about to say whose inbox it is.
    if (recipient || token) client.start();
    this.#render();
  }

  // -- the panel ----------------------------------------------------------------------------------

  #raise() {
    this.#panel.raise();
    this.#render();
    this.#ticker = setInterval(() => this.#list.tellTimes(), TICK);
    this.#ending?.observe(this.#view.foot);
    if (this.#client?.connection === "idle") {
      console.warn("tocsin-inbox: there is neither a recipient nor a token, so it does not connect; see clients/web/README.md");
    }
    this.#tell("tocsin-open", {});
  }

  #lower() {
    if (!this.#panel.isUp) return;
    this.#panel.lower();
    clearInterval(this.#ticker);
    this.#ending?.disconnect();
    this.#notice = "";
    if (!this.open) this.#tell("tocsin-close", {});
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #endSeen(entries) {
    // After a failure the user decides when to try again.
    if (entries.some((entry) => entry.isIntersecting) && !this.#client?.loadError) void this.#loadMore();
  }

  async #loadMore() {
    const client = this.#client;
    if (!client?.hasMore || client.loading || client.connection !== "live") return;
    const focused = this.shadowRoot?.activeElement === this.#view.more;
    const known = this.#list.length;
    try {
      await client.loadMore();
    } catch {
      return; // the foot says so
    }
    if (client !== this.#client) return;
    this.#render();
    // Whoever asked for more by hand goes on with the first of it.
    if (focused) this.#list.focus(known);
    // The end may still be in sight, and an observer tells only what changes.
    this.#ending?.unobserve(this.#view.foot);
    if (this.open) this.#ending?.observe(this.#view.foot);
  }

  #tryAgain() {
    this.#panel.focus(); // the button goes
    if (this.#client?.connection === "live") this.#client.loadMore().catch(() => {});
    else this.#client?.start();
  }

  // -- showing ------------------------------------------------------------------------------------

  /** Show what is, with the next frame; in a hidden page, where there are none, now. */
  #schedule() {
    if (document.hidden) {
      this.#render();
    } else if (!this.#frame) {
      this.#frame = requestAnimationFrame(() => this.#render());
    }
  }

  #render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const client = this.#client;
    if (!client) return;
    this.#renderCount(client.unreadCount);
    this.#renderTrouble(client);
    this.#complain(client.loadError ?? client.error);
    if (!this.open) return;
    const view = this.#view;
    const { notifications, listed, loading, connection } = client;
    this.#list.show(notifications);
    const failure = failureOf(client, this.#texts);
    const nothing = !notifications.length;
    view.list.hidden = nothing;
    view.bones.hidden = listed || !!failure || !nothing;
    view.empty.hidden = !listed || !!failure || !nothing;
    view.failure.hidden = !failure;
    if (failure) {
      say(view.failedTitle, failure.title);
      say(view.failedText, failure.text);
      view.failedAgain.hidden = !failure.again;
    }
    set(view.scroller, "aria-busy", `${!view.bones.hidden}`);
    view.foot.hidden = !client.hasMore || nothing;
    view.moreFailed.hidden = !(listed && client.loadError);
    set(view.more, "aria-busy", `${loading}`);
    set(view.more, "aria-disabled", `${connection !== "live"}`);
    const unread = this.#count > 0 || notifications.some((one) => !one.is_read);
    set(view.markAll, "aria-disabled", `${!unread}`);
    // While the list is on its way, it is what the keyboard finds: a step out of the panel would close it.
    view.markAll.hidden = nothing && (listed || !unread);
  }

  /** @param {number} count */
  #renderCount(count) {
    if (count === this.#count) return;
    const more = count > this.#count;
    this.#count = count;
    this.#view.count(this.#texts, count);
    if (more) this.#view.ring();
    this.#tell("tocsin-unread", { count });
  }

  /** @param {TocsinClient} client */
  #renderTrouble(client) {
    const trouble = troubleOf(client, this.#texts);
    // A device that says it is offline, or a server that refuses, will not be back in a moment.
    const passing = client.connection === "connecting" || client.connection === "reconnecting";
    if (!trouble || !passing) {
      clearTimeout(this.#tact);
      this.#tact = undefined;
      this.#troubled = !!trouble;
    } else if (!this.#troubled && this.#tact === undefined) {
      this.#tact = setTimeout(() => {
        this.#troubled = true;
        this.#render();
      }, TACT);
    }
    const view = this.#view;
    const text = this.#troubled ? trouble : this.#notice;
    const again = this.#troubled && client.connection !== "offline";
    if (!again && this.shadowRoot?.activeElement === view.bannerAgain) this.#panel.focus();
    view.banner.hidden = !text;
    view.bannerAgain.hidden = !again;
    if (view.bannerText.textContent === text) return;
    say(view.bannerText, text);
    if (text && this.open) say(view.spoken, text);
  }

  /**
   * Tell developers what users need not know, each thing once.
   * @param {TocsinError | null} error
   */
  #complain(error) {
    const complaint = error ? `tocsin-inbox: ${error.message} (${[error.code, error.reason].filter(Boolean).join(", ")})` : "";
    if (complaint && complaint !== this.#complaint) console.warn(complaint);
    this.#complaint = complaint;
  }

  /** @param {Notification} notification */
  #arrived(notification) {
    const count = this.#list.expect(notification.id);
    // Of many at once, their number is more use than each title.
    say(this.#view.spoken, count > 1 ? this.#texts.arrivedMany(count) : this.#texts.arrived(notification.title));
    if (!this.open) queueMicrotask(() => this.#list.expectNothing());
    this.#tell("tocsin-notification", { notification });
  }

  /**
   * @param {string[]} ids
   * @param {TocsinError} error
   */
  #unmarked(ids, error) {
    this.#complain(error);
    if (!ids.length) return;
    this.#notice = this.#texts.unmarked(ids.length);
    this.#render();
  }

  /** Take the page's language for times. */
  #speak() {
    this.#times = new Times(this.getAttribute("locale") || this.closest("[lang]")?.getAttribute("lang") || navigator.language);
  }

  /**
   * @param {string} type
   * @param {object} detail
   * @param {boolean} [cancelable]
   */
  #tell(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable, bubbles: true, composed: true }));
  }
}
