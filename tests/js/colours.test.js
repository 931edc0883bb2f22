/** Colours: channels, mixtures, codes of points, and discs of them on a picture. */
import "./support/canvas.js"
import assert from "node:assert/strict"
import { test } from "node:test"
import { BACK, MARGIN, pixel, Scatter } from "#browser/lib/scatter.js"
import { channels, mix } from "#browser/lib/theme.js"
import { byLabel, byValue } from "#browser/map/colours.js"

const COLOURS = { background: "#ffffff", text: "#000000" }

test("a colour has three channels", () => {
  assert.deepEqual(channels("#ff8000"), [255, 128, 0])
  assert.deepEqual(channels("rgb(1, 2, 3)"), [1, 2, 3])
  assert.deepEqual(channels("#fff"), [255, 255, 255])
})

test("a mixture lies between two colours", () => {
  assert.equal(mix("#000000", "#ffffff", 0), "rgb(0, 0, 0)")
  assert.equal(mix("#000000", "#ffffff", 1), "rgb(255, 255, 255)")
  assert.equal(mix("#000000", "#ffffff", 0.5), "rgb(128, 128, 128)")
  assert.equal(mix("#102030", "#302010", 0.25), "rgb(24, 32, 40)")
})

test("a pixel holds alpha, blue, green and red", () => {
  assert.equal(pixel([1, 2, 3]), 0xff030201)
  assert.equal(pixel([255, 0, 0]), 0xff0000ff)
  assert.ok(pixel([0, 0, 255]) > 0)
})

test("labels have the colours of their classes, and of none", () => {
  const { codes, palette } = byLabel(Int16Array.of(0, 1, 2, 3, -1), ["#ff0000", "#00ff00", "#0000ff"], COLOURS)
  const colour = (row) => palette[codes[row]]
  assert.equal(colour(0), pixel([255, 0, 0]))
  assert.equal(colour(2), pixel([0, 0, 255]))
  assert.equal(colour(3), colour(0))
  assert.equal(colour(4), pixel([255, 0, 0]))
  assert.notEqual(codes[4], codes[0])
  assert.equal(palette[BACK], pixel([179, 179, 179]))
})

test("numbers lie on a scale between the percentiles; what is unknown stands back", () => {
  const values = Float32Array.from({ length: 1001 }, (_, k) => k)
  values[500] = Number.NaN
  const { codes, palette, low, high } = byValue(values, ["#000000", "#ff0000", "#ffff00"], COLOURS)
  assert.ok(low > 5 && low < 15 && high > 985 && high < 995)
  assert.equal(codes[500], BACK)
  assert.equal(palette[codes[0]], pixel([0, 0, 0]))
  assert.equal(palette[codes[1000]], pixel([255, 255, 0]))
  for (let k = 1; k < 1001; k += 1) if (k !== 500 && k !== 501) assert.ok(codes[k] >= codes[k - 1])
  const half = palette[codes[499]]
  assert.ok((half & 255) > 240 && ((half >> 8) & 255) < 16)
})

test("a scale of one number, and of none, has ends", () => {
  const same = byValue(Float32Array.of(3, 3, 3), ["#000", "#fff"], COLOURS)
  assert.deepEqual([same.low, same.high], [3, 3])
  assert.ok([...same.codes].every((code) => code === 0))
  const none = byValue(Float32Array.of(Number.NaN), ["#000", "#fff"], COLOURS)
  assert.deepEqual([none.low, none.high], [0, 1])
})

function drawn(points, width = 20, height = 10) {
  const scatter = new Scatter()
  scatter.resize(width, height)
  const { width: wide, height: high } = scatter.image
  const base = new Uint32Array(wide * high).fill(pixel([255, 255, 255]))
  scatter.draw(base, points, { ax: 1, bx: 0, ay: 1, by: 0 })
  const pixels = new Uint32Array(scatter.image.data.buffer)
  return { at: (x, y) => pixels[(y + MARGIN) * wide + x + MARGIN], num: pixels.filter((value) => value !== pixel([255, 255, 255])).length }
}

const palette = new Uint32Array(256)
palette[0] = pixel([255, 0, 0])
palette[1] = pixel([0, 0, 255])
palette[BACK] = pixel([128, 128, 128])
const dots = (x, y, codes, more = {}) => ({
  num: x.length, x: Float32Array.from(x), y: Float32Array.from(y), codes: Uint8Array.from(codes), palette, radius: 2, opacity: 1, back: false, backOpacity: 1, ...more,
})

test("a disc covers its middle and ends at its edge", () => {
  const { at } = drawn(dots([10.5], [5.5], [0]))
  assert.equal(at(10, 5), pixel([255, 0, 0]))
  assert.equal(at(14, 5), pixel([255, 255, 255]))
  assert.equal(at(10, 9), pixel([255, 255, 255]))
})

test("later points lie over earlier ones, and those that stand back below all", () => {
  assert.equal(drawn(dots([10.5, 10.5], [5.5, 5.5], [0, 1])).at(10, 5), pixel([0, 0, 255]))
  assert.equal(drawn(dots([10.5, 10.5], [5.5, 5.5], [0, BACK], { back: true })).at(10, 5), pixel([255, 0, 0]))
  assert.equal(drawn(dots([10.5], [5.5], [BACK], { back: true })).at(10, 5), pixel([128, 128, 128]))
})

test("half a cover mixes with what lies below", () => {
  const found = drawn(dots([10.5], [5.5], [1], { opacity: 0.5 })).at(10, 5)
  assert.ok(Math.abs((found & 255) - 127) <= 1 && ((found >> 16) & 255) >= 254, found.toString(16))
})

test("points far outside draw nothing and break nothing", () => {
  assert.equal(drawn(dots([-1e6, 1e6, Number.NaN], [5, 5, 5], [0, 0, 0])).num, 0)
  assert.equal(drawn(null).num, 0)
})

test("the smallest points are one pixel each", () => {
  assert.equal(drawn(dots([10.2, 3.7], [5.2, 2.2], [0, 1], { radius: 0.5 })).num, 2)
})
