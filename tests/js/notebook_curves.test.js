/** The light curves of a notebook's cell: what they draw and say. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { pointsOf, rangeOf, words } from "#browser/curves/curves.js"
import { PANELS } from "#browser/lib/curve_panels.js"

test("the panels have the order and the words of every page", () => {
  assert.deepEqual(PANELS.map(({ name }) => name), ["distortion", "rate", "elbo", "beta"])
  const line = { distortion: 90, rate: 10, elbo: -100, beta: 2 }
  assert.deepEqual(PANELS.map(({ of }) => of(line)), [90, 10, 100, 2])
})

test("the first steps, far above all others, do not press the rest flat", () => {
  const falling = Array.from({ length: 100 }, (_, k) => (k < 3 ? 5000 : 100 + k / 100))
  const [low, high] = rangeOf(falling)
  assert.equal(low, 100.03)
  assert.ok(high < 102)
  assert.deepEqual(rangeOf([5000, 100]), [100, 5000])
  assert.deepEqual(rangeOf([]), [0, 1])
  assert.deepEqual(rangeOf([Number.NaN, 3]), [2.5, 3.5])
})

test("points stay within the chart, and what is no number is left out", () => {
  const of = (line) => line.rate
  assert.equal(pointsOf([{ step: 0, rate: 0 }, { step: 5, rate: Number.NaN }, { step: 10, rate: 99 }], of, 10, [0, 1]), "0.0,100.0 1000.0,0.0")
})

test("the head says where the training is, its β and its state", () => {
  assert.match(words(null, 0), /^No training yet/)
  assert.equal(
    words({ state: "running", num_steps: 3000 }, 1200, 0.00125),
    "Step 1,200 of 3,000. Solid: training images, dashed: validation images, nats per example. β = 0.00125. The run is running.",
  )
})
