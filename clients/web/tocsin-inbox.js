// @ts-check
/**
 * `<tocsin-inbox>`: a bell with the count of unread notifications, and a panel with the inbox behind it.
 *
 *     <script type="module" src="/tocsin-inbox.js"></script>
 *     <tocsin-inbox url="wss://notify.example.org/ws" recipient="user:0190a5d0-…"></tocsin-inbox>
 *
 * Attributes:
 *   url         the bridge's WebSocket; `/ws` of the page's host by default
 *   recipient   whose inbox, `type:id`; the token's by default
 *   token       the recipient's token; better the property `token`, which also takes a function (see TocsinClient)
 *   theme       `light` or `dark`, `auto` for the device's; without it the page's own `color-scheme` counts
 *   page-size   notifications of a page (20)
 *   locale      for times, such as `de`; the nearest `lang` by default
 *   open        whether the panel is open
 *
 * Properties: `token`, `texts` (see TEXTS), `client` (the TocsinClient, null while not in a page), `unreadCount`,
 * `open`. Methods: `show()`, `close()`.
 *
 * Events, all of them bubbling out of shadow trees:
 *   tocsin-notification   a new one has come: `detail.notification`
 *   tocsin-read           read here or elsewhere: `detail.ids`
 *   tocsin-select         one was activated: `detail.notification`; `preventDefault()` keeps it from unfolding
 *   tocsin-unread         the count has changed: `detail.count`
 *   tocsin-open, tocsin-close
 *
 * Style it with the custom properties at the top of STYLE, and with the parts bell, badge, panel, header, heading,
 * mark-all, banner, list, item (and item-unread), item-title, item-message, item-time, more, empty, failure. Slots:
 * `icon` for the bell, `empty` for what an empty inbox says.
 *
 * Titles and messages are text. Nothing here reads HTML: every node is made by name, every text set as text. So it
 * runs under `Content-Security-Policy: default-src 'self'; require-trusted-types-for 'script'` as it is.
 */

import { TocsinClient } from "./tocsin.js";

/** @typedef {import("./tocsin.js").Notification} Notification */
/** @typedef {import("./tocsin.js").Connection} Connection */

/** What the inbox says; replace any of it by the property `texts`. */
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
  moreFailed: "Older notifications could not be loaded.",
  again: "Try again",
  offline: "You are offline. This may be out of date.",
  reconnecting: "Connection lost. Reconnecting…",
  /** @param {string} title */
  arrived: (title) => `New notification: ${title}`,
  /** @param {number} count */
  arrivedMany: (count) => `${count} new notifications`,
};

