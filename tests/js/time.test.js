/** The moment of a run's training that a page shows. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { Time } from "#browser/lib/time.js"

const SOURCE = { get: async () => ({ snapshots: [], state: "finished" }), runtime: "", listen: () => () => {}, wake() {} }
const BASE = { at: "best", stamp: "b" }

function time(steps = [0, 100, 300, 1000]) {
  const made = new Time(SOURCE, "run")
  made.snapshots = steps.map((step) => ({ step, epoch: step / 100, seconds: step, beta: 1, rate_per_dim: [1], stamp: `s${step}` }))
  made.loaded = true
  return made
}

test("the right end has the weights that the page was opened with", () => {
  const made = time()
  assert.equal(made.shown, null)
  assert.equal(made.place, 4)
  assert.deepEqual(made.weights(BASE), BASE)
  assert.deepEqual(made.steps, [0, 100, 300, 1000])
})

test("a step is that of the nearest snapshot", () => {
  const made = time()
  for (const [step, wanted, place] of [[0, 0, 0], [49, 0, 0], [51, 100, 1], [640, 300, 2], [1e9, 1000, 3], [-5, 0, 0]]) {
    made.set(step)
    assert.equal(made.step, wanted)
    assert.equal(made.place, place)
    assert.deepEqual(made.weights(BASE), { at: String(wanted), stamp: `s${wanted}` })
    assert.deepEqual(made.end(BASE), BASE)
  }
  made.set(null)
  assert.equal(made.step, null)
})

test("before the list is there, a step is taken as it is; in an empty list there is none", () => {
  const early = new Time(SOURCE, "run")
  early.set(123)
  assert.equal(early.step, 123)
  assert.equal(early.shown, null)
  assert.deepEqual(early.weights(BASE), BASE)
  const none = time([])
  none.set(5)
  assert.equal(none.step, null)
})

test("news of Python is taken, its echo is not, and each component hears for itself", () => {
  const made = time()
  const [one, other] = [{}, {}]
  made.adopt(one, null)
  made.adopt(other, null)
  made.set(100, { source: "time" })
  made.tell(100)
  made.set(300, { source: "time" })
  made.adopt(one, 100)
  made.adopt(other, 100)
  assert.equal(made.step, 300)
  made.adopt(one, null)
  assert.equal(made.step, null)
  assert.equal(made.source, "python")
  made.adopt(one, 1000)
  assert.equal(made.step, 1000)
  made.set(0)
  made.adopt(one, 1000)
  assert.equal(made.step, 0)
})

test("an echo counts once, and an older one than was heard is news", () => {
  const made = time()
  const one = {}
  made.adopt(one, null)
  for (const step of [100, 300, 1000]) {
    made.set(step)
    made.tell(step)
  }
  made.adopt(one, 300)
  assert.equal(made.step, 1000)
  made.adopt(one, 100)
  assert.equal(made.step, 100)
})

test("what a run's state is says whether it is followed", () => {
  const made = time()
  for (const [state, following] of [["running", true], ["paused", true], ["starting", true], ["queued", false], ["finished", false], ["", false]]) {
    made.heed(state)
    assert.equal(made.following, following)
  }
})
