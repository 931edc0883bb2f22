/** Draws in the browser, for what nobody has to repeat. */

/** One draw from the standard normal distribution (Box and Muller). */
export function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
}

/**
 * Put values in a random order (Fisher and Yates).
 * @param {any[]} values
 */
export function mixUp(values) {
  for (let k = values.length - 1; k > 0; k -= 1) {
    const other = Math.floor(Math.random() * (k + 1))
    ;[values[k], values[other]] = [values[other], values[k]]
  }
}
