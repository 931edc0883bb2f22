/**
 * The decoder in this browser: ONNX on WebAssembly, one thread. For each client (an image, a map's card) the newest
 * request wins, and over the whole page at most one decode is under way. Where the runtime is missing or the model
 * cannot be exported, the server decodes instead, and `source` says so.
 */
import { Model, Models } from "./models.js"
import { drawFirst } from "./runtime.js"
import { goOn } from "./rest.js"
import { pointQuery } from "./store.js"

/**
 * @typedef {{height: number, width: number, bitmap?: ImageBitmap, data?: ArrayLike<number>, channels?: number, offset?: number,
 *   scale?: number}} Picture What the server drew as `bitmap`, or values of the mean image from `offset` on, of which 1 / `scale`
 *   is black's distance to white: 255 where it is left out.
 * @typedef {import("./models.js").Weights} Weights
 * @typedef {{z: Float32Array, y: Float32Array | null}} Place
 * @typedef {{point: Place, deliver: (picture: Picture) => void, fail: (error: Error) => void}} Job
 */

export { drawFirst }

/** The decoders of the page. */
/** @type {Models<Decoder>} */
export const decoders = new Models((source, run, weights) => new Decoder(source, run, weights), 160, 400e6)

export class Decoder extends Model {
  /** @type {Map<object, Job>} */
  #jobs = new Map()
  #busy = false

  /**
   * @param {import("./source.js").Source} source
   * @param {string} run
   * @param {Weights} weights
   */
  constructor(source, run, weights) {
    super(source, run, weights, "decoder.onnx", "server")
  }

  /**
   * Decode a point when the turn comes, unless the client asks for a newer one first.
   * @param {object} client Anything that stands for who asks.
   * @param {Place} point
   * @param {(picture: Picture) => void} deliver
   * @param {(error: Error) => void} [fail]
   */
  request(client, point, deliver, fail = () => {}) {
    this.#jobs.set(client, { point, deliver, fail })
    if (!this.#busy) void this.#work()
  }

  /**
   * Forget what a client asked for.
   * @param {object} client
   */
  cancel(client) {
    this.#jobs.delete(client)
  }

  async #work() {
    this.#busy = true
    // A client that asks anew while it is served comes last, so that nobody waits for ever.
    for (const [client, job] of this.#jobs) {
      this.#jobs.delete(client)
      await goOn(async () => job.deliver(await this.#decode(job.point)), job.fail)
    }
    this.#busy = false
  }

  /**
   * @param {Place} point
   * @returns {Promise<Picture>}
   */
  async #decode({ z, y }) {
    // Until the decoder is here, a server's pictures are shown; who has none waits.
    if (this.source === "loading" && !this.from.decodes) await this.ready
    return this.source === "browser" ? this.batch(z, y, 1) : this.#decodeOnServer(z, y)
  }

  /**
   * Decode several points at once in the browser.
   * @param {Float32Array} z `num` points, one after the other.
   * @param {Float32Array | null} y As many weights of classes.
   * @param {number} num
   * @returns {Promise<{num: number, data: Float32Array, channels: number, height: number, width: number}>}
   */
  async batch(z, y, num) {
    const { image } = await this.compute(({ Tensor }, { inputNames }) => ({
      z: new Tensor("float32", z, [num, z.length / num]),
      ...(inputNames.includes("y") && { y: new Tensor("float32", y ?? [], [num, (y ?? []).length / num]) }),
    }))
    const [, channels, height, width] = image.dims
    return { num, data: image.data, channels, height, width }
  }

  /**
   * @param {Float32Array} z
   * @param {Float32Array | null} y
   * @returns {Promise<Picture>}
   */
  async #decodeOnServer(z, y) {
    if (!this.from.decodes) throw new Error(this.reason)
    const { at, stamp } = this.weights
    const bitmap = await createImageBitmap(await this.from.get(this.run, "decode", { ...pointQuery(z, y), at, v: stamp }, "blob"))
    return { bitmap, height: bitmap.height, width: bitmap.width }
  }
}
