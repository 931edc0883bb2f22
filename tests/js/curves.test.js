/** What the curves say in words: that the KL fell to zero, and what a single step did. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { collapseOf } from "#views/train/curves/collapse.js"
import { effectWords } from "#views/train/curves/step_effect.js"

const line = (step, rate, beta = 1) => ({ split: "train", step, epoch: step / 100, distortion: 100, rate, elbo: -100 - rate, beta })
const lines = (rates, every = 100) => rates.map((rate, k) => line((k + 1) * every, rate))
const of = (rates, events = [], every = 100) => collapseOf({ train: lines(rates, every), events }, rates.at(-1))

test("a KL that is paid for is no collapse", () => {
  assert.equal(of([0.01, 2, 5, 6]), null)
  assert.equal(of([]), null)
  assert.equal(of([6, 5, 0.2]), null)
})

test("a KL that fell says when, and after which rise of β", () => {
  const events = [{ event: "beta", step: 150, before: 4, beta: 1 }, { event: "beta", step: 310, before: 1, beta: 50 }, { event: "beta", step: 600, before: 50, beta: 60 }]
  const found = of([1, 4, 5, 1, 0.01, 0.004], events)
  assert.equal(found.fell, true)
  assert.match(found.words, /fell to 0\.00 nats at epoch 5\.0, after β went from 1 to 50/)
})

test("a KL that fell by itself names no cause", () => {
  assert.match(of([1, 4, 5, 1, 0.01, 0.004]).words, /at epoch 5\.0: z carries nothing/)
  // What β did afterwards is no cause either, nor is a β that was lowered.
  assert.doesNotMatch(of([1, 4, 0.01, 0.01, 0.01], [{ event: "beta", step: 450, before: 1, beta: 9 }, { event: "beta", step: 110, before: 3, beta: 1 }]).words, /after β/)
})

test("a KL that never rose is told after some epochs, not at the start", () => {
  assert.equal(of([0.01, 0.01], [], 10), null)
  const found = of([0.01, 0.01, 0.001, 0.001])
  assert.equal(found.fell, false)
  assert.match(found.words, /has stayed at 0\.00 nats/)
})

test("one that comes back is none any more", () => {
  assert.equal(of([1, 5, 0.01, 0.01, 2, 4]), null)
  assert.equal(of([1, 5, 0.01, 0.01, 0.3]), null)
})

test("a step says what it did to its batch", () => {
  const event = { event: "step", step: 1234, beta: 2, num_images: 64, distortion_before: 128.912, distortion_after: 128.7, rate_before: 7.05, rate_after: 7.06, weights_moved: 0.0004 }
  assert.equal(
    effectWords(event),
    "Step 1,234, on its 64 images: reconstruction 128.91 → 128.70 (−0.21), KL 7.05 → 7.06 (+0.01), loss 143.01 → 142.82 (−0.19) nats. The weights moved by 0.040 % of their length.",
  )
  assert.equal(effectWords({ event: "step", step: 3 }), "")
  assert.equal(effectWords({ ...event, rate_after: "7" }), "")
})
