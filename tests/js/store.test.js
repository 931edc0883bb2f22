/** The page's point, and what Python tells of it: news, or the echo of what it was told. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { blend, classOf, conditionOf, oneHot, pointQuery, short, Store } from "#browser/lib/store.js"

test("a point is a copy in 32 bits, and whoever listens hears of it", () => {
  const store = new Store()
  const heard = []
  const given = [0.1, 2]
  const stop = store.subscribe((point) => heard.push(point))
  assert.equal(heard.length, 0)
  store.set({ z: given }, { source: "sliders", time: 12 })
  given[0] = 9
  assert.deepEqual(heard.at(-1).z, Float32Array.of(0.1, 2))
  assert.equal(heard.at(-1).source, "sliders")
  assert.equal(heard.at(-1).time, 12)
  stop()
  store.set({ z: [1, 1] })
  assert.equal(heard.length, 1)
  const late = []
  store.subscribe((point) => late.push(point))
  assert.deepEqual(late[0].z, Float32Array.of(1, 1))
})

test("a store without a point takes no class alone", () => {
  const store = new Store()
  store.set({ y: [1, 0] })
  assert.equal(store.point, null)
})

test("a change keeps what it does not name, and a moved z forgets whose posterior it was", () => {
  const store = new Store()
  store.set({ z: [1, 2], y: [0, 1], sigma: [0.5, 0.5] })
  assert.deepEqual(store.point.mean, Float32Array.of(1, 2))
  store.set({ y: [1, 0] })
  assert.deepEqual(store.point.z, Float32Array.of(1, 2))
  assert.deepEqual(store.point.sigma, Float32Array.of(0.5, 0.5))
  assert.deepEqual(store.point.y, Float32Array.of(1, 0))
  store.set({ z: [3, 4] })
  assert.equal(store.point.sigma, null)
  assert.equal(store.point.mean, null)
  assert.deepEqual(store.point.y, Float32Array.of(1, 0))
  store.set({ y: null })
  assert.equal(store.point.y, null)
  store.set({ z: [1, 1], sigma: [1, 1], mean: [0, 0] })
  assert.deepEqual(store.point.mean, Float32Array.of(0, 0))
})

test("what Python says first is taken, and said again it is no news", () => {
  const store = new Store()
  const component = {}
  store.adopt(component, [1, 2], null)
  assert.deepEqual(store.point.z, Float32Array.of(1, 2))
  assert.equal(store.point.source, "python")
  store.set({ z: [5, 5] })
  store.adopt(component, [1, 2], null)
  assert.deepEqual(store.point.z, Float32Array.of(5, 5))
  store.adopt(component, [1, 3], null)
  assert.deepEqual(store.point.z, Float32Array.of(1, 3))
})

test("an echo that comes late does not move a hand that went on", () => {
  const store = new Store()
  const component = {}
  store.adopt(component, [0, 0], null)
  for (const z of [[1, 0], [2, 0], [3, 0]]) {
    store.set({ z })
    store.tell(store.point.z, store.point.y)
  }
  store.set({ z: [4, 0] })
  for (const z of [[1, 0], [2, 0], [3, 0]]) {
    store.adopt(component, z, null)
    assert.deepEqual(store.point.z, Float32Array.of(4, 0))
  }
  // An older one again is news: Back.
  store.adopt(component, [1, 0], null)
  assert.deepEqual(store.point.z, Float32Array.of(1, 0))
})

test("each component hears of an echo for itself", () => {
  const store = new Store()
  const [one, other] = [{}, {}]
  store.adopt(one, [0], null)
  store.adopt(other, [0], null)
  store.set({ z: [1] })
  store.tell([1], null)
  store.set({ z: [2] })
  store.adopt(one, [1], null)
  store.adopt(other, [1], null)
  assert.deepEqual(store.point.z, Float32Array.of(2))
})

test("the class is part of what is told", () => {
  const store = new Store()
  const component = {}
  store.adopt(component, [0], [1, 0])
  store.set({ y: [0, 1] })
  store.tell(store.point.z, store.point.y)
  store.adopt(component, [0], [0, 1])
  assert.deepEqual(store.point.y, Float32Array.of(0, 1))
  store.adopt(component, [0], [1, 0])
  assert.deepEqual(store.point.y, Float32Array.of(1, 0))
})

test("numbers differ for a link from the fifth decimal on in nothing", () => {
  const store = new Store()
  const component = {}
  store.adopt(component, [0.12345], null)
  store.set({ z: [9] })
  store.adopt(component, [0.123451], null)
  assert.deepEqual(store.point.z, Float32Array.of(9))
})

test("weights of classes", () => {
  assert.deepEqual(oneHot(1, 3), Float32Array.of(0, 1, 0))
  assert.deepEqual(oneHot(-1, 3), Float32Array.of(0, 0, 0))
  assert.deepEqual(oneHot(3, 3), Float32Array.of(0, 0, 0))
  assert.deepEqual(blend(0, 2, 0.25, 3), Float32Array.of(0.75, 0, 0.25))
  assert.deepEqual(blend(1, 1, 0.5, 2), Float32Array.of(0, 1))
  assert.equal(classOf(null), -1)
  assert.equal(classOf([]), -1)
  assert.equal(classOf([0.2, 0.5, 0.3]), 1)
  assert.equal(classOf(Float32Array.of(1, 0)), 0)
  assert.equal(conditionOf({ classes: [], y: 1 }), null)
  assert.deepEqual(conditionOf({ classes: ["a", "b"], y: null }), Float32Array.of(1, 0))
  assert.deepEqual(conditionOf({ classes: ["a", "b"], y: 0, mix: [1, 0.25] }), Float32Array.of(0.75, 0.25))
})

test("a link carries four decimals", () => {
  assert.equal(short(0.123456), 0.1235)
  assert.equal(short("1.00004"), 1)
  assert.equal(short(-2.55555), -2.5556)
  assert.deepEqual(pointQuery([0.5, 1.23456], null), { z: "0.5,1.2346", y: null })
  assert.deepEqual(pointQuery([0], [0, 1]), { z: "0", y: "0,1" })
})
