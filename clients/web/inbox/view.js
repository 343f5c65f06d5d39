// @ts-check
/** The nodes of an inbox, and what is written on them whatever its state. */

import { icon, make, say, set } from "./dom.js";

/** @typedef {import("./texts.js").Texts} Texts */

/** The parts of one inbox; those with a meaning of their own have a name. */
export class View {
  badge = make("span", { class: "badge", part: "badge", "aria-hidden": "true", hidden: "" });
  bell = make(
    "button",
    { class: "bell", part: "bell", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel" },
    make("slot", { name: "icon" }, icon("bell", 22)),
    this.badge,
  );
  heading = make("h2", { class: "heading", part: "heading", id: "heading" });
  unread = make("span", { class: "count", part: "count", dir: "auto" });
  #markAllText = make("span");
  markAll = make("button", { class: "quiet mark-all", part: "mark-all", type: "button" }, icon("checks", 18), this.#markAllText);
  close = make("button", { class: "close", part: "close", type: "button" }, icon("cross", 20));
  bannerText = make("span", { dir: "auto" });
  bannerAgain = make("button", { class: "again", type: "button" });
  banner = make("div", { class: "banner", part: "banner", hidden: "" }, this.bannerText, this.bannerAgain);
  list = make("ol", { class: "list", part: "list", role: "list", "aria-labelledby": "heading" });
  #moreText = make("span");
  more = make("button", { class: "quiet", part: "more", type: "button" }, this.#moreText);
  moreFailed = make("p");
  foot = make("div", { class: "foot", hidden: "" }, this.moreFailed, this.more);
  #emptyTitle = make("p", { class: "strong" });
  #emptyText = make("p");
  empty = make(
    "div",
    { class: "note", part: "empty", hidden: "" },
    make("slot", { name: "empty" }, make("div", { class: "picture" }, icon("check", 26)), this.#emptyTitle, this.#emptyText),
  );
  failedTitle = make("p", { class: "strong" });
  failedText = make("p", { dir: "auto" });
  failedAgain = make("button", { class: "quiet", type: "button" });
  failure = make(
    "div",
    { class: "note", part: "failure", role: "alert", hidden: "" },
    make("div", { class: "picture" }, icon("broken", 26)),
    this.failedTitle,
    this.failedText,
    this.failedAgain,
  );
  #loadingText = make("span", { class: "spoken" });
  bones = make(
    "div",
    { class: "bones", part: "loading", hidden: "" },
    this.#loadingText,
    ...Array.from({ length: 4 }, () => make("div", { class: "bone", "aria-hidden": "true" }, make("i"), make("i"), make("i"))),
  );
  scroller = make("div", { class: "scroller" }, this.bones, this.list, this.empty, this.failure, this.foot);
  panel = make(
    "dialog",
    { class: "panel", part: "panel", id: "panel", popover: "manual", tabindex: "-1", "aria-labelledby": "heading" },
    make("div", { class: "header", part: "header" }, this.heading, this.unread, this.markAll, this.close),
    this.banner,
    this.scroller,
  );
  spoken = make("div", { class: "spoken", role: "status", "aria-live": "polite" });

  /**
   * @param {Texts} texts
   * @param {number} count
   */
  label(texts, count) {
    say(this.heading, texts.title);
    say(this.#markAllText, texts.markAll);
    set(this.close, "aria-label", texts.close);
    say(this.#moreText, texts.more);
    say(this.#emptyTitle, texts.emptyTitle);
    say(this.#emptyText, texts.emptyText);
    say(this.failedAgain, texts.again);
    say(this.bannerAgain, texts.again);
    say(this.#loadingText, texts.loading);
    say(this.moreFailed, texts.moreFailed);
    this.count(texts, count);
  }

  /**
   * @param {Texts} texts
   * @param {number} count of unread
   */
  count(texts, count) {
    set(this.bell, "aria-label", texts.bell(count));
    this.badge.hidden = this.unread.hidden = !count;
    say(this.badge, count > 99 ? "99+" : `${count}`);
    say(this.unread, texts.unread(count));
  }

  /** Let the badge jump. */
  ring() {
    this.badge.classList.remove("fresh");
    void this.badge.offsetWidth; // an animation begins again only after a layout without it
    this.badge.classList.add("fresh");
  }
}
