/**
 * The encoder in this browser, and what the model makes of the image: one ONNX graph with vae's own formulas, so that
 * numbers here are those of the library.
 */
import { loadModel } from "./runtime.js"

/**
 * @typedef {{mean: Float32Array, logVar: Float32Array, image: Float32Array, distortion: number, rate: number}} Encoded
 * The posterior of an image; the mean image at the posterior's mean, its distortion, and the rate, in nats.
 */

/** Encoders kept, and bytes of their models in all; the one asked for longest ago goes first. */
const KEPT = 80
const MOST_BYTES = 200e6
const encoders = new Map()

function keyOf(run, { at, stamp }) {
  return `${run} ${at} ${stamp}`
}

/**
 * The encoder of a run's weights, loaded once for the page.
 * @param {string} run
 * @param {{at: string, stamp: string}} weights
 * @returns {Encoder}
 */
export function encoderOf(run, weights) {
  const key = keyOf(run, weights)
  const encoder = encoders.get(key) ?? new Encoder(run, weights)
  encoders.delete(key)
  encoders.set(key, encoder)
  let bytes = 0
  for (const { size } of encoders.values()) bytes += size
  for (const [oldest, old] of encoders) {
    if (encoders.size <= KEPT && bytes <= MOST_BYTES) break
    if (old === encoder || old.source === "loading") continue
    encoders.delete(oldest)
    bytes -= old.size
    old.release()
  }
  return encoder
}

/** The encoder of a run's weights if it has been asked for, and undefined else. */
export function knownEncoder(run, weights) {
  return encoders.get(keyOf(run, weights))
}

/** How many encoders of a run can be kept at once, and a few of other weights beside them; none where nobody has asked for one. */
export function roomForEncoders(run) {
  let largest = 0
  for (const encoder of encoders.values()) if (encoder.run === run) largest = Math.max(largest, encoder.size)
  return largest ? Math.max(0, Math.min(KEPT, Math.floor(MOST_BYTES / largest)) - 8) : 0
}

export class Encoder {
  /** @type {"loading" | "browser" | "missing"} */
  source = "loading"
  /** Why there is no encoder here, in words. */
  reason = ""
  /** Bytes of the model. */
  size = 0
  #session = null
  #ort = null

  constructor(run, weights) {
    this.run = run
    /** Settled when it is known whether it can encode. */
    this.ready = this.#load(run, weights)
  }

  async #load(run, weights) {
    try {
      const { ort, session, size } = await loadModel(run, "autoencoder.onnx", weights)
      this.size = size
      this.#session = session
      this.#ort = ort
      this.source = "browser"
    } catch (error) {
      this.source = "missing"
      this.reason = error.message
    }
    return this.source
  }

  /**
   * Encode one image.
   * @param {Float32Array} x Values from 0 to 1, channel by channel, as many as the model's images have.
   * @param {Float32Array | null} y Weights of the classes, for a conditional model.
   * @returns {Promise<Encoded>}
   */
  async encode(x, y) {
    await this.ready
    if (!this.#session) throw new Error(this.reason)
    const { Tensor } = this.#ort
    const [, ...shape] = this.#session.inputMetadata.find(({ name }) => name === "x").shape
    const feeds = { x: new Tensor("float32", x, [1, ...shape]) }
    if (this.#session.inputNames.includes("y")) feeds.y = new Tensor("float32", y, [1, y.length])
    const { mean, log_var: logVar, image, distortion, rate } = await this.#session.run(feeds)
    return { mean: mean.data, logVar: logVar.data, image: image.data, distortion: distortion.data[0], rate: rate.data[0] }
  }

  /** Give its memory back; who still asks is told. */
  release() {
    this.reason = "the encoder of this moment was put away; choose it again."
    this.#session?.release?.()
    this.#session = null
  }
}
