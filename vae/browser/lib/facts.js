/**
 * Numbers and words that the parts of a page show now, by the names that lessons use for them (`vae/lessons/conditions.py`). A part tells
 * what it shows; a lesson listens. There is one table, because modules of one address are shared in the page.
 */

/** @typedef {Record<string, number | string>} Facts */

/** By part: what each told last. @type {Map<object, Facts>} */
const told = new Map()
/** @type {Set<() => void>} */
const listeners = new Set()

/**
 * A part shows other numbers; none when it leaves the page.
 * @param {object} part Anything that stands for the part.
 * @param {Facts | null} facts
 */
export function tell(part, facts) {
  if (JSON.stringify(told.get(part) ?? null) === JSON.stringify(facts)) return
  if (facts) told.set(part, facts)
  else told.delete(part)
  for (const listener of listeners) listener()
}

/** All that is shown now. @returns {Facts} */
export function facts() {
  return Object.assign({}, ...told.values())
}

/**
 * Hear of every change.
 * @param {() => void} listener
 * @returns {() => void} The way to stop.
 */
export function heed(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Whether anybody listens: what takes a while is worth telling then alone. */
export function isHeard() {
  return listeners.size > 0
}
