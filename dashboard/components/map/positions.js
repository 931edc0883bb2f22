/** Posterior means under weights that change: kept for a while, and fetched ahead of the hand that scrubs through training. */
import { arrays } from "../lib/arrays.js"
import { runAddress } from "../lib/server.js"

/** Bytes of positions that are kept. */
const ROOM = 96 * 2 ** 20
/** Positions of larger parts than this are not fetched for every snapshot: the test images stand for them. */
export const MOST_IN_TIME = 10_000

export class Positions {
  #kept = new Map()
  #room = 0
  #turn = 0

  /**
   * The server's arrays for some weights.
   * @param {string} run
   * @param {{at: string, stamp: string}} weights
   * @param {string} part
   * @param {{signal?: AbortSignal, waiting?: (sentence: string) => void}} [options] See `ask`.
   */
  async of(run, { at, stamp }, part, options) {
    const key = [run, at, stamp, part].join(" ")
    const known = this.#kept.get(key)
    if (known) {
      this.#kept.delete(key)
      this.#kept.set(key, known)
      return known
    }
    const found = await arrays(runAddress(run, "latent", { at, part, v: stamp }), options)
    this.#keep(key, found)
    return found
  }

  #keep(key, found) {
    const size = bytes(found)
    if (size > ROOM / 4) return
    this.#kept.set(key, found)
    this.#room += size
    for (const [oldest, old] of this.#kept) {
      if (this.#room <= ROOM) break
      this.#kept.delete(oldest)
      this.#room -= bytes(old)
    }
  }

  /** Fetch other moments' positions one after the other, those given first first, as long as there is room. */
  async preload(run, moments, part) {
    const turn = ++this.#turn
    for (const weights of moments) {
      if (turn !== this.#turn || this.#room > 0.8 * ROOM) return
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

function bytes({ mean, labels, index }) {
  return mean.data.byteLength + labels.data.byteLength + index.data.byteLength
}
