// Elements from data. Whatever comes from outside gets in as text and never as markup: there is no other way in here.

/** @typedef {Node | string | number | undefined | false} Child */

/**
 * Makes an element. Properties that begin with "on" are listeners, `style` holds custom properties, all else attributes.
 * @param {string} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, props);
  add(element, children);
  return element;
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function s(tag, props = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", tag));
  apply(element, props);
  add(element, children);
  return element;
}

/** @param {HTMLElement | SVGElement} element @param {Record<string, unknown>} props */
function apply(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "style") {
      for (const [key, part] of Object.entries(/** @type {object} */ (value)))
        element.style.setProperty(key, String(part));
    } else element.setAttribute(name, value === true ? "" : String(/** @type {string | number} */ (value)));
  }
}

/** @param {Element} element @param {(Child | Child[])[]} children */
function add(element, children) {
  for (const child of children.flat()) {
    if (child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

/** Sets a text only when it differs: what stays the same is neither drawn nor read aloud again.
 * @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Remembers a choice, where the browser lets it.
 * @param {string} name @param {string} [value]
 */
export function remembered(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`servicekit.${name}`) ?? undefined;
    localStorage.setItem(`servicekit.${name}`, value);
  } catch {
    // A browser may forbid it: then the choice lasts as long as the page.
  }
  return value;
}
