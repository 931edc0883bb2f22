/** How far an image lies from the test images by the model's own measure, in words. */
import { count, number } from "../lib/dom.js"
import { get, runAddress } from "../lib/server.js"

/** Percentiles between which an image counts as like the others. */
const [LOW, HIGH] = [2.5, 97.5]

/** @typedef {{quantiles: number[], num_images: number}} Surprise Ascending, from the smallest to the largest, nats. */

const loaded = new Map()

/**
 * What the test images cost the model (`vae.surprise`), asked for once.
 * @param {string} run
 * @param {{at: string, stamp: string}} weights
 * @returns {Promise<Surprise>}
 */
export function surpriseOf(run, { at, stamp }) {
  const address = runAddress(run, "surprise", { at, v: stamp })
  if (!loaded.has(address)) loaded.set(address, get(address).then((response) => response.json()))
  return loaded.get(address)
}

/**
 * The share of the test images that cost less, in percent; below 0 if none does, above 100 if all do.
 * @param {number} cost Nats.
 * @param {number[]} quantiles
 */
export function percentile(cost, quantiles) {
  if (cost < quantiles[0]) return -1
  if (cost > quantiles.at(-1)) return 101
  const above = quantiles.findIndex((value) => value >= cost)
  if (above <= 0) return 0
  const [from, to] = [quantiles[above - 1], quantiles[above]]
  return above - 1 + (to > from ? (cost - from) / (to - from) : 1)
}

/**
 * @param {number} percent See `percentile`.
 * @param {number} numImages
 * @returns {{kind: "far" | "unusual" | "like" | "simple" | "simplest", words: string}}
 */
export function judge(percent, numImages) {
  const all = `the ${count(numImages)} test images`
  if (percent > 100) return { kind: "far", words: `Far from the test images: its −ELBO is above that of every one of these ${count(numImages)}.` }
  if (percent < 0) return { kind: "simplest", words: `Unlike the test images: its −ELBO is below that of every one of these ${count(numImages)}, as an almost empty picture has it.` }
  const share = `${number(percent, percent < 1 || percent > 99 ? 1 : 0)} %`
  if (percent > HIGH) return { kind: "unusual", words: `Unusual: its −ELBO is above that of ${share} of ${all}.` }
  if (percent < LOW) return { kind: "simple", words: `Unusually simple: its −ELBO is above that of only ${share} of ${all}.` }
  return { kind: "like", words: `Like the test images: its −ELBO is above that of ${share} of these ${count(numImages)}.` }
}
