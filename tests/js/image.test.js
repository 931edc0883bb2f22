/** Pictures of one's own, posteriors of what is drawn, and how far an image lies from the others. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { prepare, Refused, read, sizeOf } from "#browser/image_source/photo.js"
import { carried, isClose, isOf } from "#browser/image_source/posteriors.js"
import { judge, percentile } from "#browser/image_source/verdict.js"

const bytes = (...values) => Uint8Array.from(values)
const text = (words) => [...words].map((letter) => letter.charCodeAt(0))

test("a header names the size before anything is unpacked", () => {
  const png = bytes(0x89, ...text("PNG"), 13, 10, 26, 10, 0, 0, 0, 13, ...text("IHDR"), 0, 0, 1, 2, 0, 0, 0, 5)
  assert.deepEqual(sizeOf(png), { width: 258, height: 5 })
  assert.deepEqual(sizeOf(bytes(...text("GIF89a"), 0x40, 1, 0xf0, 0)), { width: 320, height: 240 })
  const jpeg = bytes(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8, 0, 100, 0, 200, 3)
  assert.deepEqual(sizeOf(jpeg), { width: 200, height: 100 })
  const webp = (kind, ...rest) => bytes(...text("RIFF"), 0, 0, 0, 0, ...text("WEBP"), ...text(kind), 0, 0, 0, 0, ...rest)
  assert.deepEqual(sizeOf(webp("VP8X", 0, 0, 0, 0, 0x1f, 3, 0, 0x57, 2, 0)), { width: 800, height: 600 })
  assert.deepEqual(sizeOf(webp("VP8 ", 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0)), { width: 320, height: 240 })
  assert.deepEqual(sizeOf(webp("VP8L", 0x2f, 0x3f, 0xc1, 0x3b, 0)), { width: 320, height: 240 })
})

test("what is cut short or no picture has no size", () => {
  for (const some of [bytes(), bytes(0x89, ...text("PNG")), bytes(0xff, 0xd8, 0xff), bytes(0xff, 0xd8, 0, 0, 0, 0), text("<svg xmlns"), text("RIFF0000WEBPVP9 0000")]) {
    assert.equal(sizeOf(Uint8Array.from(some)), null)
  }
})

test("a picture that is refused is refused in a sentence", async () => {
  await assert.rejects(read(new Blob([bytes(1, 2, 3)])), (error) => error instanceof Refused && /must be a PNG/.test(error.message))
  const huge = bytes(0x89, ...text("PNG"), 13, 10, 26, 10, 0, 0, 0, 13, ...text("IHDR"), 0, 1, 0, 0, 0, 1, 0, 0)
  await assert.rejects(read(new Blob([huge])), /at most 50 million pixels, got 65536 × 65536/)
  await assert.rejects(read(new Blob([new Uint8Array(21 * 2 ** 20)])), /at most 20 MB, got 21 MB/)
})

function picture(width, height, of) {
  const data = new Uint8ClampedArray(4 * width * height)
  for (let row = 0, at = 0; row < height; row += 1) for (let column = 0; column < width; column += 1, at += 4) data.set([...of(column, row), 255], at)
  return { width, height, data }
}

test("a picture becomes an image of the model's size, grey by its luma", () => {
  const { x, inverted } = prepare(picture(4, 4, () => [255, 0, 0]), [1, 2, 2], { centring: false, invert: "no" })
  assert.equal(inverted, false)
  assert.equal(x.length, 4)
  for (const value of x) assert.ok(Math.abs(value - 0.299) < 1e-6)
  const { x: colour } = prepare(picture(4, 4, () => [255, 0, 51]), [3, 2, 2], { centring: false, invert: "auto" })
  assert.deepEqual([...colour].map((value) => Number(value.toFixed(3))), [1, 1, 1, 1, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2])
})

test("dark ink on bright paper is exchanged, unless the person says otherwise", () => {
  const ink = picture(8, 8, (column, row) => (column === 4 && row > 1 && row < 6 ? [0, 0, 0] : [255, 255, 255]))
  const found = prepare(ink, [1, 8, 8], { centring: false, invert: "auto" })
  assert.equal(found.inverted, true)
  assert.equal(found.x[8 * 3 + 4], 1)
  assert.equal(found.x[0], 0)
  assert.equal(prepare(ink, [1, 8, 8], { centring: false, invert: "no" }).x[0], 1)
  const dark = picture(8, 8, (column, row) => (column === 4 && row > 1 && row < 6 ? [255, 255, 255] : [0, 0, 0]))
  assert.equal(prepare(dark, [1, 8, 8], { centring: false, invert: "auto" }).inverted, false)
  assert.equal(prepare(dark, [1, 8, 8], { centring: false, invert: "yes" }).inverted, true)
})

test("a wide picture keeps its shape, with its border's colour around it", () => {
  const { x } = prepare(picture(8, 4, () => [51, 51, 51]), [1, 8, 8], { centring: false, invert: "no" })
  for (const value of x) assert.ok(Math.abs(value - 0.2) < 1e-6)
})

test("centred ink has its mass in the middle", () => {
  const ink = picture(28, 28, (column, row) => (column < 8 && column > 2 && row < 12 && row > 1 ? [255, 255, 255] : [0, 0, 0]))
  const { x } = prepare(ink, [1, 28, 28], { centring: true, invert: "auto" })
  let [mass, right, down] = [0, 0, 0]
  x.forEach((value, k) => {
    mass += value
    right += value * ((k % 28) + 0.5)
    down += value * (Math.floor(k / 28) + 0.5)
  })
  assert.ok(Math.abs(right / mass - 14) < 0.3 && Math.abs(down / mass - 14) < 0.3)
  assert.ok(mass > 150, "20 pixels high")
})

test("whose posterior a point is of", () => {
  const posterior = { mean: Float32Array.of(1, 2), sigma: Float32Array.of(0.5, 0.1) }
  assert.ok(isClose([1, 2], [1.0009, 2]))
  assert.ok(!isClose([1, 2], [1.002, 2]))
  assert.ok(isOf([1.0005, 2], posterior, false))
  assert.ok(!isOf([1.1, 2], posterior, false))
  assert.ok(isOf([1.1, 2.5], posterior, true))
  assert.ok(!isOf([1.1, 2.7], posterior, true))
})

test("a draw is carried to another posterior by its standard deviations", () => {
  const point = { z: Float32Array.of(2, 2), mean: Float32Array.of(1, 2), sigma: Float32Array.of(0.5, 0) }
  const found = carried(point, { mean: Float32Array.of(-1, 5), sigma: Float32Array.of(0.25, 3) })
  assert.deepEqual(found.z, Float32Array.of(-0.5, 5))
  assert.deepEqual(found.sigma, Float32Array.of(0.25, 3))
})

const QUANTILES = Array.from({ length: 101 }, (_, k) => 100 + k)

test("a cost's place among those of the others", () => {
  for (const [cost, percent] of [[99, -1], [201, 101], [100, 0], [150, 50], [150.5, 50.5], [200, 100]]) assert.ok(Math.abs(percentile(cost, QUANTILES) - percent) < 1e-9)
  assert.equal(percentile(7, Array.from({ length: 101 }, () => 7)), 0)
})

test("a verdict says with how many images it compared", () => {
  const whole = { num_images: 1000, part: "train", num_in_part: 1000 }
  const first = { num_images: 1000, part: "test", num_in_part: 10_000 }
  for (const [percent, kind] of [[101, "far"], [-1, "simplest"], [99, "unusual"], [1, "simple"], [50, "like"], [97.5, "like"], [2.5, "like"]]) {
    assert.equal(judge(percent, whole).kind, kind)
    assert.ok(judge(percent, whole).words.includes("training images"))
    assert.ok(judge(percent, first).words.includes("the first 1,000 test images of 10,000"))
  }
  assert.match(judge(99.53, whole).words, /99\.5 %/)
  assert.match(judge(50.4, whole).words, /50 %/)
})
