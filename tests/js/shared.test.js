/** Runs of a shared site: images that were shared, and the place of a site's address. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { gzipSync } from "node:zlib"
import { unpacked } from "#browser/lib/arrays.js"
import { Refusal } from "#browser/lib/asking.js"
import { home, placed, read, written } from "#browser/site/link.js"
import { shared } from "#browser/sources/shared.js"

/** Arrays as `vae/browser/packed_arrays.py` writes them. */
function packed(fields, arrays) {
  const padded = (size) => size + (-size & 7)
  let end = 0
  const listed = Object.entries(arrays).map(([name, { dtype, shape, data }]) => {
    const offset = end
    end += padded(data.byteLength)
    return { name, dtype, shape, offset }
  })
  const text = Buffer.from(JSON.stringify({ ...fields, arrays: listed }))
  const length = padded(text.length + 4) - 4
  const whole = Buffer.alloc(4 + length + end, 32)
  whole.writeUInt32LE(length, 0)
  text.copy(whole, 4)
  Object.values(arrays).forEach(({ data }, k) => Buffer.from(data.buffer).copy(whole, 4 + length + listed[k].offset))
  return whole
}

const given = { conditional: false, labels: [], stamp: "s" }

test("test images that were shared come by their rows and by their numbers, compressed on their way", async () => {
  const images = Uint8Array.from({ length: 3 * 4 }, (_, k) => k)
  const content = packed({ max_value: 255, part: "test" }, {
    images: { dtype: "uint8", shape: [3, 1, 2, 2], data: images }, index: { dtype: "int32", shape: [3], data: Int32Array.from([7, 11, 19]) },
  })
  const asked = []
  const file = async (name) => {
    asked.push(name)
    const bytes = gzipSync(content)
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  }
  const source = shared({ file, runtime: "", shapes: { a: given } })
  const rows = unpacked(await source.get("a", "originals", { part: "test", rows: "2,0" }, "arrayBuffer"))
  assert.deepEqual([...rows.images.data], [8, 9, 10, 11, 0, 1, 2, 3])
  assert.deepEqual([...rows.index.data], [19, 7])
  const numbered = unpacked(await source.get("a", "images", { index: "11" }, "arrayBuffer"))
  assert.deepEqual([...numbered.images.data], [4, 5, 6, 7])
  await assert.rejects(source.get("a", "images", { index: "8" }, "arrayBuffer"), Refusal)
  assert.deepEqual(asked, ["runs/a/originals-test"])
})

test("what was not shared is refused in words", async () => {
  const source = shared({ file: async () => null, runtime: "", shapes: { a: given } })
  await assert.rejects(source.get("a", "terms", { at: "best" }, "arrayBuffer"), (error) => error instanceof Refusal && /not shared/.test(error.message))
})

test("an address keeps a lesson, its step and what it hides, and nothing else of them", () => {
  const place = { ...home(), run: "a", view: "generate", mode: "compare", lesson: "08-prior", lessonStep: 3, hide: ["map.lasso"], lock: ["sliders.range"] }
  assert.deepEqual(read(written(place)), place)
  assert.equal(written({ ...home(), run: "a", lessonStep: 3 }), "#run=a")
  assert.deepEqual(read("#hide=map.lasso,</style>,a.b.c,*&mode=leak").hide, ["map.lasso"])
  assert.equal(read("#mode=leak").mode, "samples")
})

test("a link that names what no site has shows what it has", () => {
  const runs = [{ id: "a", map: true, diagnosis: "" }, { id: "b", map: false, diagnosis: "last" }]
  const views = ["explore", "map", "generate", "diagnosis"]
  const at = (/** @type {string} */ hash) => {
    const { run, view } = placed(read(hash), runs, views)
    return `${run} ${view}`
  }
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "nothing", ""]) assert.equal(at(`#run=${name}&view=${name}`), "a explore", name)
  assert.equal(at("#run=b&view=map"), "b explore")
  assert.equal(at("#run=b&view=diagnosis"), "b diagnosis")
  assert.equal(at("#run=a&view=map"), "a map")
})

test("what a link says of the map in another shape is as if it were not said", () => {
  const usual = { projection: "pca", colour: "label", tiles: "even", opacity: 0.5, layers: ["contours"], hidden: [3], area: [0, 0.5, 2], lasso: [[0, 1, 2, 3]], ranges: [["x", 0, 1]] }
  const at = (/** @type {unknown} */ map) => read(`#map=${encodeURIComponent(JSON.stringify(map))}`).map
  assert.deepEqual(at(usual), usual)
  assert.deepEqual(at({ area: null }), { area: null })
  for (const name of Object.keys(usual)) for (const value of [{}, true, name === "opacity" ? "x" : 5, [[5]], [null]]) {
    if (name === "lasso" && JSON.stringify(value) === "[[5]]") continue
    assert.deepEqual(at({ colour: "label", ...(name !== "colour" && { [name]: value }) }), { colour: "label" }, `${name} ${JSON.stringify(value)}`)
    assert.equal(at({ [name]: value }), null)
  }
  assert.equal(at({ constructor: "a", toString: [] }), null)
  assert.equal(read('#map={"__proto__":{"layers":5}}').map, null)
  for (const mix of ["-1,0.5", "0.5,0.5", "1e999,0"]) assert.equal(read(`#mix=${mix}`).mix, null)
  assert.deepEqual(read("#mix=2,0.5").mix, [2, 0.5])
})
