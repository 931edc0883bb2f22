/**
 * The decoder in this browser: ONNX on WebAssembly, one thread. For each client (an image, a map's card) the newest
 * request wins, and over the whole page at most one decode is under way. Where the runtime is missing or the model
 * cannot be exported, the server decodes instead, and `source` says so.
 */
import { Models } from "./models.js"
import { drawFirst, loadModel } from "./runtime.js"
import { get } from "./server.js"
import { pictureAddress } from "./store.js"

/**
 * @typedef {{data: Float32Array, channels: number, height: number, width: number} | {bitmap: ImageBitmap, height: number,
 *   width: number}} Picture Values of the mean image, or what the server drew.
 */

export { drawFirst }

/** The decoders of the page. */
export const decoders = new Models((run, weights) => new Decoder(run, weights), 160, 400e6)

export class Decoder {
  /** @type {"loading" | "browser" | "server"} */
  source = "loading"
  /** Why the server decodes, in words. */
  reason = ""
  clients = new Set()
  /** Bytes of the model. */
  size = 0
  #jobs = new Map()
  #busy = false
  #session = null
  #ort = null

  constructor(run, weights) {
    this.run = run
    this.weights = weights
    /** Settled when it is known who decodes. */
    this.ready = this.#load()
  }

  get isUsed() {
    return this.clients.size > 0
  }

  async #load() {
    try {
      const { ort, session, size } = await loadModel(this.run, "decoder.onnx", this.weights)
      this.size = size
      this.#session = session
      this.#ort = ort
      this.source = "browser"
    } catch (error) {
      this.source = "server"
      this.reason = error.message
    }
    return this.source
  }

  /**
   * Decode a point when the turn comes, unless the client asks for a newer one first.
   * @param {object} client Anything that stands for who asks.
   * @param {{z: Float32Array, y: Float32Array | null}} point
   * @param {(picture: Picture) => void} deliver
   * @param {(error: Error) => void} [fail]
   */
  request(client, point, deliver, fail = () => {}) {
    this.#jobs.set(client, { point, deliver, fail })
    if (!this.#busy) this.#work()
  }

  /** Forget what a client asked for. */
  cancel(client) {
    this.#jobs.delete(client)
  }

  async #work() {
    this.#busy = true
    while (this.#jobs.size) {
      const [client, job] = this.#jobs.entries().next().value
      this.#jobs.delete(client)
      try {
        job.deliver(await this.#decode(job.point))
      } catch (error) {
        job.fail(error)
      }
    }
    this.#busy = false
  }

  #decode({ z, y }) {
    return this.source === "browser" ? this.batch(z, y, 1) : this.#decodeOnServer(z, y)
  }

  /**
   * Decode several points at once in the browser.
   * @param {Float32Array} z `num` points, one after the other.
   * @param {Float32Array | null} y As many weights of classes.
   * @param {number} num
   * @returns {Promise<Picture & {num: number}>}
   */
  async batch(z, y, num) {
    const { Tensor } = this.#ort
    const feeds = { z: new Tensor("float32", z, [num, z.length / num]) }
    if (this.#session.inputNames.includes("y")) feeds.y = new Tensor("float32", y, [num, y.length / num])
    const { image } = await this.#session.run(feeds)
    const [, channels, height, width] = image.dims
    return { num, data: image.data, channels, height, width }
  }

  async #decodeOnServer(z, y) {
    const response = await get(pictureAddress(this.run, this.weights, z, y))
    const bitmap = await createImageBitmap(await response.blob())
    return { bitmap, height: bitmap.height, width: bitmap.width }
  }

  release() {
    this.#session?.release?.()
    this.#session = null
  }
}
