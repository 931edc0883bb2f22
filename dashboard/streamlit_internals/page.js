/** Parts of the page that Streamlit draws. No other module looks for them. */

/** How much of the window the bar at its foot covers, CSS pixels. */
export function heightOfFoot() {
  return document.querySelector('[data-testid="stBottom"]')?.getBoundingClientRect().height ?? 0
}

/**
 * The part of the page that has what the script draws, and so what stands beside a component.
 * @param {HTMLElement} element In a component, which is a shadow tree.
 */
export function pageAround(element) {
  const { host } = /** @type {ShadowRoot} */ (element.getRootNode())
  return host?.closest('[data-testid="stMain"]') ?? document.body
}

/**
 * The rail of the lesson in which an element is.
 * @param {Element} element
 * @returns {Element | null}
 */
export function railAround(element) {
  const { host } = /** @type {ShadowRoot} */ (element.getRootNode())
  return host?.closest(".st-key-lesson-rail") ?? null
}

/** Whether an element stays at the foot of the window, wherever the page is. @param {Element} element */
export const isAtFoot = (element) => Boolean(element.closest('[data-testid="stBottom"]'))

/**
 * Where in the window a person did something.
 * @param {Event} event
 * @returns {"rail" | "sidebar" | "page"}
 */
export function placeOf(event) {
  const inside = (/** @type {string} */ selector) => event.composedPath().some((node) => node instanceof Element && node.matches(selector))
  if (inside(".st-key-lesson-rail")) return "rail"
  return inside('[data-testid="stSidebar"]') ? "sidebar" : "page"
}

/**
 * Fold the rail of a lesson where it is a sheet at the foot of the window.
 * @param {boolean} isFolded
 */
export function foldSheet(isFolded) {
  document.documentElement.toggleAttribute("data-sheet", isFolded)
}
