// @ts-check
/**
 * `<tocsin-inbox>`: a bell with the count of unread notifications, and a panel with the inbox behind it.
 *
 *     <script type="module" src="https://notify.example.org/tocsin-inbox.js"></script>
 *     <tocsin-inbox token-url="/my/tocsin-token"></tocsin-inbox>
 *
 * Attributes:
 *   token-url   where the page's backend gives the recipient's token as plain text; asked for each connection
 *   token       the recipient's token itself; the property `token` also takes a function (see TocsinClient)
 *   recipient   whose inbox, `type:id`; the token's by default
 *   url         the bridge's WebSocket; `ws` beside this module by default, which is right if a bridge served it
 *   theme       `light` or `dark`, `auto` for the device's; without it the page's own `color-scheme` counts
 *   page-size   notifications of a page (20)
 *   locale      for times, such as `de`; the nearest `lang` by default
 *   open        whether the panel is open
 *
 * It connects as soon as there is a recipient, a token or a way to one.
 *
 * Properties: `token`, `texts` (see `inbox/texts.js`), `client` (the TocsinClient, null while not in a page),
 * `unreadCount`, `open`. Methods: `show()`, `close()`.
 *
 * Events, all of them bubbling out of shadow trees:
 *   tocsin-notification   a new one has come: `detail.notification`
 *   tocsin-read           read here or elsewhere: `detail.ids`
 *   tocsin-select         one was activated: `detail.notification`; `preventDefault()` keeps it from unfolding
 *   tocsin-unread         the count has changed: `detail.count`
 *   tocsin-open, tocsin-close
 *
 * The bell has the colour of the text around it. Style everything with the custom properties at the top of
 * `inbox/style.js`, and with the parts bell, badge, panel, header, heading, count, mark-all, close, banner, list, item
 * (and item-unread), item-title, item-message, item-time, item-mark, more, loading, empty, failure. Slots: `icon` for
 * the bell, `empty` for what an empty inbox says.
 *
 * Titles and messages are text. Nothing here reads HTML: every node is made by name, every text set as text. So it
 * runs under `Content-Security-Policy: default-src 'self'; require-trusted-types-for 'script'` as it is.
 */

import { TocsinInbox } from "./inbox/element.js";

export { TocsinInbox };
export { TEXTS } from "./inbox/texts.js";

if (!customElements.get("tocsin-inbox")) customElements.define("tocsin-inbox", TocsinInbox);
