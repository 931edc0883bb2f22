/**
 * The encoder in this browser, and what the model makes of the image: one ONNX graph with vae's own formulas, so that
 * numbers here are those of the library.
 */
import { Model, Models } from "./models.js"

/**
 * @typedef {{mean: Float32Array, logVar: Float32Array, image: Float32Array, distortion: number, rate: number}} Encoded
 * The posterior of an image; the mean image at the posterior's mean, its distortion, and the rate, in nats.
 */

/** The encoders of the page. */
/** @type {Models<Encoder>} */
export const encoders = new Models((source, run, weights) => new Encoder(source, run, weights), 80, 200e6)

export class Encoder extends Model {
  /**
   * @param {import("./source.js").Source} source
   * @param {string} run
   * @param {import("./models.js").Weights} weights
   */
  constructor(source, run, weights) {
    super(source, run, weights, "autoencoder.onnx", "missing")
  }

  /**
   * Encode one image.
   * @param {Float32Array} x Values from 0 to 1, channel by channel, as many as the model's images have.
   * @param {Float32Array | null} y Weights of the classes, for a conditional model.
   * @returns {Promise<Encoded>}
   */
  async encode(x, y) {
    const { mean, log_var: logVar, image, distortion, rate } = await this.compute(({ Tensor }, { inputNames, inputMetadata }) => {
      const [, ...shape] = inputMetadata.find((/** @type {{name: string}} */ { name }) => name === "x").shape
      return {
        x: new Tensor("float32", x, [1, ...shape]), ...(inputNames.includes("y") && { y: new Tensor("float32", y ?? [], [1, (y ?? []).length]) }),
      }
    })
    return { mean: mean.data, logVar: logVar.data, image: image.data, distortion: distortion.data[0], rate: rate.data[0] }
  }
}