const STYLE = `
:host {
  --_accent: var(--tocsin-accent, light-dark(#2f4fd8, #9db2ff));
  --_surface: var(--tocsin-surface, light-dark(#ffffff, #1b1d23));
  --_raised: var(--tocsin-raised, light-dark(#f4f5f8, #262932));
  --_unread: var(--tocsin-unread, light-dark(#f3f6ff, #20263a));
  --_text: var(--tocsin-text, light-dark(#16181d, #eceef2));
  --_muted: var(--tocsin-muted, light-dark(#5a6172, #a4abba));
  --_border: var(--tocsin-border, light-dark(#e3e6ec, #343845));
  --_badge: var(--tocsin-badge, light-dark(#c8203a, #ff6b7d));
  --_badge-text: var(--tocsin-badge-text, light-dark(#ffffff, #21060b));
  --_warning: var(--tocsin-warning, light-dark(#fff4d6, #3a3013));
  --_warning-text: var(--tocsin-warning-text, light-dark(#644700, #ffdf8f));
  --_radius: var(--tocsin-radius, 14px);
  --_font: var(--tocsin-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  --_shadow: var(--tocsin-shadow, 0 0 0 1px light-dark(#10183014, #ffffff14), 0 4px 8px -2px light-dark(#10183014, #0006), 0 18px 48px -8px light-dark(#10183033, #000a));
  display: inline-block;
  position: relative;
  font: 400 14px/1.45 var(--_font);
  color: var(--_text);
  -webkit-tap-highlight-color: transparent;
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([theme="auto"]) { color-scheme: light dark; }
*, ::before, ::after { box-sizing: border-box; }
h2, h3, p, ol { margin: 0; padding: 0; font: inherit; }
ol { list-style: none; }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer; text-align: start; }
button[aria-disabled="true"] { cursor: default; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
svg { display: block; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
[hidden] { display: none !important; }
.spoken { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.bell { position: relative; display: grid; place-items: center; inline-size: 40px; block-size: 40px; border-radius: 12px; color: var(--tocsin-bell, inherit); transition: background-color .12s; }
.bell:hover, .bell[aria-expanded="true"] { background: color-mix(in srgb, currentColor 9%, transparent); }
.badge { position: absolute; inset-block-start: 2px; inset-inline-start: calc(50% + 1px); min-inline-size: 18px; block-size: 18px; padding-inline: 5px; border-radius: 9px; background: var(--_badge); color: var(--_badge-text); font: 650 11px/18px var(--_font); font-variant-numeric: tabular-nums; text-align: center; box-shadow: 0 0 0 2px var(--tocsin-badge-ring, var(--_surface)); pointer-events: none; }
.badge.fresh { animation: pop .32s cubic-bezier(.3, 1.6, .5, 1); }

.panel { position: fixed; inset: auto; margin: 0; padding: 0; border: 0; inline-size: min(var(--tocsin-panel-width, 400px), calc(100vw - 16px)); max-block-size: min(var(--tocsin-panel-height, 620px), var(--_room, 80vh)); overflow: hidden; flex-direction: column; border-radius: var(--_radius); background: var(--_surface); color: var(--_text); box-shadow: var(--_shadow); text-align: start; }
.panel:popover-open, .panel[open] { display: flex; animation: appear .14s ease-out; }
.panel:focus-visible { outline: none; }
.panel[open] { inset: 0; inline-size: 100vw; block-size: 100dvh; max-inline-size: none; max-block-size: none; border-radius: 0; box-shadow: none; }
.panel::backdrop { background: transparent; }

.header { display: flex; align-items: center; gap: 10px; padding: 14px 12px 12px 18px; border-block-end: 1px solid var(--_border); }
.header:dir(rtl) { padding: 14px 18px 12px 12px; }
.heading { font-size: 16px; font-weight: 650; letter-spacing: -.01em; }
.count { color: var(--_muted); font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.header .mark-all { margin-inline-start: auto; }
.quiet { display: inline-flex; align-items: center; gap: 6px; min-block-size: 32px; padding: 4px 8px; border-radius: 8px; color: var(--_accent); font-size: 13px; font-weight: 550; white-space: nowrap; transition: background-color .12s; }
.quiet:hover { background: color-mix(in srgb, var(--_accent) 10%, transparent); }
.quiet[aria-disabled="true"] { color: var(--_muted); background: none; }
.close { display: none; place-items: center; inline-size: 40px; block-size: 40px; border-radius: 10px; color: var(--_muted); }
.close:hover { background: var(--_raised); }
.panel[open] .close { display: grid; }
.panel[open] .header { padding-block: max(10px, env(safe-area-inset-top)) 10px; }

.banner { display: flex; align-items: center; gap: 8px; padding: 8px 18px; background: var(--_warning); color: var(--_warning-text); font-size: 13px; }
.banner .again { margin-inline-start: auto; font-weight: 600; text-decoration: underline; text-underline-offset: 2px; padding: 4px; border-radius: 6px; white-space: nowrap; }

.scroller { flex: 1 1 auto; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: color-mix(in srgb, var(--_muted) 50%, transparent) transparent; }
.panel[open] .scroller { padding-block-end: env(safe-area-inset-bottom); }
.item { position: relative; display: grid; grid-template-columns: 1fr auto; column-gap: 8px; padding: 13px 12px 14px 18px; content-visibility: auto; contain-intrinsic-size: auto 84px; transition: background-color .2s; }
.item:dir(rtl) { padding: 13px 18px 14px 12px; }
.item + .item { border-block-start: 1px solid var(--_border); }
.item.unread { background: var(--_unread); }
.item:hover { background: var(--_raised); }
.item.arrived { animation: arrive 1.6s ease-out; }
.item:has(.open:focus-visible) { outline: 2px solid var(--_accent); outline-offset: -2px; border-radius: 4px; }
/* Each text runs in its own direction, and all begin at the edge at which the page's lines begin. */
.text { text-align: start; min-inline-size: 0; overflow-wrap: anywhere; }
.title { font-weight: 500; }
.unread .title { font-weight: 650; }
.open { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; inline-size: 100%; font-weight: inherit; outline: none !important; }
/* The whole row is the button's, except for what lies above it. */
.open::after { content: ""; position: absolute; inset: 0; }
.message { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; margin-block-start: 2px; color: var(--_muted); font-size: 13.5px; white-space: pre-line; }
.unfolded .open, .unfolded .message { display: block; overflow: visible; }
.unfolded .message { position: relative; z-index: 1; white-space: pre-wrap; color: var(--_text); cursor: text; }
.time { display: block; margin-block-start: 5px; color: var(--_muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.mark { position: relative; z-index: 1; display: grid; place-items: center; inline-size: 32px; block-size: 32px; margin-block-start: -6px; border-radius: 50%; color: var(--_accent); }
.mark::before { content: ""; grid-area: 1 / 1; inline-size: 9px; block-size: 9px; border-radius: 50%; background: currentColor; transition: scale .12s, opacity .12s; }
.mark svg { grid-area: 1 / 1; opacity: 0; transition: opacity .12s; }
.mark:hover, .mark:focus-visible { background: color-mix(in srgb, var(--_accent) 14%, transparent); }
.mark:hover::before, .mark:focus-visible::before { scale: .2; opacity: 0; }
.mark:hover svg, .mark:focus-visible svg { opacity: 1; }
.mark:focus-visible { outline-offset: -2px; }

.foot { display: grid; justify-items: center; gap: 2px; padding: 10px; border-block-start: 1px solid var(--_border); text-align: center; }
.foot p { color: var(--_muted); font-size: 13px; }
.foot .quiet[aria-busy="true"]::before { content: ""; inline-size: 14px; block-size: 14px; border: 2px solid currentColor; border-inline-end-color: transparent; border-radius: 50%; animation: spin .8s linear infinite; }
.note { display: grid; justify-items: center; gap: 4px; padding: 52px 32px 60px; text-align: center; color: var(--_muted); overflow-wrap: anywhere; }
.note .picture { display: grid; place-items: center; inline-size: 56px; block-size: 56px; margin-block-end: 10px; border-radius: 50%; background: var(--_raised); color: var(--_muted); }
.note .strong { color: var(--_text); font-size: 15px; font-weight: 600; }
.note .quiet { margin-block-start: 12px; padding-inline: 14px; background: color-mix(in srgb, var(--_accent) 10%, transparent); }
.bones { padding-block: 6px; }
.bone { display: grid; gap: 9px; padding: 14px 18px; }
.bone i { block-size: 10px; border-radius: 5px; background: var(--_raised); animation: breathe 1.4s ease-in-out infinite; }
.bone i:nth-child(1) { inline-size: 55%; } .bone i:nth-child(2) { inline-size: 88%; } .bone i:nth-child(3) { inline-size: 22%; }

@keyframes appear { from { opacity: 0; translate: 0 -4px; } }
@keyframes pop { from { scale: .4; } }
@keyframes arrive { from { background: color-mix(in srgb, var(--_accent) 26%, var(--_surface)); } }
@keyframes spin { to { rotate: 1turn; } }
@keyframes breathe { 50% { opacity: .45; } }
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .panel { border: 1px solid; } .badge { border: 1px solid; } .mark::before { background: CanvasText; } }
`;

