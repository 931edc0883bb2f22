/**
 * What the page loads once for the weights of a run, and how much of it is kept. A model has `run`, `size` in bytes (0 while
 * it is not known), `source` ("loading" at first), `isUsed`, and `release()`.
 */
export class Models {
  #make
  #held = new Map()

  /**
   * @param {(run: string, weights: {at: string, stamp: string}) => object} make A model of a run's weights.
   * @param {number} most Models kept.
   * @param {number} mostBytes Bytes of all together; of those that nobody uses, the one asked for longest ago goes first.
   */
  constructor(make, most, mostBytes) {
    this.#make = make
    this.most = most
    this.mostBytes = mostBytes
  }

  /**
   * The model of a run's weights, loaded once for the page.
   * @param {string} run
   * @param {{at: string, stamp: string}} weights
   */
  of(run, weights) {
    const key = keyOf(run, weights)
    const model = this.#held.get(key) ?? this.#make(run, weights)
    this.#held.delete(key)
    this.#held.set(key, model)
    let bytes = 0
    for (const { size } of this.#held.values()) bytes += size
    for (const [oldest, old] of this.#held) {
      if (this.#held.size <= this.most && bytes <= this.mostBytes) break
      if (old.isUsed || old === model || old.source === "loading") continue
      this.#held.delete(oldest)
      bytes -= old.size
      old.release()
    }
    return model
  }

  /** The model of a run's weights if it has been asked for, and undefined else. */
  known(run, weights) {
    return this.#held.get(keyOf(run, weights))
  }

  /** How many of a run can be kept at once, and a few of other weights beside them; null where none of the run has come. */
  room(run) {
    let largest = 0
    for (const model of this.#held.values()) if (model.run === run) largest = Math.max(largest, model.size)
    return largest ? Math.max(0, Math.min(this.most, Math.floor(this.mostBytes / largest)) - BESIDE) : null
  }
}

/** Models of other weights that stay beside those of a run. */
const BESIDE = 8

function keyOf(run, { at, stamp }) {
  return `${run} ${at} ${stamp}`
}
