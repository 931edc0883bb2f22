/**
 * Reads the server's arrays (vae/browser/packed_arrays.py): four bytes with the length of a JSON header, little-endian; the
 * header; then the arrays it names, each at an offset that its type can be viewed at in place.
 */


/** @type {Record<string, new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView>} */
const TYPES = { float32: Float32Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array }

/**
 * Ask for arrays of a run.
 * @param {import("./source.js").Source} source
 * @param {string} run
 * @param {string} path
 * @param {import("./source.js").Query} query
 * @param {import("./source.js").Asking} [options]
 * @returns {Promise<Record<string, any>>} The header's fields, and each array by its name as `{data, shape}`.
 */
export async function arrays(source, run, path, query, options) {
  return unpacked(await source.get(run, path, query, "arrayBuffer", options))
}

/**
 * Read arrays.
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, any>} The header's fields, and each array by its name as `{data, shape}`.
 */
export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true)
  const { arrays: listed, ...fields } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))
  const start = 4 + length
  for (const { name, dtype, shape, offset } of listed) {
    const size = shape.reduce((/** @type {number} */ product, /** @type {number} */ side) => product * side, 1)
    fields[name] = { data: new TYPES[dtype](buffer, start + offset, size), shape }
  }
  return fields
}

/**
 * Bytes of what `arrays` has found.
 * @param {Record<string, any>} found
 * @returns {number}
 */
export function sizeOf(found) {
  return Object.values(found).reduce((sum, value) => sum + (value?.data?.byteLength ?? 0), 0)
}
