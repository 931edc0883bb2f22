/**
 * Runs as files of a folder on any web server: a shared site has no other server. Below the folder each run has its own; in it,
 * what depends on the weights lies in a folder of their name (`best`, a snapshot's step), and what is of a part of the data ends in
 * it: `digits/best/latent-test`, `digits/best/decoder.onnx`, `digits/originals-test`, `digits/snapshots`.
 */
import { persist, Refusal } from "../lib/asking.js"

/**
 * @param {string} base Address of the folder; it ends in a slash.
 * @param {string} runtime Address of the folder with onnxruntime-web; it ends in a slash.
 * @returns {import("../lib/source.js").Source}
 */
export function folder(base, runtime) {
  return {
    get: (run, path, query, as, options) =>
      persist(async () => {
        const response = await fetch(new URL(fileOf(run, path, query), base), { signal: options?.signal })
        if (response.ok) return response[as]()
        if (response.status === 404) throw new Refusal("This was not shared with the others: ask whoever shared the run.")
        throw Object.assign(new Error(`The folder answered ${response.status}.`), { answered: true })
      }, options),
    decodes: false,
    runtime,
    // Files do not train.
    listen: () => () => {},
    wake() {},
  }
}

/**
 * The file of something of a run. What is asked for by more than weights and a part is in no file.
 * @param {string} run
 * @param {string} path
 * @param {import("../lib/source.js").Query} query `v` names the content of the weights, and is not needed here.
 */
export function fileOf(run, path, { at, part, v: _, ...more }) {
  const asked = Object.entries(more).filter(([, value]) => value !== null && value !== undefined && value !== "")
  const name = [path, part, ...asked.map(([key, value]) => `${key}=${value}`)].filter(Boolean).join("-")
  return [run, at, name].filter(Boolean).map((one) => encodeURIComponent(String(one))).join("/")
}
