/**
 * Runs of a shared site: what a server would work out is in a file, or is worked out here. Of what was not shared, a refusal says so.
 */
import { unpacked } from "../lib/arrays.js"
import { Refusal } from "../lib/asking.js"
import { encoders } from "../lib/encoder.js"
import { perRun } from "../lib/source.js"
import { oneHot } from "../lib/store.js"
import { fileOf } from "./folder.js"

/** @typedef {(name: string) => Promise<ArrayBuffer | null>} Files A file of the site by its encoded path; null where there is none. */

/**
 * @param {{file: Files, runtime: string | (() => Promise<any>), shapes: Record<string, {conditional: boolean, labels: string[], stamp: string}>}} given
 * @returns {import("../lib/source.js").Source}
 */
export function shared({ file, runtime, shapes }) {
  /** @param {string} run @param {string} path @param {import("../lib/source.js").Query} query */
  async function bytes(run, path, query) {
    const found = await file(`runs/${fileOf(run, path, query)}`)
    if (!found) throw new Refusal("This was not shared with the run.")
    return found
  }

  /** The test images that were shared, by their rows or by their numbers in the dataset. */
  async function someImages(/** @type {string} */ run, /** @type {string | null | undefined} */ rows, /** @type {string | null | undefined} */ numbers) {
    const { images, index, max_value: maxValue } = unpacked(await originals(source, run).load(async () => inflated(await bytes(run, "originals", { part: "test" }))))
    const wanted = rows ? rows.split(",").map(Number) : String(numbers).split(",").map((number) => index.data.indexOf(Number(number)))
    const size = images.data.length / images.shape[0]
    const chosen = new Uint8Array(wanted.length * size)
    const places = new Int32Array(wanted.length)
    wanted.forEach((row, k) => {
      if (row < 0) throw new Refusal("This image was not shared with the run.")
      chosen.set(images.data.subarray(row * size, (row + 1) * size), k * size)
      places[k] = index.data[row]
    })
    return packed({ max_value: maxValue, part: "test" }, { images: [chosen, [wanted.length, ...images.shape.slice(1)]], index: [places, [wanted.length]] })
  }

  /** The images whose posteriors are nearest to that of given pixels, as `vae.latent.search.nearest` finds them. */
  async function nearest(/** @type {string} */ run, /** @type {any} */ { at, v, part, by, num, x, y }) {
    const { mean, log_var: logVar } = unpacked(await source.get(run, "latent", { at, v, part }, "arrayBuffer"))
    const pixels = Float32Array.from(atob(x.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0) / 255)
    const { conditional, labels } = shapes[run]
    const one = await encoders.of(source, run, { at, stamp: v }).encode(pixels, conditional ? oneHot(Number(y ?? 0), labels.length) : null)
    const [rows, dims] = mean.shape
    const distances = Float64Array.from({ length: rows }, (_, row) => {
      let sum = 0
      for (let d = 0, k = row * dims; d < dims; d += 1, k += 1) {
        const apart = one.mean[d] - mean.data[k]
        if (by !== "kl") sum += apart * apart
        else sum += 0.5 * (Math.exp(one.logVar[d] - logVar.data[k]) + (apart * apart) / Math.exp(logVar.data[k]) - 1 + logVar.data[k] - one.logVar[d])
      }
      return by === "kl" ? sum : Math.sqrt(sum)
    })
    const order = Array.from({ length: rows }, (_, row) => row).sort((a, b) => distances[a] - distances[b] || a - b).slice(0, Number(num))
    return {
      rows: order, distances: order.map((row) => distances[row]), unit: by === "kl" ? "nats" : "", mean: Array.from(one.mean),
      sigma: Array.from(one.logVar, (value) => Math.exp(0.5 * value)),
    }
  }

  /** @type {import("../lib/source.js").Source} */
  const source = {
    async get(run, path, query, as) {
      // Log-variances lie beside the means; the diagnosis was made with one threshold.
      const { log_var: _, threshold: __, rows, index, ...asked } = query
      if (path === "nearest") return nearest(run, query)
      if (path === "images" || rows) return someImages(run, /** @type {string} */ (rows), /** @type {string} */ (index))
      const found = await bytes(run, path, asked)
      if (as === "arrayBuffer") return found
      return as === "json" ? JSON.parse(new TextDecoder().decode(found)) : new Blob([found])
    },
    decodes: false,
    runtime,
    listen: () => () => {},
    wake() {},
  }
  return source
}

/** The originals of a run, fetched once. */
const originals = perRun(() => {
  /** @type {Promise<ArrayBuffer> | null} */
  let coming = null
  return { load: (/** @type {() => Promise<ArrayBuffer>} */ fetch) => (coming ??= fetch()) }
})

/** Images compress well, and a plain web server compresses nothing. @param {ArrayBuffer} packed */
function inflated(packed) {
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer()
}

/** @type {Map<unknown, string>} */
const NAMES = new Map(/** @type {[unknown, string][]} */ ([[Uint8Array, "uint8"], [Int32Array, "int32"]]))

/**
 * Arrays as `lib/arrays.js` reads them.
 * @param {Record<string, any>} fields
 * @param {Record<string, [Uint8Array | Int32Array, number[]]>} arrays
 * @returns {ArrayBuffer}
 */
function packed(fields, arrays) {
  const padded = (/** @type {number} */ size) => size + (-size & 7)
  let end = 0
  const listed = Object.entries(arrays).map(([name, [data, shape]]) => {
    const offset = end
    end += padded(data.byteLength)
    return { name, dtype: NAMES.get(/** @type {any} */ (data.constructor)), shape, offset }
  })
  const text = new TextEncoder().encode(JSON.stringify({ ...fields, arrays: listed }))
  const length = padded(text.length + 4) - 4
  const whole = new Uint8Array(4 + length + end).fill(32)
  new DataView(whole.buffer).setUint32(0, length, true)
  whole.set(text, 4)
  Object.values(arrays).forEach(([data], k) => whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 4 + length + listed[k].offset))
  return whole.buffer
}
