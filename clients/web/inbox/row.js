// @ts-check
/** One notification's row. It is made once and then kept up to date, so that focus and unfolding survive. */

import { icon, make, say, set } from "./dom.js";
import { sentAt } from "./times.js";

/** @typedef {import("../tocsin.js").Notification} Notification */
/** @typedef {import("./texts.js").Texts} Texts */

/** Characters of a message that are laid out while it is folded. */
const FOLDED = 1_000;
/** Characters of a message that are part of its title's description. */
const DESCRIBED = 300;

export class Row {
  /**
   * @param {Notification} notification
   * @param {Texts} texts
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
    const described = notification.message.length <= DESCRIBED ? `message-${this.id} time-${this.id}` : `time-${this.id}`;
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

  /**
   * Tell the time anew.
   * @param {import("./times.js").Times} times
   */
  tellTime(times) {
    const iso = sentAt(this.notification);
    say(this.time, times.since(iso, Date.now(), this.texts.now));
    set(this.time, "datetime", iso);
    set(this.time, "title", times.exactly(iso));
  }

  /** @param {boolean} reachable by Tab */
  reach(reachable) {
    this.open.tabIndex = reachable ? 0 : -1;
    this.mark.tabIndex = reachable ? 0 : -1;
  }
}
