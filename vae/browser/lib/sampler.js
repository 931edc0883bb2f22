/**
 * From a posterior to the terms of the loss in this browser: one ONNX graph with vae's own formulas (`vae.export.onnx.pass_onnx`), so
 * that numbers here are those of the library.
 */
import { Model, Models } from "./models.js"

/**
 * @typedef {{x: Float32Array, mean: Float32Array, logVar: Float32Array, noise: Float32Array, y: Float32Array | null}} Given
 *   An image, its posterior, ε, and the condition that the decoder gets.
 * @typedef {{z: Float32Array, image: Float32Array, distortion: number, ratePerDim: Float32Array}} Passed
 *   z = μ + σ ⊙ ε, the mean image, and the terms of the loss in nats.
 */

/** The samplers of the page. */
/** @type {Models<Sampler>} */
export const samplers = new Models((source, run, weights) => new Sampler(source, run, weights), 40, 200e6)

export class Sampler extends Model {
  /**
   * @param {import("./source.js").Source} source
   * @param {string} run
   * @param {import("./models.js").Weights} weights
   */
  constructor(source, run, weights) {
    super(source, run, weights, "pass.onnx", "missing")
  }

  /**
   * @param {Given} given
   * @returns {Promise<Passed>}
   */
  async pass({ x, mean, logVar, noise, y }) {
    const found = await this.compute(({ Tensor }, { inputNames, inputMetadata }) => {
      const [, ...shape] = inputMetadata.find((/** @type {{name: string}} */ { name }) => name === "x").shape
      const row = (/** @type {Float32Array} */ values) => new Tensor("float32", values, [1, values.length])
      return { x: new Tensor("float32", x, [1, ...shape]), mean: row(mean), log_var: row(logVar), noise: row(noise), ...(inputNames.includes("y") && { y: row(y ?? new Float32Array()) }) }
    })
    return { z: found.z.data, image: found.image.data, distortion: found.distortion.data[0], ratePerDim: found.rate_per_dim.data }
  }
}
