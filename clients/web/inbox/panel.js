// @ts-check
/** The panel at the bell: a popover that leaves the page usable, or on a phone a dialog that covers it. */

/** Below this width the panel covers the screen, and holds the focus. */
const PHONE = "(max-width: 560px)";
/** Pixels between the panel, the bell and the window's edges. */
const EDGE = 8;
/** Pixels: with less below the bell, the panel goes above it if there is more. */
const LOW = 320;
const LEAST = 160;

export class Panel {
  #phone = matchMedia(PHONE);
  #host;
  #bell;
  #dialog;
  #close;
  /** @type {AbortController | undefined} of what is listened to while it is up */
  #whileUp;

  /**
   * @param {HTMLElement} host the element around both
   * @param {HTMLElement} bell
   * @param {HTMLDialogElement} dialog
   * @param {() => void} close is called when the user wants it closed
   */
  constructor(host, bell, dialog, close) {
    this.#host = host;
    this.#bell = bell;
    this.#dialog = dialog;
    this.#close = close;
    dialog.addEventListener("keydown", (event) => this.#key(event));
    // Escape closes a modal dialog by itself, without telling anybody else.
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    this.#phone.addEventListener("change", () => {
      if (!this.isUp) return;
      this.lower();
      this.raise();
    });
  }

  /** Whether it is shown. */
  get isUp() {
    return this.#whileUp !== undefined;
  }

  /** Show it, and move the focus into it. */
  raise() {
    const signal = (this.#whileUp = new AbortController()).signal;
    if (this.#phone.matches) {
      this.#dialog.showModal();
    } else {
      this.#dialog.showPopover();
      this.#place();
      addEventListener("resize", () => this.#place(), { signal });
      addEventListener("scroll", () => this.#place(), { signal, capture: true, passive: true });
      // Whoever goes on working elsewhere has finished here. The focus stays where they put it.
      document.addEventListener("pointerdown", (event) => event.composedPath().includes(this.#host) || this.#close(), { signal });
      this.#host.addEventListener("focusout", (event) => this.#left(event), { signal });
    }
    this.#bell.setAttribute("aria-expanded", "true");
    this.focus();
  }

  /** Hide it; the focus returns to the bell if it was in the panel. */
  lower() {
    if (!this.#whileUp) return;
    const focused = this.#host.shadowRoot?.activeElement;
    const inside = focused && this.#dialog.contains(focused);
    this.#whileUp.abort();
    this.#whileUp = undefined;
    if (this.#dialog.open) this.#dialog.close();
    else if (this.#dialog.matches(":popover-open")) this.#dialog.hidePopover();
    for (const name of ["left", "top", "bottom"]) this.#dialog.style.removeProperty(name);
    this.#bell.setAttribute("aria-expanded", "false");
    if (inside && this.#host.isConnected) this.#bell.focus({ preventScroll: true });
  }

  focus() {
    this.#dialog.focus({ preventScroll: true });
  }

  /** @param {FocusEvent} event */
  #left(event) {
    const to = event.relatedTarget;
    const host = this.#host;
    if (to instanceof Node && to !== host && !host.contains(to) && !host.shadowRoot?.contains(to)) this.#close();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    this.#close();
  }

  /** Put the panel at the bell: below it where there is room, and never beyond the window. */
  #place() {
    const bell = this.#bell.getBoundingClientRect();
    const { clientWidth: width } = document.documentElement;
    const below = innerHeight - bell.bottom - 2 * EDGE;
    const above = bell.top - 2 * EDGE;
    const up = below < LOW && above > below;
    const { style } = this.#dialog;
    style.setProperty("--_room", `${Math.max(up ? above : below, LEAST)}px`);
    const own = this.#dialog.offsetWidth;
    // Ends where the bell ends, on the side to which the text runs; or begins where it begins if that is nearer.
    const towardsEnd = getComputedStyle(this.#host).direction === "rtl" ? bell.left : bell.right - own;
    style.left = `${Math.min(Math.max(towardsEnd, EDGE), Math.max(EDGE, width - own - EDGE))}px`;
    style.top = up ? "auto" : `${bell.bottom + EDGE}px`;
    style.bottom = up ? `${innerHeight - bell.top + EDGE}px` : "auto";
  }
}
