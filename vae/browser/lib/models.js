/** What the page loads once for the weights of a run, and how much of it is kept. */
import { messageOf } from "./errors.js"
import { loadModel } from "./runtime.js"

/**
 * @typedef {{at: string, stamp: string}} Weights Which weights, and a name for their content.
 * @typedef {import("./source.js").Source} Source
 */

/** A network of a run in this browser. */
export class Model {
  /** @type {"loading" | "browser" | "server" | "missing"} Where it is computed; what stands for "not here" is up to the kind. */
  source = "loading"
  /** Why it is not computed here, or not yet, in words. */
  reason = ""
  /** Whoever shows what it computes, so that it is not put away. */
  clients = new Set()
  /** Bytes, 0 while they are not known. */
  size = 0
  #file
  #elsewhere
  /** @type {any} */
  #session = null
  /** @type {any} */
  #ort = null
  #running = 0
  #released = false
  /** @type {() => void} */
  #stuck = () => {}
  /** @type {Promise<void>} */
  #isStuck

  /**
   * @param {Source} source Where it comes from.
   * @param {string} run
   * @param {Weights} weights
   * @param {string} file What the source calls it.
   * @param {"server" | "missing"} elsewhere What `source` says where this browser cannot have it.
   */
  constructor(source, run, weights, file, elsewhere) {
    this.from = source
    this.run = run
    this.weights = weights
    this.#file = file
    this.#elsewhere = elsewhere
    this.#isStuck = new Promise((resolve) => { this.#stuck = resolve })
    /** Settled when it is known where it is computed. It waits for a server that is away: only a refusal is final. */
    this.ready = this.#load()
  }

  /**
   * Settled too when that is not known for now: `source` is "loading" then, and `reason` says why. Whoever has other things to do
   * goes on with them.
   */
  settled() {
    return Promise.race([this.ready, this.#isStuck])
  }

  get isUsed() {
    return this.clients.size > 0 || this.#running > 0
  }

  async #load() {
    this.#released = false
    try {
      const { ort, session, size } = await loadModel(this.from, this.run, this.#file, this.weights, (sentence) => {
        this.reason = sentence
        this.#stuck()
      })
      Object.assign(this, { size, source: "browser" })
      this.#session = session
      this.#ort = ort
    } catch (error) {
      this.source = this.#elsewhere
      this.reason = messageOf(error)
    }
    return this.source
  }

  /**
   * Compute; one that was put away meanwhile is loaded again.
   * @param {(ort: any, session: any) => Record<string, object>} feeds Its inputs.
   * @returns {Promise<Record<string, {data: any, dims: number[]}>>} Its outputs.
   */
  async compute(feeds) {
    this.#running += 1
    try {
      if (this.#released) this.ready = this.#load()
      await this.ready
      if (!this.#session) throw new Error(this.reason)
      return await this.#session.run(feeds(this.#ort, this.#session))
    } finally {
      this.#running -= 1
    }
  }

  /** Give its memory back. */
  release() {
    this.#session?.release?.()
    this.#session = null
    this.#released = this.source === "browser"
  }
}

/**
 * Models of the page.
 * @template {Model} T
 */
export class Models {
  #make
  /** @type {Map<string, T>} */
  #held = new Map()

  /**
   * @param {(source: Source, run: string, weights: Weights) => T} make A model of a run's weights.
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
   * @param {Source} source
   * @param {string} run
   * @param {Weights} weights
   * @returns {T}
   */
  of(source, run, weights) {
    const key = keyOf(source, run, weights)
    const model = this.#held.get(key) ?? this.#make(source, run, weights)
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

  /**
   * The model of a run's weights if it has been asked for, and undefined else.
   * @param {Source} source
   * @param {string} run
   * @param {Weights} weights
   */
  known(source, run, weights) {
    return this.#held.get(keyOf(source, run, weights))
  }

  /**
   * How many of a run can be kept at once, and a few of other weights beside them; null where none of the run has come.
   * @param {Source} source
   * @param {string} run
   */
  room(source, run) {
    let largest = 0
    for (const model of this.#held.values()) if (model.run === run && model.from === source) largest = Math.max(largest, model.size)
    return largest ? Math.max(0, Math.min(this.most, Math.floor(this.mostBytes / largest)) - BESIDE) : null
  }
}

/** Models of other weights that stay beside those of a run. */
const BESIDE = 8

/** @type {WeakMap<Source, number>} */
const numbers = new WeakMap()
let last = 0

/**
 * @param {Source} source
 * @param {string} run
 * @param {Weights} weights
 */
function keyOf(source, run, { at, stamp }) {
  const number = numbers.get(source) ?? ++last
  numbers.set(source, number)
  return `${number} ${run} ${at} ${stamp}`
}
