// @ts-check
/** When things happened, in a language: how long ago, or on which day. */

/** @typedef {import("../tocsin.js").Notification} Notification */

export class Times {
  /** @param {string} language such as `de-AT`; what is none counts as English */
  constructor(language) {
    let locale = "en";
    try {
      locale = Intl.getCanonicalLocales(language)[0] ?? locale;
    } catch {
      // what the page says is no language
    }
    this.ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
    this.date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    this.full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
  }

  /**
   * @param {string} iso
   * @param {number} now milliseconds since 1970
   * @param {string} justNow what the last minute is called
   */
  since(iso, now, justNow) {
    // The server's clock may be ahead of this one: nothing comes from the future.
    const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
    if (seconds < 60) return justNow;
    if (seconds < 3600) return this.ago.format(-Math.floor(seconds / 60), "minute");
    if (seconds < 86_400) return this.ago.format(-Math.floor(seconds / 3600), "hour");
    if (seconds < 7 * 86_400) return this.ago.format(-Math.floor(seconds / 86_400), "day");
    return this.date.format(new Date(iso));
  }

  /** @param {string} iso */
  exactly(iso) {
    return this.full.format(new Date(iso));
  }
}

/**
 * Return when a notification was sent. What was to be sent before it was written was sent when it was written.
 * @param {Pick<Notification, "created_at" | "send_at">} notification
 */
export function sentAt({ created_at: createdAt, send_at: sendAt }) {
  return sendAt && Date.parse(sendAt) > Date.parse(createdAt) ? sendAt : createdAt;
}
