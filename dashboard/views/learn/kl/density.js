/** The outline of a Gaussian's density in a chart from −REACH to REACH. */

/** Half the width of the chart, in σ of the prior; its width and height in its own units; what is left below and above. */
export const [REACH, WIDE, HIGH] = [5, 420, 300]
const [FOOT, HEAD] = [24, 16]
/** The least and the largest density at which the chart ends above; a higher peak leaves the chart. */
const [LOW, LARGE] = [1.1, 4.5]

/** @param {number} x */
export const across = (x) => ((x + REACH) / (2 * REACH)) * WIDE

/** The density at which the chart ends above, so that the peak of N(μ, σ²) has room. @param {number} sigma */
export const topOf = (sigma) => Math.min(LARGE, Math.max(LOW, 1.05 / (sigma * Math.sqrt(2 * Math.PI))))

/**
 * Its path: closer points where it is steep, and no flat top where it is higher than the chart.
 * @param {number} mean
 * @param {number} sigma
 * @param {number} top The density at which the chart ends above.
 */
export function outline(mean, sigma, top) {
  const even = Array.from({ length: 121 }, (_, k) => -REACH + (2 * REACH * k) / 120)
  const close = Array.from({ length: 121 }, (_, k) => mean + sigma * (-4 + (8 * k) / 120)).filter((x) => Math.abs(x) < REACH)
  const points = [...even, ...close].sort((a, b) => a - b).map((x) => {
    const density = Math.exp(-(((x - mean) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI))
    return `${across(x).toFixed(1)} ${(HIGH - FOOT - (density / top) * (HIGH - FOOT - HEAD)).toFixed(1)}`
  })
  return `M ${points.join(" L ")}`
}
