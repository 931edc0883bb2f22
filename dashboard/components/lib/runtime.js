/** onnxruntime-web in this page: WebAssembly, one thread, loaded once for all models. */
import { address, get, runAddress, VERSION } from "./server.js"

let runtime = null

async function load() {
  const base = address(`runtime/${VERSION}/`)
  const ort = await import(`${base}ort.wasm.min.mjs`).catch((error) => {
    console.error(error)
    throw new Error("onnxruntime-web could not be loaded in this browser.")
  })
  ort.env.wasm.numThreads = 1
  ort.env.wasm.proxy = false
  ort.env.wasm.wasmPaths = base
  ort.env.logLevel = "error"
  return ort
}

/** What is drawn before the runtime's 14 MB are compiled: compiling takes all cores for a second. */
const first = new Set()

/** Let something be drawn before models are loaded. */
export function drawFirst(promise) {
  const settled = promise.catch(() => {}).then(() => first.delete(settled))
  first.add(settled)
}

/**
 * A model of a run, ready to be run.
 * @param {string} run
 * @param {string} file Name of the route: `decoder.onnx`, `autoencoder.onnx`.
 * @param {{at: string, stamp: string}} weights
 * @returns {Promise<{ort: object, session: object, size: number}>} Its size in bytes.
 */
export async function loadModel(run, file, { at, stamp }) {
  if (!runtime) {
    // The page's other components are mounted within the same moment and may have something to draw first.
    await new Promise((resolve) => setTimeout(resolve, 80))
    while (first.size) await Promise.all(first)
  }
  // After a failure, who asks next tries again.
  runtime ??= load().catch((error) => {
    runtime = null
    throw error
  })
  const [ort, model] = await Promise.all([
    runtime,
    get(runAddress(run, file, { at, v: stamp })).then((response) => response.arrayBuffer()),
  ])
  const size = model.byteLength
  return { ort, size, session: await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] }) }
}
