/** Lines of a run's metrics: kept, thinned, merged, looked up. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { betaBefore, betaChanges, between, binned, extent, lineAt, newest } from "#views/train/curves/lines.js"
import { History } from "#browser/lib/history.js"

const line = (step, more = {}) => ({ split: "train", step, epoch: step / 100, distortion: step, rate: 2, elbo: -step - 2, beta: 1, ...more })
const near = (found, wanted, most = 1e-9) => assert.ok(Math.abs(found - wanted) <= most, `${found} is not ${wanted}`)

test("lines go where they belong", () => {
  const history = new History()
  assert.equal(history.last, undefined)
  history.add([line(1), { split: "validation", step: 1 }, { event: "beta", step: 2 }, { split: "other", step: 3 }, line(4)])
  assert.deepEqual(history.train.map(({ step }) => step), [1, 4])
  assert.equal(history.validation.length, 1)
  assert.equal(history.events.length, 1)
  assert.equal(history.received, 2)
  assert.equal(history.last.step, 4)
})

test("a long history is thinned to means that keep what was received", () => {
  const history = new History()
  const all = Array.from({ length: 10_001 }, (_, k) => line(k + 1))
  for (let start = 0; start < all.length; start += 500) history.add(all.slice(start, start + 500))
  assert.ok(history.train.length <= 4000, String(history.train.length))
  assert.equal(history.received, 10_001)
  assert.equal(history.last.step, 10_001)
  const steps = history.train.reduce((sum, one) => sum + (one.num_steps ?? 1), 0)
  assert.equal(steps, 10_001)
  const mean = history.train.reduce((sum, one) => sum + one.distortion * (one.num_steps ?? 1), 0) / steps
  near(mean, 5001, 1e-6)
  assert.ok(history.train.every((one, k) => k === 0 || one.step > history.train[k - 1].step))
})

test("events and validation are bounded too", () => {
  const history = new History()
  history.add(Array.from({ length: 5000 }, (_, k) => ({ event: "pause", step: k })))
  history.add(Array.from({ length: 5000 }, (_, k) => ({ split: "validation", step: k })))
  assert.ok(history.events.length <= 4000)
  assert.equal(history.events.at(-1).step, 4999)
  assert.ok(history.validation.length <= 4000)
  assert.equal(history.validation.at(-1).step, 4999)
})

test("a history goes by message", () => {
  const history = new History()
  history.add([line(1), line(2)])
  const copy = History.of(structuredClone({ ...history }))
  assert.deepEqual(copy.train, history.train)
  assert.equal(copy.last.step, 2)
  copy.add([line(3)])
  assert.equal(history.train.length, 2)
})

test("changes of β say from and to", () => {
  const history = new History()
  history.add([line(10), line(20), { event: "beta", step: 20, beta: 4 }, line(30, { beta: 4 }), { event: "beta", step: 30, beta: 4, before: 4 }, { event: "pause", step: 30 },
    { event: "beta", step: 30, beta: 2, before: 4 }])
  assert.deepEqual(betaChanges(history).map(({ from, to }) => [from, to]), [[1, 4], [4, 2]])
  assert.equal(betaBefore(history.train, 5), null)
  assert.equal(betaBefore(history.train, 10), 1)
  assert.equal(betaBefore(history.train, 29), 1)
  assert.equal(betaBefore(history.train, 99), 4)
  const first = new History()
  first.add([{ event: "beta", step: 0, beta: 2 }])
  assert.deepEqual(betaChanges(first), [])
})

test("the line of a step is the first that does not end before it", () => {
  const lines = [line(10), line(20), line(30)]
  for (const [step, wanted] of [[1, 10], [10, 10], [11, 20], [30, 30], [99, 30]]) assert.equal(lineAt(lines, step).step, wanted)
})

test("lines of an interval, and one on each side", () => {
  const lines = [0, 1, 2, 3, 4, 5].map((step) => line(step))
  const steps = (low, high) => between(lines, ({ step }) => step, low, high).map(({ step }) => step)
  assert.deepEqual(steps(2, 3), [1, 2, 3])
  assert.deepEqual(steps(1.5, 3.5), [1, 2, 3, 4])
  assert.deepEqual(steps(-9, 99), [0, 1, 2, 3, 4, 5])
  assert.deepEqual(steps(9, 99), [5])
  assert.deepEqual(steps(-9, -5), [0])
})

test("bins are means weighted by their steps, at the place of the last", () => {
  const lines = [line(1, { num_steps: 1, distortion: 0 }), line(4, { num_steps: 3, distortion: 4 }), line(5, { distortion: 7 })]
  const found = binned(lines, 2)
  assert.equal(found.length, 2)
  near(found[0].distortion, 3)
  assert.equal(found[0].step, 4)
  near(found[1].distortion, 7)
  assert.equal(binned(lines, 3), lines)
  assert.deepEqual(binned([], 5), [])
  assert.equal(binned(Array.from({ length: 1000 }, (_, k) => line(k)), 700).length, 500)
})

test("the newest mean is of the last epoch, as far as β stayed", () => {
  const lines = Array.from({ length: 300 }, (_, k) => line(k + 1))
  near(newest(lines).distortion, 250.5)
  const changed = lines.map((one) => ({ ...one, beta: one.step > 290 ? 2 : 1 }))
  near(newest(changed).distortion, 295.5)
  near(newest([line(7)]).distortion, 7)
})

test("an axis has air, begins at zero where that means something, and lets no spike flatten the rest", () => {
  assert.deepEqual(extent([], "rate"), [0, 1])
  const [low, high] = extent([10, 20], "distortion")
  assert.ok(low < 10 && high > 20 && low > 8 && high < 22)
  assert.equal(extent([5, 6], "rate")[0], 0)
  assert.equal(extent([1], "beta")[0], 0)
  const [from, to] = extent([3, 3, 3], "elbo")
  assert.ok(from < 3 && to > 3)
  const spiky = [1000, ...Array.from({ length: 99 }, (_, k) => 10 + (k % 5))]
  assert.ok(extent(spiky, "distortion")[1] < 30)
  assert.ok(extent(spiky.slice(0, 50), "distortion")[1] >= 1000)
  assert.ok(extent([1, 1, 1], "beta")[1] > 1.2)
})