/** Below this width the panel covers the screen, and holds the focus. */
const PHONE = "(max-width: 560px)";
/** Milliseconds for which a lost connection is nobody's business yet. */
const TACT = 1_200;
/** Times are told anew this often while the panel is open. */
const TICK = 15_000;
/** Characters of a message that are laid out while it is folded. */
const FOLDED = 1_000;
/** Pixels before the end of the list at which the next page is fetched. */
const AHEAD = 300;

const PATHS = {
  bell: ["M6 9a6 6 0 0 1 12 0c0 3.6.7 5.4 1.6 6.6.4.5 0 1.4-.7 1.4H5.1c-.7 0-1.1-.9-.7-1.4C5.3 14.4 6 12.6 6 9Z", "M9.8 20a2.4 2.4 0 0 0 4.4 0"],
  check: ["M5 12.5l4.3 4.3L19 7.2"],
  checks: ["M2.5 12.8l4.2 4.2L15.5 8", "M11.5 15.8l1.3 1.2L21.5 8"],
  cross: ["M6 6l12 12", "M18 6L6 18"],
  broken: ["M12 8v5", "M12 16.4v.1", "M10.3 4.2L2.8 17.2A2 2 0 0 0 4.5 20h15a2 2 0 0 0 1.7-2.8L13.7 4.2a2 2 0 0 0-3.4 0Z"],
};

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @param {keyof typeof PATHS} name
 * @param {number} size
 */
function icon(name, size) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: `${size}`, height: `${size}`, "aria-hidden": "true" })) {
    picture.setAttribute(key, value);
  }
  for (const d of PATHS[name]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    picture.append(path);
  }
  return picture;
}

/**
 * Set what differs, so that a screen reader hears of changes only.
 * @param {Element} element
 * @param {string} text
 */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** One notification's row. It is made once and then kept up to date, so that focus and unfolding survive. */
