/** Round numbers on an axis. */

/**
 * @param {number} low
 * @param {number} high
 * @param {number} apart At least so far from one to the next.
 * @param {number} [most] At most so many.
 * @returns {{values: number[], decimals: number, step: number}} Ascending, within the bounds, and how many decimals tell them apart.
 */
export function ticks(low, high, apart, most = 100) {
  const rough = apart || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? 10 * power
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const values = []
  for (let k = Math.ceil(low / step); k * step <= high && values.length < most; k += 1) values.push(k * step)
  return { values, decimals, step }
}
