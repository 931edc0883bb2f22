/** What lies over the foot of the window, so that what is scrolled into view does not end up under it. */

/** @type {() => number} */
let covered = () => 0

/**
 * Say how much of the window's foot is covered.
 * @param {() => number} height CSS pixels, asked for at every use.
 */
export function coverFoot(height) {
  covered = height
}

/** CSS pixels of the window's foot that are covered now. */
export function footHeight() {
  return covered()
}
