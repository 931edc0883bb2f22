/**
 * The decoder in this browser: ONNX on WebAssembly, one thread. For each client (an image, a map's card) the newest
 * request wins, and over the whole page at most one decode is under way. Where the runtime is missing or the model
 * cannot be exported, the server decodes instead, and `source` says so.
 */
import { Model, Models } from "./models.js"
import { drawFirst } from "./runtime.js"
import { goOn } from "./rest.js"
import { ask } from "./server.js"
import { pictureAddress } from "./store.js"

/**
 * @typedef {{data: Float32Array, channels: number, height: number, width: number} | {bitmap: ImageBitmap, height: number,
 *   width: number}} Picture Values of the mean image, or what the server drew.
 */

export { drawFirst }

/** The decoders of the page. */
export const decoders = new Models((run, weights) => new Decoder(run, weights), 160, 400e6)

export class Decoder extends Model {
  #jobs = new Map()
  #busy = false

  constructor(run, weights) {
    super(run, weights, "decoder.onnx", "server")
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
      await goOn(async () => job.deliver(await this.#decode(job.point)), job.fail)
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
    const { image } = await this.compute(({ Tensor }, { inputNames }) => ({
      z: new Tensor("float32", z, [num, z.length / num]),
      ...(inputNames.includes("y") && { y: new Tensor("float32", y, [num, y.length / num]) }),
    }))
    const [, channels, height, width] = image.dims
    return { num, data: image.data, channels, height, width }
  }

  async #decodeOnServer(z, y) {
    const bitmap = await createImageBitmap(await ask(pictureAddress(this.run, this.weights, z, y), "blob"))
    return { bitmap, height: bitmap.height, width: bitmap.width }
  }
}
