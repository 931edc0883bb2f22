/** How far an image lies from the training images by the model's own measure, in words. */
import { count, number } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { atRest } from "../lib/rest.js"
import { perRun } from "../lib/source.js"

/** How long a moment of the page's time rests until the server is asked about it, ms. */
const SETTLED = 200
/** Percentiles between which an image counts as like the others. */
const [LOW, HIGH] = [2.5, 97.5]

/**
 * @typedef {{quantiles: number[], num_images: number, part: "train" | "test", num_in_part: number}} Surprise
 * Ascending, from the smallest to the largest, nats; of so many images of a part.
 */

/** What was asked for of a run, by its weights, and those of them that have come. */
const asked = perRun(() => ({ loaded: new Map(), known: new Map() }))

/**
 * What the images compared with cost the model (`vae.evaluation.typicality`), asked for once.
 * @param {import("../lib/source.js").Source} source
 * @param {string} run
 * @param {{at: string, stamp: string}} weights
 * @returns {Promise<Surprise>}
 */
export function surpriseOf(source, run, weights) {
  const { loaded, known } = asked(source, run)
  const key = keyOf(run, weights)
  if (!loaded.has(key)) {
    const coming = source.get(run, "surprise", { at: weights.at, v: weights.stamp }, "json")
    loaded.set(key, coming)
    // A refusal holds until somebody asks again: the images may be there by then.
    coming.then((surprise) => known.set(key, surprise), () => loaded.delete(key))
  }
  return loaded.get(key)
}

function keyOf(run, { at, stamp }) {
  return JSON.stringify([run, at, stamp])
}

/**
 * The share of the images that cost less, in percent; below 0 if none does, above 100 if all do.
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
 * @param {Surprise} surprise
 * @returns {{kind: "far" | "unusual" | "like" | "simple" | "simplest", words: string}}
 */
export function judge(percent, { num_images: num, part, num_in_part: whole }) {
  const images = part === "train" ? "training images" : "test images"
  const all = `the ${num < whole ? "first " : ""}${count(num)} ${images}${num < whole ? ` of ${count(whole)}` : ""}`
  if (percent > 100) return { kind: "far", words: `Far from the ${images}: its −ELBO is above that of every one of ${all}.` }
  if (percent < 0) return { kind: "simplest", words: `Unlike the ${images}: its −ELBO is below that of every one of ${all}, as for an almost empty image.` }
  const share = `${number(percent, percent < 1 || percent > 99 ? 1 : 0)} %`
  if (percent > HIGH) return { kind: "unusual", words: `Unusual: its −ELBO is above that of ${share} of ${all}.` }
  if (percent < LOW) return { kind: "simple", words: `Unusually simple: its −ELBO is above that of only ${share} of ${all}.` }
  return { kind: "like", words: `Like the ${images}: its −ELBO is above that of ${share} of ${all}.` }
}

/** Compares the image that was looked at last with the training images, by the same weights that looked at it. */
export class Judging {
  #source
  #result
  #told
  #missing
  #looked = null
  #settled = atRest(() => this.#ask(), SETTLED)

  /**
   * @param {import("../lib/source.js").Source} source
   * @param {import("./result.js").Result} result
   * @param {(verdict: string) => void} told
   * @param {() => string} missing Why there are no images to compare with; "" where there are.
   */
  constructor(source, result, told, missing) {
    this.#source = source
    this.#result = result
    this.#told = told
    this.#missing = missing
  }

  /**
   * @param {string} run
   * @param {{at: string, stamp: string}} weights Those that have looked at it.
   * @param {number} cost Nats.
   * @param {boolean} passing Whether this moment may be passed soon: then nothing is asked of the server until it rests.
   */
  look(run, weights, cost, passing) {
    this.#looked = { run, weights, cost }
    const surprise = asked(this.#source, run).known.get(keyOf(run, weights))
    if (surprise) return this.#tell(surprise)
    this.#result.await()
    this.#told("")
    if (passing) this.#settled.soon()
    else this.#settled.now()
  }

  /** No image is looked at, but one may be soon. */
  expect(run, weights) {
    this.#looked = { run, weights, cost: null }
    this.#settled.soon()
  }

  forget() {
    this.#looked = null
    this.#settled.cancel()
  }

  #tell(surprise) {
    if (this.#looked.cost !== null) this.#told(this.#result.compare(this.#looked.cost, surprise))
  }

  #ask() {
    const { run, weights } = this.#looked
    const isShown = () => this.#looked !== null && keyOf(this.#looked.run, this.#looked.weights) === keyOf(run, weights)
    const refuse = (sentence) =>
      isShown() && this.#result.refuse(`Cannot compare with the training images: ${sentence.slice(0, 1).toLowerCase()}${sentence.slice(1)}`)
    // The server would only say the same.
    if (this.#missing()) return refuse(this.#missing())
    surpriseOf(this.#source, run, weights).then((surprise) => isShown() && this.#tell(surprise), (error) => refuse(sentenceOf(error)))
  }
}
