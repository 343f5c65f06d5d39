// @ts-check
/** The order of a feed's cursors: which of two facts about a feed is the newer one. Pure. */

/**
 * Tell whether something that was true at `cursor` is newer than what was true at `known`.
 *
 * A cursor is base64url of bytes that grow with the feed (see `MarkReadResponse.cursor` in the API). Of two that do
 * not belong to one feed, such as before and after a restored backup, neither is newer; callers begin anew then.
 * @param {string} cursor
 * @param {string} known empty for nothing
 */
export function isNewer(cursor, known) {
  return known === "" || bytesOf(cursor) > bytesOf(known);
}

/**
 * Base64url's letters do not sort as the bytes that they stand for.
 * @param {string} cursor
 */
function bytesOf(cursor) {
  try {
    return atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return ""; // no server of ours writes it; it is older than anything
  }
}