class Row {
  /**
   * @param {Notification} notification
   * @param {typeof TEXTS} texts
   */
  constructor(notification, texts) {
    this.id = notification.id;
    this.notification = notification;
    this.unfolded = false;
    this.texts = texts;
    this.unreadWord = make("span", { class: "spoken" });
    this.title = make("span", { dir: "auto" }, notification.title);
    this.time = make("time", { class: "time", part: "item-time", id: `time-${this.id}` });
    this.words = make("bdi");
    this.message = make("p", { class: "message", part: "item-message", id: `message-${this.id}` }, this.words);
    // A description is read in one go: a long message is left to whoever wants to read it.
    const described = notification.message.length <= 300 ? `message-${this.id} time-${this.id}` : `time-${this.id}`;
    this.open = make(
      "button",
      { class: "open", part: "item-title", type: "button", tabindex: "-1", "aria-describedby": described },
      this.unreadWord,
      this.title,
    );
    this.mark = make("button", { class: "mark", part: "item-mark", type: "button", tabindex: "-1" }, icon("check", 18));
    this.element = make(
      "li",
      { class: "item", "data-id": this.id },
      make("div", { class: "text" }, make("h3", { class: "title" }, this.open), this.message, this.time),
      this.mark,
    );
    this.update(notification, true);
  }

  /**
   * @param {Notification} notification
   * @param {boolean} [force]
   */
  update(notification, force = false) {
    if (!force && notification === this.notification) return;
    this.notification = notification;
    const unread = !notification.is_read;
    this.element.classList.toggle("unread", unread);
    set(this.element, "part", unread ? "item item-unread" : "item");
    say(this.unreadWord, unread ? this.texts.unreadItem : "");
    this.mark.hidden = !unread;
    set(this.mark, "aria-label", this.texts.mark(notification.title));
    set(this.mark, "title", this.texts.markTip);
    say(this.title, notification.title);
    const { message } = notification;
    say(this.words, this.unfolded || message.length <= FOLDED ? message : `${message.slice(0, FOLDED)}…`);
  }

  /** Find out whether there is anything to unfold; only a row that is on screen has a layout to ask. */
  measure() {
    if (this.unfolded) return;
    const cut = [this.open, this.message].some((part) => part.scrollHeight > part.clientHeight + 1);
    if (cut) set(this.open, "aria-expanded", "false");
    else this.open.removeAttribute("aria-expanded");
  }

  /** @param {boolean} unfolded */
  fold(unfolded) {
    this.unfolded = unfolded;
    this.element.classList.toggle("unfolded", unfolded);
    set(this.open, "aria-expanded", `${unfolded}`);
    this.update(this.notification, true);
  }

  /** @param {boolean} reachable by Tab */
  reach(reachable) {
    this.open.tabIndex = reachable ? 0 : -1;
    this.mark.tabIndex = reachable ? 0 : -1;
  }
}

export class TocsinInbox extends HTMLElement {
  static observedAttributes = ["url", "recipient", "token", "page-size", "locale", "open"];

  /** @type {CSSStyleSheet | undefined} */
  static #sheet;

  /** @type {TocsinClient | null} */
  #client = null;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Row[]} in the order shown */
  #shown = [];
  /** @type {Row | null} the one that Tab reaches */
  #current = null;
  /** @type {string | (() => string | Promise<string>) | undefined} */
  #token;
  #texts = TEXTS;
  #count = 0;
  #frame = 0;
  /** @type {Set<string>} */
  #fresh = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #tact;
  #troubled = false;
  #remaking = false;
  /** @type {Set<Row>} */
  #onScreen = new Set();
  /** @type {IntersectionObserver | undefined} */
  #looking;
  /** @type {IntersectionObserver | undefined} */
  #ending;
  /** @type {AbortController | undefined} of what is listened to while the panel is open */
  #whileOpen;
  /** @type {Intl.RelativeTimeFormat} */
  #ago = new Intl.RelativeTimeFormat();
  /** @type {Intl.DateTimeFormat} */
  #date = new Intl.DateTimeFormat();
  /** @type {Intl.DateTimeFormat} */
  #full = new Intl.DateTimeFormat();
  #phone = matchMedia(PHONE);

