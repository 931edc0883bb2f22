/**
 * The one point of the latent space that a page's components look at together. Sliders, map and image read and write
 * it, never each other. There is one for each run of a source, because modules of one address are shared in the page.
 */
import { Echo } from "./echo.js"
import { perRun } from "./source.js"

/**
 * @typedef {{z: Float32Array, y: Float32Array | null, sigma: Float32Array | null, mean: Float32Array | null, time: number,
 *   source: string}} Point
 * `y` weighs the classes of a conditional model. Where the point is an image's posterior mean or a draw of it, `mean` and
 * `sigma` are that posterior's, else null. `time` is when the person acted, as `performance.now()` counts.
 */

export class Store {
  /** @type {Point | null} */
  point = null
  /** @type {Set<(point: Point) => void>} */
  #listeners = new Set()
  #echo = new Echo()

  /**
   * Move the point. A change of z that does not say whose posterior it is forgets the last one.
   * @param {{z?: ArrayLike<number>, y?: ArrayLike<number> | null, sigma?: ArrayLike<number> | null,
   *   mean?: ArrayLike<number>}} change `mean` is z itself where it is left out.
   * @param {{source?: string, time?: number}} [from]
   */
  set(change, { source = "", time = performance.now() } = {}) {
    const z = change.z ? Float32Array.from(change.z) : this.point?.z
    if (!z) return
    const y = change.y === undefined ? (this.point?.y ?? null) : change.y && Float32Array.from(change.y)
    let { mean = null, sigma = null } = change.z ? {} : (this.point ?? {})
    if (change.sigma) {
      sigma = Float32Array.from(change.sigma)
      mean = Float32Array.from(change.mean ?? z)
    }
    this.point = { z, y, sigma, mean, time, source }
    for (const listener of this.#listeners) listener(this.point)
  }

  /**
   * Hear of every move.
   * @param {(point: Point) => void} listener
   * @returns {() => void} The way to stop.
   */
  subscribe(listener) {
    this.#listeners.add(listener)
    if (this.point) listener(this.point)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Take over what Python passes to a component, if it is news: neither what it passed before, nor the echo of what it
   * was told, which may come late, when the person has long dragged on.
   * @param {object} component Anything that stands for the component.
   * @param {ArrayLike<number>} z
   * @param {ArrayLike<number> | null} y
   */
  adopt(component, z, y) {
    const said = signature(z, y)
    if (!this.#echo.isNews(said, component)) return
    if (!this.point || said !== signature(this.point.z, this.point.y)) this.set({ z, y }, { source: "python" })
  }

  /**
   * Remember what Python is told, to know its echo.
   * @param {ArrayLike<number>} z
   * @param {ArrayLike<number> | null} y
   */
  tell(z, y) {
    this.#echo.tell(signature(z, y))
  }
}

/**
 * @param {ArrayLike<number>} z
 * @param {ArrayLike<number> | null} y
 */
function signature(z, y) {
  const digits = (/** @type {ArrayLike<number>} */ values) => Array.from(values, (value) => Number(value).toFixed(4)).join(" ")
  return `${digits(z)}|${y ? digits(y) : ""}`
}

/** The point of a run. */
export const pointOf = perRun(() => new Store())

/**
 * Weights of the classes that stand for one of them.
 * @param {number} index
 * @param {number} length
 */
export function oneHot(index, length) {
  const weights = new Float32Array(length)
  if (index >= 0 && index < length) weights[index] = 1
  return weights
}

/**
 * Weights of the classes as Python passes them: a class, and the share that a second one has.
 * @param {{classes: string[], y: number | null, mix: [number, number] | null}} data
 * @returns {Float32Array | null} Null without classes.
 */
export function conditionOf({ classes, y, mix }) {
  if (!classes.length) return null
  const weights = oneHot(y ?? 0, classes.length)
  return mix ? blend(y ?? 0, mix[0], mix[1], classes.length) : weights
}

/**
 * Weights on the way from one class to another, `share` from 0 to 1.
 * @param {number} from
 * @param {number} to
 * @param {number} share
 * @param {number} length
 */
export function blend(from, to, share, length) {
  const weights = oneHot(from, length)
  weights[from] -= share
  weights[to] += share
  return weights
}

/**
 * The class that weighs most, -1 without classes.
 * @param {Float32Array | number[] | null} y
 */
export function classOf(y) {
  return y?.length ? y.indexOf(Math.max(...y)) : -1
}

/**
 * A number short enough for a link: four decimals.
 * @param {number | string} value
 */
export function short(value) {
  return Number(Number(value).toFixed(4))
}

/**
 * The query that names a point to the server.
 * @param {ArrayLike<number>} z
 * @param {ArrayLike<number> | null} y
 */
export function pointQuery(z, y) {
  return { z: Array.from(z, short).join(","), y: y ? Array.from(y, short).join(",") : null }
}
