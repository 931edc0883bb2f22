/** Points as pixels: what is narrowed by a hand is drawn as it is at rest, and what only grows costs what grows. */
import assert from "node:assert/strict"
import { test } from "node:test"
import "./support/canvas.js"
import { BACK, MARGIN, pixel, Scatter } from "#browser/lib/scatter.js"
import { renew } from "#browser/map/points.js"
import { mark } from "#browser/map/ranges.js"

const [WIDE, HIGH] = [120, 80]
const PLACING = { ax: 1, bx: 0, ay: 1, by: 0 }
const palette = new Uint32Array(256)
palette.set([pixel([200, 30, 30]), pixel([30, 30, 200])])
palette[BACK] = pixel([160, 160, 160])

/** Points that do not touch each other, and those of `back` standing back. */
function grid(back) {
  const num = 60
  const x = Float32Array.from({ length: num }, (_, k) => 6 + 11 * (k % 10))
  const y = Float32Array.from({ length: num }, (_, k) => 6 + 12 * Math.floor(k / 10))
  const codes = Uint8Array.from({ length: num }, (_, k) => (back(k) ? BACK : k % 2))
  return { num, x, y, codes, palette, radius: 1.5, opacity: 0.8, back: codes.includes(BACK), backOpacity: 0.3 }
}

function scatter() {
  const made = new Scatter()
  made.resize(WIDE, HIGH)
  return [made, new Uint32Array((WIDE + 2 * MARGIN) * (HIGH + 2 * MARGIN)).fill(pixel([255, 255, 255]))]
}

const pixels = (made) => [...new Uint32Array(made.image.data.buffer)]

test("what is drawn while a hand narrows the points differs from the picture at rest by the pale ones below alone", () => {
  const [made, base] = scatter()
  const points = grid((k) => k % 3 === 0)
  made.draw(base, points, PLACING)
  const rest = pixels(made)
  made.narrow(made.pale(base, points, PLACING), points, PLACING, null)
  const narrowed = pixels(made)
  const at = (values, k) => values[(Math.floor(points.y[k]) + MARGIN) * (WIDE + 2 * MARGIN) + Math.floor(points.x[k]) + MARGIN]
  for (let k = 0; k < points.num; k += 1) {
    if (k % 3 === 0) assert.equal(at(narrowed, k), at(rest, k))
    else assert.ok(Math.abs((at(narrowed, k) & 255) - (at(rest, k) & 255)) < 30)
  }
})

test("points that come are put over the picture, and it is the one that is drawn from nothing", () => {
  const [made, base] = scatter()
  const few = grid((k) => k > 20)
  const pale = made.pale(base, few, PLACING)
  made.narrow(pale, few, PLACING, null)
  const more = grid((k) => k > 30)
  made.narrow(pale, more, PLACING, Int32Array.from({ length: 10 }, (_, k) => 21 + k))
  const grown = pixels(made)
  made.narrow(pale, more, PLACING, null)
  assert.deepEqual(pixels(made), grown)
})

test("who has come is told only where nobody has gone and no colour is another", () => {
  const order = Int32Array.of(2, 0, 1)
  const own = Uint8Array.of(5, 6, 7)
  const codes = Uint8Array.of(BACK, BACK, 6)
  assert.deepEqual(renew(codes, own, Uint8Array.of(1, 0, 0), order), { came: Int32Array.of(0), any: true })
  assert.deepEqual([...codes], [7, BACK, 6])
  assert.deepEqual(renew(codes, own, Uint8Array.of(0, 1, 0), order), { came: null, any: true })
  assert.deepEqual([...codes], [7, 5, BACK])
  assert.deepEqual(renew(codes, Uint8Array.of(9, 6, 7), Uint8Array.of(0, 0, 0), order), { came: null, any: false })
})

test("a row is outside if one of its values is out of its range, or is not known", () => {
  const outside = new Uint8Array(4).fill(1)
  mark(outside, Float32Array.of(0, 1, 2, Number.NaN), 0.5, 2, true)
  assert.deepEqual([...outside], [1, 0, 0, 1])
  mark(outside, [9, 9, 0, 9], 5, 1e30, false)
  assert.deepEqual([...outside], [1, 0, 1, 1])
})
