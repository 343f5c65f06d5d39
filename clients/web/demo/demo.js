// @ts-check
/** The bridge's page: an inbox, and in development mode what sends to it and what becomes of that. */

import "../tocsin-inbox.js";
import { recipientOf, socketUrl } from "../tocsin.js";

/** @typedef {import("../tocsin.js").Notification} Notification */
/** @typedef {import("../tocsin.js").Channel & {address: string | null, response: Record<string, any>}} Channel */
/** @typedef {{channel: string, file: string, at: string, from: string, to: string, title: string, text: string}} Message */

/** The first is the one that the server's own first words suggest sending to. */
const SAMPLES = [
  ["user:0190a5d0-0000-7000-8000-000000000001", "Ann (user)"],
  ["guest:0190a5d0-0000-7000-8000-000000000002", "Room 12 (guest)"],
  ["potential_customer:0190a5d0-0000-7000-8000-000000000003", "Lee (potential customer)"],
  ["partner:0190a5d0-0000-7000-8000-000000000004", "Harbour Ltd (partner)"],
];
const OTHER = "other";
const CHANNELS = { websocket: "Inbox", email: "E-mail", sms: "SMS", telegram: "Telegram" };
const THEMES = ["auto", "light", "dark"];
const THEME_PATHS = {
  auto: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18Z", "M12 3v18"],
  light: ["M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8Z", "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"],
  dark: ["M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z"],
};
/** Milliseconds between two attempts to reach the bridge. */
const PAUSE = 1_500;

/** The bridge may be behind a prefix of a proxy, so that nothing here begins with a slash. */
const HERE = import.meta.url;

const development = document.documentElement.dataset.mode === "development";

/**
 * @template {Element} T
 * @param {string} id
 * @returns {T}
 */
function find(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string | Record<string, string>} [attributes] a class, or more
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const pairs = typeof attributes === "string" ? { class: attributes } : attributes;
  for (const [name, value] of Object.entries(pairs)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// -- whose inbox ------------------------------------------------------------------------------------

const inbox = /** @type {import("../tocsin-inbox.js").TocsinInbox} */ (find("inbox"));
const select = /** @type {HTMLSelectElement} */ (find("recipient"));
const other = /** @type {HTMLInputElement} */ (find("other"));
const tokenField = /** @type {HTMLInputElement} */ (find("token"));

for (const [value, name] of SAMPLES) select.append(make("option", { value: value ?? "" }, name ?? ""));
select.append(make("option", { value: OTHER }, "Another recipient…"));

/** The recipient is part of the address, so that two windows can show the same inbox. */
function readAddress() {
  const wanted = decodeURIComponent(location.hash.slice(1)) || (SAMPLES[0]?.[0] ?? "");
  const known = SAMPLES.some(([value]) => value === wanted);
  select.value = known ? wanted : OTHER;
  other.hidden = known;
  other.value = known ? "" : wanted;
  watch(wanted);
}

let recipient = "";

/** @param {string} wanted */
function watch(wanted) {
  if (!wanted.includes(":") || wanted === recipient) return;
  recipient = wanted;
  inbox.setAttribute("recipient", wanted);
  socket?.watch();
}

select.addEventListener("change", () => {
  other.hidden = select.value !== OTHER;
  if (select.value === OTHER) other.focus();
  else location.hash = select.value;
});
other.addEventListener("change", () => (location.hash = other.value.trim()));
find("who").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!other.hidden) location.hash = other.value.trim();
});
addEventListener("hashchange", readAddress);
tokenField.addEventListener("change", () => {
  inbox.token = tokenField.value.trim() || undefined;
});
find("prove").addEventListener("submit", (event) => {
  event.preventDefault();
  tokenField.blur(); // which is a change
});
inbox.addEventListener("tocsin-unread", (event) => {
  const { count } = /** @type {CustomEvent} */ (event).detail;
  document.title = count ? `(${count}) Tocsin` : "Tocsin";
});

