/** Drawings: as text that a link carries, as images, and as MNIST's digits lie. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { read, write } from "#browser/drawing_pad/strokes_text.js"
import { centred, draw, IN_PLACE, rasterise } from "#browser/drawing_pad/strokes.js"

const pen = (points, width = 2) => ({ kind: "pen", width, points })
const near = (found, wanted, most = 1e-6) => assert.ok(Math.abs(found - wanted) <= most, `${found} is not ${wanted}`)

test("nothing drawn is no text", () => {
  assert.equal(write([], 28, false), "")
  assert.equal(write([pen([1, 1]), { kind: "clear", width: 0, points: [] }], 28, true), "")
})

test("what is written is what is read, and what is drawn becomes it", () => {
  for (const side of [8, 28, 32, 64]) {
    for (const centring of [true, false]) {
      const strokes = [pen([1.03, 2.07, side - 1.5, side / 2, 3, side - 2]), { kind: "eraser", width: 3.3, points: [0.5, 0.5, 2, 2] }]
      const text = write(strokes, side, centring)
      assert.match(text, /^[A-Za-z0-9_-]+$/)
      const found = read(text, side)
      assert.equal(found.centring, centring)
      assert.deepEqual(found.strokes, strokes)
      assert.equal(write(found.strokes, side, centring), text)
    }
  }
})

test("points of a text are whole numbers of 256 a side, near to what was drawn", () => {
  const points = [1.013, 20.777, 9.5, 3.25]
  const [stroke] = read(write([pen(points.slice())], 28, false), 28).strokes
  stroke.points.forEach((value, k) => {
    near(value, points[k], 28 / 512)
    near((value * 256) / 28, Math.round((value * 256) / 28))
  })
})

test("points on a line are left out, corners are not", () => {
  const straight = read(write([pen([0, 0, 1, 1, 2, 2, 3, 3, 10, 10])], 28, false), 28).strokes[0]
  assert.equal(straight.points.length, 4)
  const corner = read(write([pen([0, 0, 10, 0, 10, 10])], 28, false), 28).strokes[0]
  assert.equal(corner.points.length, 6)
})

test("a point far outside stays within what a text can hold", () => {
  const [stroke] = read(write([pen([-1000, 1000])], 28, false), 28).strokes
  assert.deepEqual(stroke.points, [-28, 56])
})

test("a scribble is written more coarsely until it fits a link, and one that never fits is none", () => {
  const spiral = Array.from({ length: 4000 }, (_, k) => {
    const [angle, radius] = [Math.floor(k / 2) / 8, 13 * (1 - k / 4000)]
    return 14 + radius * (k % 2 ? Math.sin(angle) : Math.cos(angle))
  })
  const text = write([pen(spiral.slice())], 28, false)
  assert.ok(text.length <= 1500 && text.length > 500, String(text.length))
  const [{ points: coarse }] = read(text, 28).strokes
  assert.ok(coarse.length < 4000)
  for (let k = 0; k < coarse.length; k += 2) assert.ok(Math.hypot(coarse[k] - 14, coarse[k + 1] - 14) < 13.2)
  const many = Array.from({ length: 800 }, (_, k) => pen([k % 28, (7 * k) % 28, (3 * k) % 28, (5 * k) % 28]))
  const before = structuredClone(many)
  assert.equal(write(many, 28, false), null)
  assert.deepEqual(many, before)
})

test("a dot inks the pixels under it, with soft edges", () => {
  const values = draw([pen([2.5, 2.5], 3)], 5, 5)
  assert.equal(values[12], 1)
  near(values[11], 1)
  near(values[10], 0)
  assert.ok(values[6] > 0.5 && values[6] < 1)
  near(values[6], values[18])
})

test("a line inks what it passes, and only that", () => {
  const values = draw([pen([0.5, 2.5, 4.5, 2.5], 1)], 5, 5)
  for (let k = 0; k < 5; k += 1) near(values[10 + k], 1)
  for (let k = 0; k < 5; k += 1) near(values[k], 0)
  assert.equal(values.reduce((sum, value) => sum + value), 5)
})

test("the eraser takes ink away, clearing all of it", () => {
  const line = pen([0.5, 2.5, 4.5, 2.5], 1)
  const erased = draw([line, { kind: "eraser", width: 1, points: [2.5, 2.5] }], 5, 5)
  near(erased[12], 0)
  near(erased[10], 1)
  assert.ok(draw([line, { kind: "clear", width: 0, points: [] }], 5, 5).every((value) => value === 0))
})

test("a stroke goes on from a segment as if drawn at once", () => {
  const points = [1, 1, 6, 2, 3, 7, 7, 7]
  const whole = draw([pen(points)], 8, 8)
  const parts = new Float32Array(64)
  rasterise(parts, 8, 8, pen(points.slice(0, 4)))
  rasterise(parts, 8, 8, pen(points), IN_PLACE, 1)
  assert.deepEqual(parts, whole)
})

test("a drawing may be placed elsewhere and larger", () => {
  const moved = draw([pen([1.5, 1.5], 1)], 8, 8, { scale: 2, x: 1, y: 1 })
  const same = draw([pen([4, 4], 2)], 8, 8)
  assert.deepEqual(moved, same)
})

test("ink is brought to where MNIST has it: 20 of 28 pixels, its mass in the middle", () => {
  const values = new Float32Array(28 * 28)
  for (let row = 2; row < 12; row += 1) for (let column = 3; column < 8; column += 1) values[28 * row + column] = 1
  const size = { width: 28, height: 28 }
  const { scale, x, y } = centred(values, size, size)
  near(scale, 2)
  near(scale * 5.5 + x, 14)
  near(scale * 7 + y, 14)
  assert.equal(centred(new Float32Array(784), size, size), null)
  const half = centred(values, size, { width: 14, height: 14 })
  near(half.scale, 1)
})
