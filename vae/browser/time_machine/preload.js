/**
 * Loads the decoders of a run's snapshots one after the other, those around the scrubber first, while nothing else is to do;
 * then, where an image is encoded, the encoders too.
 */
import { decoders } from "../lib/decoder.js"
import { encoders } from "../lib/encoder.js"
import { pointOf } from "../lib/store.js"

/** Between two loads the page breathes for so long, ms: creating a decoder holds up its thread. */
const BREATH = 4
/** While the page's point moves, and so long after, ms, nothing is loaded. */
const QUIET = 300

export class Preloader {
  #source
  #time
  #run
  #told
  #busy = false
  #gone = false

  /**
   * @param {import("../lib/source.js").Source} source
   * @param {string} run
   * @param {import("../lib/time.js").Time} time
   * @param {() => void} told Called after each decoder.
   */
  constructor(source, run, time, told) {
    this.#source = source
    this.#run = run
    this.#time = time
    this.#told = told
  }

  /** The snapshots whose decoders there is room for: those nearest to what is shown, the coming ones first. */
  #wanted(room = Math.max(1, decoders.room(this.#source, this.#run) ?? decoders.most)) {
    const { snapshots, place } = this.#time
    const middle = Math.min(place, snapshots.length - 1)
    const byDistance = snapshots.map((_, k) => k).sort((a, b) => distance(a, middle) - distance(b, middle))
    return byDistance.slice(0, room).map((k) => snapshots[k])
  }

  #decoder(snapshot) {
    return decoders.known(this.#source, this.#run, weightsOf(snapshot))
  }

  /** The next encoder to be loaded, null if there is none: only who looks at an image while the time moves has one. */
  #encoder() {
    const next = this.#wanted(encoders.room(this.#source, this.#run) ?? 0).find((snapshot) => !encoders.known(this.#source, this.#run, weightsOf(snapshot)))
    return next ? encoders.of(this.#source, this.#run, weightsOf(next)) : null
  }

  /** Whether the decoder of a snapshot is there, or cannot be. */
  has(snapshot) {
    const decoder = this.#decoder(snapshot)
    return Boolean(decoder && decoder.source !== "loading")
  }

  /** @returns {{loaded: number, wanted: number}} */
  get progress() {
    const wanted = this.#wanted()
    return { loaded: wanted.filter((snapshot) => this.has(snapshot)).length, wanted: wanted.length }
  }

  /** Go on with what is nearest now. */
  async work() {
    if (this.#busy || this.#gone) return
    this.#busy = true
    try {
      for (;;) {
        if (this.#gone || document.hidden) return
        const { point } = pointOf(this.#source, this.#run)
        // A point that follows the page's time is no hand at work.
        if (point && point.source !== "time" && performance.now() - point.time < QUIET) {
          await new Promise((resolve) => setTimeout(resolve, QUIET))
          continue
        }
        const next = this.#wanted().find((snapshot) => !this.has(snapshot))
        const model = next ? decoders.of(this.#source, this.#run, weightsOf(next)) : this.#encoder()
        if (!model) return
        await model.settled()
        if (model.source === "loading") {
          model.ready.then(() => this.work())
          return
        }
        if (next) this.#told()
        // Where the browser cannot decode or encode, there is nothing to load.
        if (model.source !== "browser") return
        await new Promise((resolve) => setTimeout(resolve, BREATH))
      }
    } finally {
      this.#busy = false
    }
  }

  stop() {
    this.#gone = true
  }
}

function weightsOf({ step, stamp }) {
  return { at: String(step), stamp }
}

/** How far a snapshot is from the one in the middle; the one after is nearer than the one before. */
function distance(place, middle) {
  return place >= middle ? 2 * (place - middle) : 2 * (middle - place) + 1
}
