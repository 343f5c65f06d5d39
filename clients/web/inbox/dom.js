// @ts-check
/** Making and changing nodes. Everything is made by name, and every text set as text; nothing here reads HTML. */

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
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @param {keyof typeof PATHS} name
 * @param {number} size
 */
export function icon(name, size) {
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
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
