/** Runs as files of a folder. */
import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Refusal } from "#browser/lib/asking.js"
import { fileOf, folder } from "#browser/sources/folder.js"

test("each thing of a run has its file", () => {
  assert.equal(fileOf("digits", "snapshots", {}), "digits/snapshots")
  assert.equal(fileOf("digits", "decoder.onnx", { at: "best", v: "abc" }), "digits/best/decoder.onnx")
  assert.equal(fileOf("digits", "latent", { at: 40, part: "test", v: "abc" }), "digits/40/latent-test")
  assert.equal(fileOf("digits", "originals", { part: "test" }), "digits/originals-test")
  assert.equal(fileOf("a run/&", "images", { index: "1,2", y: null }), "a%20run%2F%26/images-index%3D1%2C2")
  assert.equal(fileOf("../x", "latent", {}), "..%2Fx/latent")
})

test("a file that is not there is refused, one that is comes as it is asked for", async () => {
  const asked = []
  mock.method(globalThis, "fetch", async (url) => {
    asked.push(String(url))
    return String(url).endsWith("snapshots") ? Response.json({ snapshots: [] }) : new Response("<html>", { status: 404 })
  })
  const source = folder("http://here/runs/", "http://here/runtime/")
  assert.deepEqual(await source.get("digits", "snapshots", {}, "json"), { snapshots: [] })
  await assert.rejects(source.get("digits", "terms", { at: "best" }, "arrayBuffer"), (error) => error instanceof Refusal && /not shared/.test(error.message))
  assert.deepEqual(asked, ["http://here/runs/digits/snapshots", "http://here/runs/digits/best/terms"])
  assert.equal(source.runtime, "http://here/runtime/")
  assert.equal(source.decodes, false)
  assert.equal(typeof source.listen("digits", {}), "function")
  mock.restoreAll()
})
