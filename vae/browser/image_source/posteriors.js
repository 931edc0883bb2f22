/** Whose posterior a point is of: its mean, or a draw of it. */

/** Numbers of a link and of a decoder's own are the same if they are so close: links have four decimals. */
const CLOSE = 1e-3
/** A point so many standard deviations from a posterior's mean, in any dimension, is not a draw of it. */
const FAR = 6

/** @typedef {{mean: Float32Array, sigma: Float32Array}} Posterior */

/** Whether two latent points are the same. */
export function isClose(a, b) {
  return a.every((value, k) => Math.abs(value - b[k]) < CLOSE)
}

/**
 * Whether a link's point is a posterior's mean or, where the link says so, a draw of it.
 * @param {Float32Array | number[]} z
 * @param {Posterior} posterior
 * @param {boolean} drawn
 */
export function isOf(z, { mean, sigma }, drawn) {
  return z.every((value, k) => Math.abs(value - mean[k]) < (drawn ? Math.max(CLOSE, FAR * sigma[k]) : CLOSE))
}

/**
 * Where a point of one posterior lies in another: as many standard deviations from its mean.
 * @param {import("../lib/store.js").Point} point Mean or draw of a posterior.
 * @param {Posterior} to
 * @returns {{z: Float32Array, mean: Float32Array, sigma: Float32Array}}
 */
export function carried({ z, mean, sigma }, to) {
  return { ...to, z: to.mean.map((value, k) => value + (sigma[k] > 0 ? (z[k] - mean[k]) / sigma[k] : 0) * to.sigma[k]) }
}