find("example").textContent = `<script type="module" src="${new URL("../tocsin-inbox.js", HERE)}"></script>
<tocsin-inbox token-url="/where-your-backend-gives-the-token"></tocsin-inbox>`;

// -- theme ------------------------------------------------------------------------------------------

const themeButton = find("theme");

/** @param {string} theme */
function dress(theme) {
  document.documentElement.dataset.theme = theme;
  themeButton.setAttribute("aria-label", `Colours: ${theme}`);
  themeButton.setAttribute("title", `Colours: ${theme}`);
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  for (const d of THEME_PATHS[/** @type {keyof typeof THEME_PATHS} */ (theme)]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    picture.append(path);
  }
  themeButton.replaceChildren(picture);
}

themeButton.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % THEMES.length] ?? "auto";
  localStorage.setItem("tocsin-theme", next);
  dress(next);
});
const kept = localStorage.getItem("tocsin-theme") ?? "auto";
dress(THEMES.includes(kept) ? kept : "auto");

// -- development mode -------------------------------------------------------------------------------

/** The page's own WebSocket: says what it is told, and comes back when it is lost. */
class DevSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #lost = false;

  constructor() {
    this.#open();
  }

  #open() {
    const socket = new WebSocket(socketUrl(new URL("../dev", HERE)));
    socket.onopen = () => {
      this.#socket = socket;
      this.#lost = false;
      this.watch();
    };
    socket.onmessage = (message) => received(JSON.parse(message.data));
    socket.onclose = () => {
      this.#socket = null;
      // The first loss may be a restart of a moment.
      if (this.#lost) complain("The bridge cannot be reached. Trying again…");
      this.#lost = true;
      setTimeout(() => this.#open(), PAUSE);
    };
  }

  watch() {
    this.ask({ type: "watch", recipient: recipientOf(recipient) });
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether it was sent
   */
  ask(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }
}

const outcome = find("outcome");
const trouble = /** @type {HTMLElement} */ (find("trouble"));

/** @param {string} text */
function complain(text) {
  if (trouble.textContent !== text) trouble.textContent = text;
  trouble.hidden = !text;
}

/**
 * @param {string} text
 * @param {boolean} bad
 */
function report(text, bad) {
  outcome.textContent = text;
  outcome.classList.toggle("bad", bad);
}

let asked = false;

/** @param {any} frame */
function received(frame) {
  if (frame.type === "notifications") {
    complain("");
    showDeliveries(frame.notifications);
  } else if (frame.type === "outbox") {
    showOutbox(frame.messages);
  } else if (frame.type === "done") {
    if (frame.what === "send") report("Accepted.", false);
    if (frame.what !== "watch") asked = false;
  } else if (frame.type === "error") {
    // What was asked for fails where it was asked; what is only looked at fails for the whole page.
    if (asked) report(`${frame.message} (${frame.reason || frame.code})`, true);
    else complain(`The server: ${frame.message}`);
    asked = false;
  }
}

const form = /** @type {HTMLFormElement} */ (find("send"));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = form.elements;
  /** @param {string} name */
  const text = (name) => /** @type {HTMLInputElement} */ (fields.namedItem(name)).value;
  const channels = [...form.querySelectorAll("input[name=channel]:checked")].map((box) => {
    const channel = /** @type {HTMLInputElement} */ (box).value;
    return channel === "websocket" ? { channel } : { channel, address: text(channel).trim() };
  });
  // Nothing is checked here: what the API refuses, and how it says so, is part of what this page shows.
  ask({ type: "send", title: text("title"), message: text("message"), channels });
});

