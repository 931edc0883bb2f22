/**
 * Five decoded steps along each latent dimension, the others where the point has them. They come after everything that
 * follows the pointer: a row is drawn when the page has nothing else to do, only if it is in view, and while the point
 * moves at most one in a while.
 */
import { paint } from "../lib/picture.js"

/** Steps of a strip. */
export const NUM = 5
/** Milliseconds between two rows while the point moves, and without a move until it counts as at rest. */
const REST = 120

const whenIdle = globalThis.requestIdleCallback?.bind(globalThis) ?? ((work) => setTimeout(work, 40))

/**
 * @typedef {{index: number, steps: number[], canvases: HTMLCanvasElement[], strip: HTMLElement, seen: boolean,
 *   drawn: string}} Row
 */

export class Strips {
  /** @type {Map<HTMLElement, Row>} By the element that is watched, those drawn longest ago first. */
  #rows = new Map()
  #decoder = null
  #point = null
  #moved = 0
  #drawn = 0
  #took = 0
  #waiting = false
  #gone = false
  #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rows.get(/** @type {HTMLElement} */ (target))
      if (row) row.seen = isIntersecting
    }
    this.#schedule()
  })

  /** Told after every row, for tests. */
  ondraw = () => {}

  /** Forget all rows. */
  clear() {
    this.#observer.disconnect()
    this.#rows.clear()
  }

  /** Show a row, or one that is known with other steps. @param {Omit<Row, "seen" | "drawn">} row */
  add(row) {
    const { seen = false, drawn = "" } = this.#rows.get(row.strip) ?? {}
    this.#rows.set(row.strip, { ...row, seen, drawn })
    this.#observer.observe(row.strip)
  }

  /** Draw with these weights from now on. */
  decodeWith(decoder) {
    this.#decoder = decoder
    this.#schedule()
  }

  /** The point has moved; where the page's time moved it, no hand waits for the image. */
  follow(point) {
    this.#point = point
    if (point.source !== "time") this.#moved = performance.now()
    this.#schedule()
  }

  stop() {
    this.#gone = true
    this.clear()
  }

  #schedule() {
    if (this.#waiting || this.#gone || this.#decoder?.source !== "browser" || !this.#point) return
    this.#waiting = true
    const now = performance.now()
    // At rest too, the page has half of the time for whatever else moves.
    const pause = now - this.#moved < REST ? REST : this.#took
    setTimeout(() => whenIdle(() => this.#work()), Math.max(0, this.#drawn + pause - now))
  }

  async #work() {
    const decoder = this.#decoder
    const row = this.#next()
    if (row && !this.#gone) {
      const { z, y } = this.#point
      const began = performance.now()
      row.drawn = this.#key(row)
      this.#rows.delete(row.strip)
      this.#rows.set(row.strip, row)
      try {
        const points = new Float32Array(NUM * z.length)
        row.steps.forEach((value, k) => {
          points.set(z, k * z.length)
          points[k * z.length + row.index] = value
        })
        const weights = y && Float32Array.from({ length: NUM * y.length }, (_, k) => y[k % y.length])
        const picture = await decoder.batch(points, weights, NUM)
        const size = picture.channels * picture.height * picture.width
        row.canvases.forEach((canvas, k) => paint(canvas, { ...picture, offset: k * size }))
        row.strip.dataset.drawn = String(Number(row.strip.dataset.drawn ?? 0) + 1)
        this.ondraw()
      } catch (error) {
        console.error(error)
      }
      this.#drawn = performance.now()
      this.#took = this.#drawn - began
    }
    this.#waiting = false
    if (this.#next()) this.#schedule()
  }

  /** The row that is out of date, in view, and was drawn longest ago. */
  #next() {
    for (const row of this.#rows.values()) {
      if (row.seen && row.drawn !== this.#key(row)) return row
    }
    return null
  }

  /** What a row's pictures depend on: all but its own dimension. */
  #key(row) {
    const { z, y } = this.#point
    let key = `${this.#decoder.weights.at} ${this.#decoder.weights.stamp} ${row.steps[0]} ${row.steps[NUM - 1]}|`
    for (let k = 0; k < z.length; k += 1) key += k === row.index ? "," : `${z[k].toFixed(4)},`
    return y ? key + Array.from(y, (weight) => weight.toFixed(3)).join() : key
  }
}

/** Equal steps from one end of a slider to the other. */
export function stepsBetween(low, high) {
  return Array.from({ length: NUM }, (_, k) => low + ((high - low) * k) / (NUM - 1))
}
