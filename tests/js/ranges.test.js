/** What is in view of the prior, the middles of classes, and names that do not lie over each other. */
import assert from "node:assert/strict"
import { test } from "node:test"
import "./support/canvas.js"
import { names } from "#browser/map/axes.js"
import { centresOf } from "#browser/map/map_layers.js"
import { withPrior } from "#browser/map/plane.js"

const DOT = { left: -0.01, right: 0.02, low: -0.03, high: 0.01 }

test("points that take hardly any room are seen within two σ of the prior", () => {
  assert.deepEqual(withPrior({ prior: "", plane: null, latent_dim: 2 }, DOT), { left: -2, right: 2, low: -2, high: 2 })
  assert.deepEqual(withPrior({ prior: "", plane: null, latent_dim: 2 }, { left: -4, right: 1, low: 0, high: 3 }), { left: -4, right: 2, low: -2, high: 3 })
})

test("of one dimension the height means nothing, and of another prior nothing is known", () => {
  const plane = { mean: [0], components: [[1], [0]], explained: 1 }
  assert.deepEqual(withPrior({ prior: "", plane, latent_dim: 1 }, DOT), { ...DOT, left: -2, right: 2 })
  assert.deepEqual(withPrior({ prior: "For the standard normal only", plane: null, latent_dim: 2 }, DOT), DOT)
})

test("the prior is in view where the plane does not go through its mean", () => {
  const plane = { mean: [3, 0, 0], components: [[1, 0, 0], [0, 1, 0]], explained: 1 }
  const found = withPrior({ prior: "", plane, latent_dim: 3 }, DOT)
  assert.deepEqual([found.left, found.right], [-5, 0.02])
})

test("a class's name stands at the mean of its points; one without points has none", () => {
  const shown = { x: Float32Array.of(0, 2, 5), y: Float32Array.of(1, 3, 5), num: 3 }
  const groups = [{ name: "zero", label: 0, num: 2 }, { name: "one", label: 1, num: 0 }, { name: "no class", label: -1, num: 1 }]
  assert.deepEqual(centresOf(shown, { values: Int16Array.of(0, 0, -1), groups }), [{ label: 0, name: "zero", u: 1, v: 2 }])
})

test("a name moves where another stands, and none is put out of the plot", () => {
  const put = []
  const context = { measureText: () => ({ width: 40 }), fillText: (text, x, y) => put.push([text, x, y]), beginPath() {}, roundRect() {}, fill() {} }
  names(context, { scale: 1, font: "x", background: "#fff", text: "#000" }, [
    { text: "a", x: 50, y: 50 }, { text: "b", x: 60, y: 52 }, { text: "c", x: 200, y: 50 }, { text: "out", x: 400, y: 50 },
  ], { width: 300, height: 100 })
  assert.deepEqual(put.map(([text]) => text), ["a", "b", "c"])
  assert.ok(Math.abs(put[0][2] - put[1][2]) >= 18)
  assert.equal(put[2][2], 50.5)
})