/** @param {object} frame */
function ask(frame) {
  asked = socket?.ask(frame) ?? false;
  if (!asked) report("The bridge cannot be reached.", true);
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** @param {string} iso */
function when(iso) {
  return make("time", { class: "when", datetime: iso }, iso ? clock.format(new Date(iso)) : "");
}

/** @param {Notification[]} notifications */
function showDeliveries(notifications) {
  const rows = notifications.map((one) =>
    make(
      "li",
      { class: "delivery", "data-id": one.id },
      make("div", "top", make("span", { class: "name", title: one.title }, make("bdi", {}, one.title)), status(one.status), when(one.created_at)),
      make("div", "ways", ...one.channels.map((channel) => way(one, /** @type {Channel} */ (channel)))),
    ),
  );
  /** @type {HTMLElement} */ (find("deliveries-box")).hidden = !rows.length;
  replace("deliveries", rows);
}

/** @param {string} word */
function status(word) {
  return make("span", `status ${word}`, word);
}

/**
 * @param {Notification} notification
 * @param {Channel} channel
 */
function way(notification, channel) {
  const { response } = channel;
  const facts = [`${channel.attempts} ${channel.attempts === 1 ? "attempt" : "attempts"}`];
  if (channel.channel === "websocket") {
    facts.splice(0, 1, channel.status === "pending" ? "waits for a subscriber" : notification.is_read ? "read" : "unread");
  } else if (channel.status !== "sent" && response.detail) {
    facts.push(response.detail);
  } else if (response.provider) {
    facts.push(response.provider);
  }
  if (channel.status === "pending" && channel.next_attempt_at) facts.push(`next at ${clock.format(new Date(channel.next_attempt_at))}`);
  const detail = make("span", "detail");
  if (channel.address) detail.append(make("span", "address", channel.address), " · ");
  detail.append(facts.join(" · "));
  const row = make(
    "div",
    { class: "way", "data-channel": channel.channel },
    make("span", {}, CHANNELS[channel.channel]),
    status(channel.status),
    detail,
  );
  if (channel.status === "failed") row.append(action("Retry", { type: "retry", id: notification.id }));
  if (channel.status === "pending") row.append(action("Cancel", { type: "cancel", id: notification.id }));
  return row;
}

/**
 * @param {string} name
 * @param {{type: string, id: string}} frame
 */
function action(name, frame) {
  const button = make("button", { class: "small", type: "button", "data-key": `${frame.type} ${frame.id}` }, name);
  button.addEventListener("click", () => ask(frame));
  return button;
}

/** @param {Message[]} messages */
function showOutbox(messages) {
  replace("outbox", messages.map((one) => (one.channel === "email" ? mail(one) : bubble(one))));
}

/** @param {Message} one */
function mail(one) {
  /**
   * @param {string} name
   * @param {string} value
   * @param {string} [style]
   */
  const line = (name, value, style = "") => [make("dt", {}, name), make("dd", { class: style, dir: "auto" }, value)];
  return make(
    "li",
    { class: "message mail", "data-file": one.file },
    make("div", "top", "E-mail", when(one.at)),
    make(
      "div",
      { class: "body", tabindex: "0", "data-key": one.file, role: "group", "aria-label": `E-mail to ${one.to}` },
      make("dl", {}, ...line("From", one.from), ...line("To", one.to), ...line("Subject", one.title, "subject")),
      make("p", { dir: "auto" }, one.text),
    ),
  );
}

/** @param {Message} one */
function bubble(one) {
  const name = one.channel === "sms" ? "SMS" : "Telegram";
  return make(
    "li",
    { class: `message phone ${one.channel}`, "data-file": one.file },
    make("div", "top", name, when(one.at)),
    make(
      "div",
      { class: "body", tabindex: "0", "data-key": one.file, role: "group", "aria-label": `${name} to ${one.to}` },
      make("span", "to", `to ${one.to}`),
      make("div", { class: "bubble", dir: "auto" }, make("strong", {}, one.title), one.text),
    ),
  );
}

/**
 * Show a view anew, with the focus where it was.
 * @param {string} id
 * @param {HTMLElement[]} rows
 */
function replace(id, rows) {
  const list = find(id);
  const key = list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : undefined;
  const top = list.scrollTop;
  list.replaceChildren(...rows);
  list.scrollTop = top;
  if (key) /** @type {HTMLElement | null} */ (list.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
  /** @type {HTMLElement} */ (find(`no-${id}`)).hidden = rows.length > 0;
}

/** @type {DevSocket | undefined} */
let socket;
readAddress();
if (development) socket = new DevSocket();
