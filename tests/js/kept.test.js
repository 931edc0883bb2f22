/** What is kept of what was used last, draws, and work that waits. */
import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Kept } from "#browser/lib/kept.js"
import { mixUp, normal } from "#browser/lib/random.js"
import { atPace, atRest, goOn } from "#browser/lib/rest.js"

test("what was used longest ago goes first, by bytes", () => {
  const dropped = []
  const kept = new Kept(100, (value) => dropped.push(value))
  kept.set("a", "A", 40)
  kept.set("b", "B", 40)
  assert.equal(kept.get("a"), "A")
  kept.set("c", "C", 40)
  assert.deepEqual(dropped, ["B"])
  assert.equal(kept.has("b"), false)
  assert.equal(kept.get("b"), undefined)
  assert.deepEqual(kept.values, ["A", "C"])
})

test("the newest stays though it is larger than all room", () => {
  const kept = new Kept(10)
  kept.set("small", 1, 5)
  kept.set("large", 2, 50)
  assert.deepEqual(kept.values, [2])
  kept.set("next", 3, 5)
  assert.deepEqual(kept.values, [3])
})

test("what is set again takes the place of the old, with its bytes", () => {
  const dropped = []
  const kept = new Kept(100, (value) => dropped.push(value))
  kept.set("a", 1, 60)
  kept.set("a", 2, 60)
  kept.set("b", 3, 40)
  assert.deepEqual(dropped, [1])
  assert.deepEqual(kept.values, [2, 3])
  kept.delete("nobody")
  kept.clear()
  assert.deepEqual(dropped, [1, 2, 3])
  assert.deepEqual(kept.values, [])
  kept.set("c", 4, 100)
  assert.deepEqual(kept.values, [4])
})

test("a falsy value is kept like any other", () => {
  const kept = new Kept(10)
  kept.set("zero", 0, 1)
  kept.set("nothing", null, 1)
  assert.equal(kept.get("zero"), 0)
  assert.equal(kept.get("nothing"), null)
})

test("draws are standard normal", () => {
  const num = 20_000
  const draws = Array.from({ length: num }, normal)
  const mean = draws.reduce((sum, value) => sum + value) / num
  const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / num
  const within = draws.filter((value) => Math.abs(value) < 1).length / num
  assert.ok(Math.abs(mean) < 0.04, String(mean))
  assert.ok(Math.abs(variance - 1) < 0.06, String(variance))
  assert.ok(Math.abs(within - 0.6827) < 0.02, String(within))
  assert.ok(draws.every(Number.isFinite))
})

test("a mixed order has everything once, and each first as often as another", () => {
  const firsts = new Map()
  for (let k = 0; k < 3000; k += 1) {
    const values = ["a", "b", "c"]
    mixUp(values)
    assert.deepEqual([...values].sort((a, b) => (a < b ? -1 : 1)), ["a", "b", "c"])
    firsts.set(values[0], (firsts.get(values[0]) ?? 0) + 1)
  }
  for (const num of firsts.values()) assert.ok(Math.abs(num - 1000) < 150, String(num))
  const one = [7]
  mixUp(one)
  assert.deepEqual(one, [7])
})

test("work waits until nobody asks any more", () => {
  mock.timers.enable({ apis: ["setTimeout"] })
  let done = 0
  const work = atRest(() => { done += 1 }, 100)
  work.soon()
  mock.timers.tick(90)
  work.soon()
  mock.timers.tick(90)
  assert.equal(done, 0)
  mock.timers.tick(10)
  assert.equal(done, 1)
  work.soon()
  work.now()
  assert.equal(done, 2)
  mock.timers.tick(1000)
  assert.equal(done, 2)
  work.soon()
  work.cancel()
  mock.timers.tick(1000)
  assert.equal(done, 2)
  mock.timers.reset()
})

test("work at a pace has one under way, and leaves out what was passed", async () => {
  const finish = []
  let begun = 0
  const work = atPace(() => { begun += 1; return new Promise((resolve) => finish.push(resolve)) }, 0)
  mock.timers.enable({ apis: ["setTimeout"] })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const turn = async () => { await settled(); mock.timers.tick(5); await settled() }
  work.soon()
  work.soon()
  await turn()
  assert.equal(begun, 1)
  for (let k = 0; k < 5; k += 1) work.soon()
  await turn()
  assert.equal(begun, 1)
  finish.shift()()
  await turn()
  assert.equal(begun, 2)
  finish.shift()()
  await turn()
  assert.equal(begun, 2)
  work.cancel()
  work.soon()
  await turn()
  assert.equal(begun, 2)
  mock.timers.reset()
})

test("what fails is told, and what tells it may fail", async () => {
  const told = []
  await goOn(() => { throw new Error("one") }, (error) => told.push(error.message))
  await goOn(async () => { throw new Error("two") }, (error) => told.push(error.message))
  await goOn(() => { throw "three" }, (error) => told.push(error.message))
  assert.deepEqual(told, ["one", "two", "three"])
  const log = mock.method(console, "error", () => {})
  await goOn(() => { throw new Error("four") }, () => { throw new Error("five") })
  assert.equal(log.mock.callCount(), 1)
  log.mock.restore()
})
