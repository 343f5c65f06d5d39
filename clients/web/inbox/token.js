// @ts-check
/** Fetching a token from the page's own backend, for pages that name an address instead of giving a function. */

import { TocsinError } from "../connection.js";

/**
 * Return what gives the token from an address, as plain text.
 * @param {string} url of the page's own origin, since its cookies say who the user is
 * @returns {() => Promise<string>}
 */
export function tokenFrom(url) {
  return async () => {
    const answer = await fetch(url, { cache: "no-store", headers: { Accept: "text/plain" } });
    const said = `${url} answers ${answer.status}`;
    if (answer.status === 401 || answer.status === 403) throw new TocsinError(said, "UNAUTHENTICATED");
    if (!answer.ok) throw new Error(said);
    return answer.text();
  };
}
