/** The dashboard's server as the source of runs, and what its pages know of a run by it. */
import { ask } from "../../../vae/browser/lib/asking.js"
import { decoders } from "../../../vae/browser/lib/decoder.js"
import { encoders } from "../../../vae/browser/lib/encoder.js"
import { pointOf as pointAt } from "../../../vae/browser/lib/store.js"
import { timeOf as timeAt } from "../../../vae/browser/lib/time.js"
import { address, runAddress, VERSION } from "./server.js"
import { listen, wake } from "./stream.js"

/** @typedef {import("../../../vae/browser/lib/models.js").Weights} Weights */

/** @type {import("../../../vae/browser/lib/source.js").Source} */
export const server = {
  get: (run, path, query, as, options) => ask(runAddress(run, path, query), as, options),
  decodes: true,
  runtime: address(`runtime/${VERSION}/`),
  listen: (run, listener) => listen(run, listener).stop,
  wake,
}

/** @param {string} run */
export const pointOf = (run) => pointAt(server, run)

/** @param {string} run */
export const timeOf = (run) => timeAt(server, run)

/**
 * @param {string} run
 * @param {Weights} weights
 */
export const decoderOf = (run, weights) => decoders.of(server, run, weights)

/**
 * @param {string} run
 * @param {Weights} weights
 */
export const encoderOf = (run, weights) => encoders.of(server, run, weights)