  #badge = make("span", { class: "badge", part: "badge", "aria-hidden": "true", hidden: "" });
  #bell = make(
    "button",
    { class: "bell", part: "bell", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel" },
    make("slot", { name: "icon" }, icon("bell", 22)),
    this.#badge,
  );
  #heading = make("h2", { class: "heading", part: "heading", id: "heading" });
  #unread = make("span", { class: "count", part: "count", dir: "auto" });
  #markAllText = make("span");
  #markAll = make("button", { class: "quiet mark-all", part: "mark-all", type: "button" }, icon("checks", 18), this.#markAllText);
  #close = make("button", { class: "close", part: "close", type: "button" }, icon("cross", 20));
  #bannerText = make("span");
  #bannerAgain = make("button", { class: "again", type: "button" });
  #banner = make("div", { class: "banner", part: "banner", hidden: "" }, this.#bannerText, this.#bannerAgain);
  #list = make("ol", { class: "list", part: "list", role: "list", "aria-labelledby": "heading" });
  #moreText = make("span");
  #more = make("button", { class: "quiet", part: "more", type: "button" }, this.#moreText);
  #moreFailed = make("p");
  #foot = make("div", { class: "foot", hidden: "" }, this.#moreFailed, this.#more);
  #emptyTitle = make("p", { class: "strong" });
  #emptyText = make("p");
  #empty = make(
    "div",
    { class: "note", part: "empty", hidden: "" },
    make("slot", { name: "empty" }, make("div", { class: "picture" }, icon("check", 26)), this.#emptyTitle, this.#emptyText),
  );
  #failedTitle = make("p", { class: "strong" });
  #failedText = make("p", { dir: "auto" });
  #failedAgain = make("button", { class: "quiet", type: "button" });
  #failure = make(
    "div",
    { class: "note", part: "failure", role: "alert", hidden: "" },
    make("div", { class: "picture" }, icon("broken", 26)),
    this.#failedTitle,
    this.#failedText,
    this.#failedAgain,
  );
  #loadingText = make("span", { class: "spoken" });
  #bones = make(
    "div",
    { class: "bones", part: "loading", hidden: "" },
    this.#loadingText,
    ...Array.from({ length: 4 }, () => make("div", { class: "bone", "aria-hidden": "true" }, make("i"), make("i"), make("i"))),
  );
  #scroller = make("div", { class: "scroller" }, this.#bones, this.#list, this.#empty, this.#failure, this.#foot);
  #panel = make(
    "dialog",
    { class: "panel", part: "panel", id: "panel", popover: "manual", tabindex: "-1", "aria-labelledby": "heading" },
    make("div", { class: "header", part: "header" }, this.#heading, this.#unread, this.#markAll, this.#close),
    this.#banner,
    this.#scroller,
  );
  #spoken = make("div", { class: "spoken", role: "status", "aria-live": "polite" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    TocsinInbox.#sheet ??= new CSSStyleSheet();
    if (!TocsinInbox.#sheet.cssRules.length) TocsinInbox.#sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [TocsinInbox.#sheet];
    root.append(this.#bell, this.#panel, this.#spoken);
    this.#bell.addEventListener("click", () => (this.open ? this.close() : this.show()));
    this.#close.addEventListener("click", () => this.close());
    this.#markAll.addEventListener("click", () => this.#client?.markAllRead());
    this.#more.addEventListener("click", () => void this.#loadMore());
    this.#bannerAgain.addEventListener("click", () => this.#client?.start());
    this.#failedAgain.addEventListener("click", () => this.#tryAgain());
    this.#list.addEventListener("click", (event) => this.#clicked(event));
    this.#list.addEventListener("focusin", (event) => this.#focused(event));
    this.#list.addEventListener("keydown", (event) => this.#listKey(event));
    this.#panel.addEventListener("keydown", (event) => this.#panelKey(event));
    // Escape closes a modal dialog by itself, without telling anybody else.
    this.#panel.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.#phone.addEventListener("change", () => {
      if (!this.#panel.matches(":popover-open, [open]")) return;
      this.#lower();
      this.#raise();
    });
    this.#label();
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

  /** What the inbox says. @returns {typeof TEXTS} */
  get texts() {
    return this.#texts;
  }

  /** @param {Partial<typeof TEXTS>} value */
  set texts(value) {
    this.#texts = { ...TEXTS, ...value };
    this.#forget();
    this.#label();
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
    this.#looking = new IntersectionObserver((entries) => this.#looked(entries), { root: this.#scroller });
    this.#ending = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && this.#client && !this.#client.loadError && void this.#loadMore(),
      { root: this.#scroller, rootMargin: `0px 0px ${AHEAD}px 0px` },
    );
    for (const row of this.#shown) this.#looking.observe(row.element);
    this.#speak();
    this.#remake(); // soon: a script that has just made or found the element may still say whose inbox it is
    if (this.open) this.#raise();
  }

  disconnectedCallback() {
    this.#lower();
    this.#looking?.disconnect();
    this.#ending?.disconnect();
    this.#client?.stop();
    this.#client = null;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#tact);
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
      this.#tick();
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
      this.#forget();
      this.#begin();
    });
  }

  #begin() {
    const client = new TocsinClient({
      url: this.getAttribute("url") ?? undefined,
      recipient: this.getAttribute("recipient") ?? undefined,
      token: this.#token ?? this.getAttribute("token") ?? undefined,
      pageSize: Number(this.getAttribute("page-size")) || undefined,
    });
    this.#client = client;
    this.#troubled = false;
    client.addEventListener("change", () => this.#client === client && this.#schedule());
    client.addEventListener("notification", (event) => this.#client === client && this.#arrived(event));
    client.addEventListener("read", (event) => {
      if (this.#client === client) this.#tell("tocsin-read", /** @type {CustomEvent} */ (event).detail);
    });
    client.start();
    this.#render();
  }

  #forget() {
    for (const row of this.#shown) this.#looking?.unobserve(row.element);
    this.#list.replaceChildren();
    this.#rows.clear();
    this.#onScreen.clear();
    this.#fresh.clear();
    this.#shown = [];
    this.#current = null;
  }

  #label() {
    const { texts } = this;
    say(this.#heading, texts.title);
    say(this.#markAllText, texts.markAll);
    set(this.#close, "aria-label", texts.close);
    say(this.#moreText, texts.more);
    say(this.#emptyTitle, texts.emptyTitle);
    say(this.#emptyText, texts.emptyText);
    say(this.#failedTitle, texts.failedTitle);
    say(this.#failedAgain, texts.again);
    say(this.#bannerAgain, texts.again);
    say(this.#loadingText, texts.loading);
    say(this.#moreFailed, texts.moreFailed);
    set(this.#bell, "aria-label", texts.bell(this.#count));
  }

  // -- the panel ----------------------------------------------------------------------------------

  #raise() {
    const signal = (this.#whileOpen = new AbortController()).signal;
    if (this.#phone.matches) {
      this.#panel.showModal();
    } else {
      this.#panel.showPopover();
      this.#place();
      addEventListener("resize", () => this.#place(), { signal });
      addEventListener("scroll", () => this.#place(), { signal, capture: true, passive: true });
      // Whoever goes on working elsewhere has finished here. The focus stays where they put it.
      document.addEventListener("pointerdown", (event) => event.composedPath().includes(this) || this.close(), { signal });
      this.addEventListener("focusout", (event) => this.#left(event), { signal });
    }
    set(this.#bell, "aria-expanded", "true");
    this.#render();
    this.#panel.focus({ preventScroll: true });
    this.#ticker = setInterval(() => this.#tick(), TICK);
    this.#ending?.observe(this.#foot);
    this.#tell("tocsin-open", {});
  }

  #lower() {
    if (!this.#whileOpen) return;
    const focusInside = this.shadowRoot?.activeElement && this.#panel.contains(this.shadowRoot.activeElement);
    this.#whileOpen.abort();
    this.#whileOpen = undefined;
    clearInterval(this.#ticker);
    this.#ending?.disconnect();
    if (this.#panel.open) this.#panel.close();
    else if (this.#panel.matches(":popover-open")) this.#panel.hidePopover();
    for (const name of ["left", "top", "bottom"]) this.#panel.style.removeProperty(name);
    set(this.#bell, "aria-expanded", "false");
    if (focusInside && this.isConnected) this.#bell.focus({ preventScroll: true });
    if (!this.open) this.#tell("tocsin-close", {});
  }

  /** @param {FocusEvent} event */
  #left(event) {
    const to = event.relatedTarget;
    if (to instanceof Node && to !== this && !this.contains(to) && !this.shadowRoot?.contains(to)) this.close();
  }

  /** Put the panel at the bell: below it where there is room, and never beyond the window. */
  #place() {
    const edge = 8;
    const bell = this.#bell.getBoundingClientRect();
    const { clientWidth: width } = document.documentElement;
    const height = innerHeight;
    const below = height - bell.bottom - 2 * edge;
    const above = bell.top - 2 * edge;
    const up = below < 320 && above > below;
    const { style } = this.#panel;
    style.setProperty("--_room", `${Math.max(up ? above : below, 160)}px`);
    const rtl = getComputedStyle(this).direction === "rtl";
    const own = this.#panel.offsetWidth;
    // Ends where the bell ends, on the side to which the text runs; or begins where it begins if that is nearer.
    const towardsEnd = rtl ? bell.left : bell.right - own;
    const left = Math.min(Math.max(towardsEnd, edge), Math.max(edge, width - own - edge));
    style.left = `${left}px`;
    style.top = up ? "auto" : `${bell.bottom + edge}px`;
    style.bottom = up ? `${height - bell.top + edge}px` : "auto";
  }

  // -- keys, clicks and focus ---------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  #panelKey(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
  }

  /** @param {KeyboardEvent} event */
  #listKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const at = this.#current ? this.#shown.indexOf(this.#current) : 0;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.#shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const row = this.#shown[Math.min(Math.max(to, 0), this.#shown.length - 1)];
    row?.open.focus();
    row?.element.scrollIntoView({ block: "nearest" });
    if (to >= this.#shown.length && this.#client?.hasMore) void this.#loadMore();
  }

  /** @param {Event} event */
  #rowOf(event) {
    const element = /** @type {Element} */ (event.target).closest("li");
    return element ? this.#rows.get(element.dataset.id ?? "") : undefined;
  }

  /** @param {Event} event */
  #focused(event) {
    const row = this.#rowOf(event);
    if (row) this.#reach(row);
  }

  /** @param {Row | null} row */
  #reach(row) {
    if (row === this.#current) return;
    this.#current?.reach(false);
    this.#current = row;
    row?.reach(true);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const row = this.#rowOf(event);
    const target = /** @type {Element} */ (event.target);
    if (!row) return;
    if (row.mark.contains(target)) {
      // The button goes with the dot; the focus must not fall out of the panel with it.
      if (this.shadowRoot?.activeElement === row.mark) row.open.focus({ preventScroll: true });
      this.#client?.markRead([row.id]);
    } else if (row.open.contains(target)) {
      row.measure();
      const proceed = this.#tell("tocsin-select", { notification: row.notification }, true);
      if (proceed && row.open.hasAttribute("aria-expanded")) row.fold(!row.unfolded);
      if (!row.notification.is_read) this.#client?.markRead([row.id]);
    }
  }

  async #loadMore() {
    const client = this.#client;
    if (!client?.hasMore || client.loading || client.connection !== "live") return;
    const focused = this.shadowRoot?.activeElement === this.#more;
    const known = this.#shown.length;
    try {
      await client.loadMore();
    } catch {
      return; // the foot says so
    }
    if (client !== this.#client) return;
    this.#render();
    // Whoever asked for more by hand goes on with the first of it.
    if (focused) (this.#shown[known] ?? this.#shown.at(-1))?.open.focus();
    // The end may still be in sight, and an observer tells only what changes.
    this.#ending?.unobserve(this.#foot);
    if (this.open) this.#ending?.observe(this.#foot);
  }

  #tryAgain() {
    this.#panel.focus({ preventScroll: true }); // the button goes
    if (this.#client?.connection === "live") this.#client.loadMore().catch(() => {});
    else this.#client?.start();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #looked(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rows.get(/** @type {HTMLElement} */ (target).dataset.id ?? "");
      if (!row) continue;
      if (isIntersecting) this.#onScreen.add(row);
      else this.#onScreen.delete(row);
      if (isIntersecting) row.measure();
    }
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
    this.#renderTrouble(client.connection);
    if (!this.open) return;
    const { notifications, listed, loading, loadError, connection, hasMore } = client;
    this.#renderList(notifications);
    const refused = connection === "refused";
    const failed = refused || (!listed && !!loadError && connection === "live" && !loading);
    const nothing = !notifications.length;
    this.#list.hidden = nothing;
    this.#bones.hidden = listed || failed || !nothing;
    this.#empty.hidden = !listed || !nothing || failed;
    this.#failure.hidden = !failed;
    if (failed) say(this.#failedText, sentence((refused ? client.error : loadError)?.message ?? ""));
    set(this.#scroller, "aria-busy", `${!listed && !failed}`);
    this.#foot.hidden = !hasMore || failed;
    this.#moreFailed.hidden = !(listed && loadError);
    set(this.#more, "aria-busy", `${loading}`);
    set(this.#more, "aria-disabled", `${connection !== "live"}`);
    const unread = this.#count > 0 || notifications.some((one) => !one.is_read);
    set(this.#markAll, "aria-disabled", `${!unread}`);
    this.#markAll.hidden = nothing;
    this.#unread.hidden = !this.#count;
    say(this.#unread, this.#texts.unread(this.#count));
  }

  /** @param {number} count */
  #renderCount(count) {
    if (count === this.#count) return;
    const more = count > this.#count;
    this.#count = count;
    this.#badge.hidden = !count;
    say(this.#badge, count > 99 ? "99+" : `${count}`);
    set(this.#bell, "aria-label", this.#texts.bell(count));
    this.#badge.classList.remove("fresh");
    if (more) {
      void this.#badge.offsetWidth; // an animation begins again only after a layout without it
      this.#badge.classList.add("fresh");
    }
    this.#tell("tocsin-unread", { count });
  }

  /** @param {Connection} connection */
  #renderTrouble(connection) {
    const trouble = connection === "offline" || connection === "reconnecting";
    if (!trouble) {
      clearTimeout(this.#tact);
      this.#tact = undefined;
      this.#troubled = false;
    } else if (!this.#troubled && this.#tact === undefined) {
      this.#tact = setTimeout(
        () => {
          this.#troubled = true;
          this.#render();
        },
        connection === "offline" ? 0 : TACT,
      );
    }
    const shown = trouble && this.#troubled;
    const text = shown ? this.#texts[/** @type {"offline" | "reconnecting"} */ (connection)] : "";
    if (!shown && this.shadowRoot?.activeElement === this.#bannerAgain) this.#panel.focus({ preventScroll: true });
    this.#banner.hidden = !shown;
    this.#bannerAgain.hidden = connection === "offline";
    if (this.#bannerText.textContent !== text) {
      say(this.#bannerText, text);
      if (text && this.open) say(this.#spoken, text);
    }
  }

  /** @param {Notification[]} notifications */
  #renderList(notifications) {
    const gone = new Set(this.#rows.keys());
    /** @type {Row[]} */
    const shown = [];
    /** @type {ChildNode | null} */
    let place = this.#list.firstChild;
    for (const notification of notifications) {
      let row = this.#rows.get(notification.id);
      gone.delete(notification.id);
      if (row) {
        row.update(notification);
      } else {
        row = new Row(notification, this.#texts);
        this.#rows.set(row.id, row);
        this.#tellTime(row);
        this.#looking?.observe(row.element);
        if (this.#fresh.delete(row.id)) row.element.classList.add("arrived");
      }
      shown.push(row);
      // Rows stay where they are: moving one would take its focus.
      if (row.element === place) place = place.nextSibling;
      else this.#list.insertBefore(row.element, place);
    }
    for (const id of gone) {
      const row = /** @type {Row} */ (this.#rows.get(id));
      const at = this.#shown.indexOf(row);
      const held = row.element.contains(this.shadowRoot?.activeElement ?? null);
      this.#looking?.unobserve(row.element);
      this.#onScreen.delete(row);
      row.element.remove();
      this.#rows.delete(id);
      if (held) (shown[Math.min(at, shown.length - 1)]?.open ?? this.#panel).focus({ preventScroll: true });
    }
    this.#fresh.clear();
    this.#shown = shown;
    if (!this.#current || !this.#rows.has(this.#current.id)) this.#reach(shown[0] ?? null);
  }

  /** @param {Event} event */
  #arrived(event) {
    const { notification } = /** @type {CustomEvent<{notification: Notification}>} */ (event).detail;
    this.#fresh.add(notification.id);
    // Of many at once, their number is more use than each title.
    say(this.#spoken, this.#fresh.size > 1 ? this.#texts.arrivedMany(this.#fresh.size) : this.#texts.arrived(notification.title));
    if (!this.open) queueMicrotask(() => this.#fresh.clear());
    this.#tell("tocsin-notification", { notification });
  }

  // -- times --------------------------------------------------------------------------------------

  /** Take the page's language for times. */
  #speak() {
    const nearest = this.getAttribute("locale") || this.closest("[lang]")?.getAttribute("lang") || navigator.language;
    let locale = "en";
    try {
      locale = Intl.getCanonicalLocales(nearest)[0] ?? locale;
    } catch {
      // what the page says is no language
    }
    this.#ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
    this.#date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    this.#full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
  }

  #tick() {
    for (const row of this.#shown) this.#tellTime(row);
  }

  /** @param {Row} row */
  #tellTime(row) {
    const iso = row.notification.send_at ?? row.notification.created_at;
    const then = new Date(iso);
    say(row.time, this.#since(then));
    set(row.time, "datetime", iso);
    set(row.time, "title", this.#full.format(then));
  }

  /** @param {Date} then */
  #since(then) {
    // The server's clock may be ahead of this one: nothing comes from the future.
    const seconds = Math.max(0, (Date.now() - then.getTime()) / 1000);
    if (seconds < 60) return this.#texts.now;
    if (seconds < 3600) return this.#ago.format(-Math.floor(seconds / 60), "minute");
    if (seconds < 86_400) return this.#ago.format(-Math.floor(seconds / 3600), "hour");
    if (seconds < 7 * 86_400) return this.#ago.format(-Math.floor(seconds / 86_400), "day");
    return this.#date.format(then);
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

/**
 * Make an error's message, which begins in lower case, a sentence of its own.
 * @param {string} message
 */
function sentence(message) {
  const text = message.trim();
  return text ? text[0]?.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}

if (!customElements.get("tocsin-inbox")) customElements.define("tocsin-inbox", TocsinInbox);
