/** From where to where a slider goes, and the numbers that a person types beside it. */
import { count, dimName, number } from "../lib/dom.js"

/** What a slider can tell apart. */
export const GRAIN = 0.001

/**
 * The chosen range, and further where 0 or the point lies beyond it: a thumb is always where its value is.
 * @param {[number, number]} range
 * @param {number} value
 * @returns {[number, number]} Whole grains: a slider counts its steps from its lower end.
 */
export function spanOf([low, high], value) {
  return [Math.floor(Math.min(low, 0, value) / GRAIN + 0.01) * GRAIN, Math.ceil(Math.max(high, 0, value) / GRAIN - 0.01) * GRAIN]
}

/**
 * A number as a person types it, or the sentence of why it is none.
 * @param {string} text
 * @param {number} index Latent dimension, from 0.
 * @param {number} bound Largest coordinate that a link may carry.
 * @returns {{value: number | null, refusal: string}}
 */
export function typedNumber(text, index, bound) {
  const value = Number(text.trim().replace("−", "-").replace(",", "."))
  if (text.trim() !== "" && Math.abs(value) <= bound) return { value, refusal: "" }
  const shown = text.length > 24 ? `${text.slice(0, 23)}…` : text.trim() || "nothing"
  return { value: null, refusal: `${dimName(index)} must be a number from −${count(bound)} to ${count(bound)}, got ${shown}; it was not changed.` }
}

/**
 * What the range of the prior is called, and what it means, which is another thing where the prior is not N(0, I).
 * @param {{prior_range: number, prior_points: number[][]}} state How far it reaches to either side of 0; and samples of the prior, none
 *   of N(0, I).
 * @returns {{label: string, title: string, centre: string}} `centre`: what it means to put every dimension to 0.
 */
export function wordsOfPrior({ prior_range: reach, prior_points: points }) {
  if (points?.length) {
    return {
      label: "Prior range",
      title: `−${number(reach)} to ${number(reach)}: as far from 0 as any coordinate of ${count(points.length)} samples of the prior`,
      centre: "Every dimension to 0 (key 0)",
    }
  }
  const plain = String(Number(reach.toFixed(2)))
  return {
    label: `Prior ±${plain}`, title: `N(0, 1) to ${plain} standard deviations on either side`, centre: "Every dimension to 0, the middle of the prior (key 0)",
  }
}
