/** onnxruntime-web in this page: WebAssembly, one thread, loaded once for all models. */
import { messageOf } from "./errors.js"
import { ask, importing, Refusal } from "./asking.js"

/** How often the runtime is loaded anew where it could not be started. */
const TRIES = 3

/** @type {Promise<any> | null} */
let runtime = null
let failures = 0

/** Its files: what is imported, and the 14 MB that are compiled. */
const [MAIN, GLUE, WASM] = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]

/**
 * @param {import("./source.js").Source} source
 * @param {(sentence: string) => void} [waiting]
 */
async function load({ runtime: from }, waiting) {
  const files = typeof from === "function" ? await from() : null
  // A folder's files have other addresses at another start; handed over, they are what they are.
  const address = (/** @type {string} */ name) => files?.[name] ?? `${from}${name}${failures ? `?start=${failures}` : ""}`
  const [{ module: ort }, glue] = await Promise.all([MAIN, GLUE].map((name) => importing(address(name), { waiting })))
  ort.env.wasm.numThreads = 1
  ort.env.wasm.proxy = false
  ort.env.wasm.wasmPaths = { mjs: glue.url, wasm: files ? undefined : `${from}${WASM}` }
  if (files) ort.env.wasm.wasmBinary = files[WASM]
  ort.env.logLevel = "error"
  return ort
}

/** What is drawn before the runtime's 14 MB are compiled: compiling takes all cores for a second. */
const first = new Set()

/**
 * Let something be drawn before models are loaded.
 * @param {Promise<unknown>} promise
 */
export function drawFirst(promise) {
  /** @type {Promise<unknown>} */
  const settled = promise.catch(() => {}).then(() => first.delete(settled))
  first.add(settled)
}

/**
 * A model of a run, ready to be run.
 * @param {import("./source.js").Source} source
 * @param {string} run
 * @param {string} file What the source calls it: `decoder.onnx`, `autoencoder.onnx`.
 * @param {{at: string, stamp: string}} weights
 * @param {(sentence: string) => void} [waiting] Told why it takes so long, and "" when that is over.
 * @returns {Promise<{ort: any, session: any, size: number}>} Its size in bytes.
 * @throws {Error} If the server refuses it, or this browser cannot run it.
 */
export async function loadModel(source, run, file, { at, stamp }, waiting) {
  // Who has pictures of its own shows them first; of a source without any, the first picture is this model's.
  if (!runtime && source.decodes) {
    // The page's other components are mounted within the same moment and may have something to draw first.
    await new Promise((resolve) => setTimeout(resolve, 80))
    while (first.size) await Promise.all(first)
  }
  const asked = source.get(run, file, { at, v: stamp }, "arrayBuffer", { waiting })
  asked.catch(() => {})
  for (;;) {
    // After a refusal, who asks next tries again.
    const mine = (runtime ??= load(source, waiting).catch((error) => {
      runtime = null
      throw error
    }))
    const [ort, model] = await Promise.all([mine, asked])
    try {
      const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] })
      return { ort, session, size: model.byteLength }
    } catch (error) {
      if (!/backend/i.test(messageOf(error))) throw error
      // The runtime could not be started, its 14 MB did not come for one: it never tries again, but another copy of it does.
      console.error(error)
      if (failures >= TRIES) throw new Refusal("onnxruntime-web could not be started in this browser.")
      if (runtime === mine) {
        runtime = null
        failures += 1
      }
      if (typeof source.runtime === "string") await ask(`${source.runtime}${WASM}`, "blob", { waiting })
    }
  }
}
