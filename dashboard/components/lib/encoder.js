/**
 * The encoder in this browser, and what the model makes of the image: one ONNX graph with vae's own formulas, so that
 * numbers here are those of the library.
 */
import { Models } from "./models.js"
import { loadModel } from "./runtime.js"

/**
 * @typedef {{mean: Float32Array, logVar: Float32Array, image: Float32Array, distortion: number, rate: number}} Encoded
 * The posterior of an image; the mean image at the posterior's mean, its distortion, and the rate, in nats.
 */

/** The encoders of the page. */
export const encoders = new Models((run, weights) => new Encoder(run, weights), 80, 200e6)

export class Encoder {
  /** @type {"loading" | "browser" | "missing"} */
  source = "loading"
  /** Why there is no encoder here, in words. */
  reason = ""
  /** Bytes of the model. */
  size = 0
  isUsed = false
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
