// @ts-check
/** The rows: in order, reachable with the keyboard, measured while they are on screen. */

import { Row } from "./row.js";

/** @typedef {import("../tocsin.js").Notification} Notification */
/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {import("./times.js").Times} Times */
/**
 * What the list asks of the inbox around it.
 * @typedef {object} Around
 * @property {() => Texts} texts
 * @property {() => Times} times
 * @property {() => Element | null} focused what has the focus in the inbox
 * @property {() => void} keepFocus takes the focus that would be lost
 * @property {(ids: string[]) => void} mark
 * @property {(notification: Notification) => boolean} select tells that one was activated; whether it may unfold
 * @property {() => void} more is asked for behind the last one
 */

export class List {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Row[]} in the order shown */
  #shown = [];
  /** @type {Row | null} the one that Tab reaches */
  #current = null;
  /** @type {Set<string>} ids of what has just arrived */
  #fresh = new Set();
  /** @type {IntersectionObserver | undefined} */
  #looking;
  #element;
  #around;

  /**
   * @param {HTMLOListElement} element
   * @param {Around} around
   */
  constructor(element, around) {
    this.#element = element;
    this.#around = around;
    element.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("focusin", (event) => this.#focused(event));
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** How many rows there are. */
  get length() {
    return this.#shown.length;
  }

  /**
   * Measure rows while they are on screen.
   * @param {Element} scroller
   */
  watch(scroller) {
    this.#looking = new IntersectionObserver((entries) => this.#looked(entries), { root: scroller });
    for (const row of this.#shown) this.#looking.observe(row.element);
  }

  unwatch() {
    this.#looking?.disconnect();
    this.#looking = undefined;
  }

  /** Drop all rows, as for another recipient or in another language. */
  clear() {
    for (const row of this.#shown) this.#looking?.unobserve(row.element);
    this.#element.replaceChildren();
    this.#rows.clear();
    this.#fresh.clear();
    this.#shown = [];
    this.#current = null;
  }

  /**
   * Let a row light up when it shows; returns how many do.
   * @param {string} id
   */
  expect(id) {
    return this.#fresh.add(id).size;
  }

  expectNothing() {
    this.#fresh.clear();
  }

  /** @param {Notification[]} notifications newest first */
  show(notifications) {
    const gone = new Set(this.#rows.keys());
    /** @type {Row[]} */
    const shown = [];
    /** @type {ChildNode | null} */
    let place = this.#element.firstChild;
    for (const notification of notifications) {
      gone.delete(notification.id);
      const row = this.#rowFor(notification);
      shown.push(row);
      // Rows stay where they are: moving one would take its focus.
      if (row.element === place) place = place.nextSibling;
      else this.#element.insertBefore(row.element, place);
    }
    for (const id of gone) this.#remove(id, shown);
    this.#fresh.clear();
    this.#shown = shown;
    if (!this.#current || !this.#rows.has(this.#current.id)) this.#reach(shown[0] ?? null);
  }

  tellTimes() {
    for (const row of this.#shown) row.tellTime(this.#around.times());
  }

  /**
   * Move the focus to a row, or to the last one.
   * @param {number} at
   */
  focus(at) {
    (this.#shown[at] ?? this.#shown.at(-1))?.open.focus();
  }

  /** @param {Notification} notification */
  #rowFor(notification) {
    const known = this.#rows.get(notification.id);
    if (known) {
      known.update(notification);
      return known;
    }
    const row = new Row(notification, this.#around.texts());
    this.#rows.set(row.id, row);
    row.tellTime(this.#around.times());
    this.#looking?.observe(row.element);
    if (this.#fresh.has(row.id)) row.element.classList.add("arrived");
    return row;
  }

  /**
   * @param {string} id
   * @param {Row[]} left
   */
  #remove(id, left) {
    const row = /** @type {Row} */ (this.#rows.get(id));
    const held = row.element.contains(this.#around.focused());
    const next = left[Math.min(this.#shown.indexOf(row), left.length - 1)];
    this.#looking?.unobserve(row.element);
    row.element.remove();
    this.#rows.delete(id);
    if (!held) return;
    if (next) next.open.focus({ preventScroll: true });
    else this.#around.keepFocus();
  }

  // -- keys, clicks and focus ---------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const at = this.#current ? this.#shown.indexOf(this.#current) : 0;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.#shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const row = this.#shown[Math.min(Math.max(to, 0), this.#shown.length - 1)];
    row?.open.focus();
    row?.element.scrollIntoView({ block: "nearest" });
    if (to >= this.#shown.length) this.#around.more();
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
      if (this.#around.focused() === row.mark) row.open.focus({ preventScroll: true });
      this.#around.mark([row.id]);
    } else if (row.open.contains(target)) {
      row.measure();
      const proceed = this.#around.select(row.notification);
      if (proceed && row.open.hasAttribute("aria-expanded")) row.fold(!row.unfolded);
      if (!row.notification.is_read) this.#around.mark([row.id]);
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #looked(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#rows.get(/** @type {HTMLElement} */ (target).dataset.id ?? "")?.measure();
    }
  }
}
