/** Posterior means under weights that change: kept for a while, and fetched ahead of the hand that scrubs through training. */
import { arrays, sizeOf } from "../lib/arrays.js"
import { Kept } from "../lib/kept.js"

/** Bytes of positions that are kept. */
const ROOM = 96 * 2 ** 20
/** Positions of larger parts than this are not fetched for every snapshot: the test images stand for them. */
export const MOST_IN_TIME = 10_000

export class Positions {
  #source
  #kept = new Kept(ROOM)
  #turn = 0

  /** @param {import("../lib/source.js").Source} source */
  constructor(source) {
    this.#source = source
  }

  /**
   * The server's arrays for some weights.
   * @param {string} run
   * @param {{at: string, stamp: string}} weights
   * @param {string} part
   * @param {{signal?: AbortSignal, waiting?: (sentence: string) => void}} [options] See `ask`.
   */
  async of(run, weights, part, options) {
    const { at, stamp } = weights
    const key = keyOf(run, weights, part)
    const known = this.#kept.get(key)
    if (known) return known
    const found = await arrays(this.#source, run, "latent", { at, part, v: stamp }, options)
    const size = sizeOf(found)
    // One that would push out all others is not kept.
    if (size <= ROOM / 4) this.#kept.set(key, found, size)
    return found
  }

  /**
   * Whether they are here already.
   * @param {string} run
   * @param {{at: string, stamp: string}} weights
   * @param {string} part
   */
  has(run, weights, part) {
    return this.#kept.has(keyOf(run, weights, part))
  }

  /** Fetch other moments' positions one after the other, those given first first, as long as there is room. */
  async preload(run, moments, part) {
    const turn = ++this.#turn
    for (const weights of moments) {
      if (turn !== this.#turn || this.#kept.bytes > 0.8 * ROOM) return
      try {
        await this.of(run, weights, part)
      } catch {
        return
      }
    }
  }

  stop() {
    this.#turn += 1
  }
}

/**
 * @param {string} run
 * @param {{at: string, stamp: string}} weights
 * @param {string} part
 */
function keyOf(run, { at, stamp }, part) {
  return [run, at, stamp, part].join(" ")
}
