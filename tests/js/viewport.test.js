/** What of a plane is in view, and the ticks of its axes. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { Viewport } from "#browser/lib/viewport.js"

const near = (found, wanted, most = 1e-9) => assert.ok(Math.abs(found - wanted) <= most, `${found} is not ${wanted}`)

function view(width = 400, height = 200, region = { left: -2, right: 2, low: -1, high: 1 }) {
  const made = new Viewport()
  made.resize(width, height)
  made.fit(region)
  return made
}

test("pixels and places are each other's inverse", () => {
  const made = view()
  for (const [u, v] of [[0, 0], [1.5, -0.5], [-3, 4]]) {
    near(made.uAt(made.x(u)), u)
    near(made.vAt(made.y(v)), v)
  }
  assert.ok(made.y(1) < made.y(0), "up is up")
})

test("all of a region is in view, its middle in the middle", () => {
  for (const [width, height] of [[400, 200], [200, 400], [37, 900]]) {
    const made = view(width, height, { left: 1, right: 5, low: 2, high: 3 })
    near(made.x(3), width / 2)
    near(made.y(2.5), height / 2)
    const { left, right, low, high } = made.region
    assert.ok(left < 1 && right > 5 && low < 2 && high > 3)
    assert.ok(made.isWhole)
  }
})

test("a region without size can be shown", () => {
  const made = view(300, 300, { left: 1, right: 1, low: 1, high: 1 })
  assert.ok(Number.isFinite(made.scale) && made.scale > 0)
  near(made.x(1), 150)
})

test("what lies under the pointer stays there as it zooms", () => {
  for (const [x, y, factor] of [[10, 20, 2], [399, 1, 0.5], [200, 100, 10]]) {
    const made = view()
    const [u, v] = [made.uAt(x), made.vAt(y)]
    made.zoom(factor, x, y)
    near(made.uAt(x), u)
    near(made.vAt(y), v)
  }
})

test("zooming has an end on both sides", () => {
  const made = view()
  for (let k = 0; k < 100; k += 1) made.zoom(10)
  near(made.scale / made.whole, 2000, 1e-6)
  for (let k = 0; k < 100; k += 1) made.zoom(0.1)
  near(made.scale / made.whole, 0.1)
})

test("dragging moves by as much, and reset shows the whole again", () => {
  const made = view()
  made.pan(50, -30)
  near(made.x(0), 250)
  near(made.y(0), 70)
  assert.ok(!made.isWhole)
  made.reset()
  assert.ok(made.isWhole)
  near(made.x(0), 200)
})

test("another size keeps the middle, and the whole if that was shown", () => {
  const whole = view()
  whole.resize(800, 400)
  assert.ok(whole.isWhole)
  const moved = view()
  moved.zoom(3)
  moved.pan(20, 0)
  const middle = moved.u
  moved.resize(300, 300)
  near(moved.u, middle)
  assert.ok(!moved.isWhole)
})

test("a wider whole moves nobody who has moved", () => {
  const whole = view()
  whole.widen({ left: -4, right: 4, low: -2, high: 2 })
  assert.ok(whole.isWhole && whole.region.left < -4)
  const moved = view()
  moved.zoom(5)
  const { scale } = moved
  moved.widen({ left: -4, right: 4, low: -2, high: 2 })
  near(moved.scale, scale)
})

test("ticks are round, ascending, within bounds, and have the decimals that they need", () => {
  for (const scale of [0.02, 0.7, 1, 3, 40, 100, 999, 12_345]) {
    const made = view()
    made.scale = scale
    const { left, right } = made.region
    const { values, decimals } = made.ticks(left, right)
    assert.ok(values.length >= 2, `${scale}: ${values}`)
    assert.ok(values[0] >= left - 1e-9 && values.at(-1) <= right + 1e-9)
    const step = values[1] - values[0]
    const lead = step / 10 ** Math.floor(Math.log10(step) + 1e-9)
    assert.ok([1, 2, 5].some((digit) => Math.abs(lead - digit) < 1e-6), `${step} begins with ${lead}`)
    assert.ok(step * scale >= 80 - 1e-6, "no closer than asked for")
    for (const value of values) near(Number(value.toFixed(decimals)), value, 1e-9 * Math.max(1, Math.abs(value)))
    assert.equal(new Set(values.map((value) => value.toFixed(decimals))).size, values.length)
  }
})
