/** The map's points: projections, places, parts, neighbours. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { byName, colourings, colourOf } from "#browser/map/colours.js"
import { groups, inOrder, lift, neighbours, numbered, origins, prepare, project, share, standBack, titleOf } from "#browser/map/points.js"

const near = (found, wanted, most = 1e-6) => assert.ok(Math.abs(found - wanted) <= most, `${found} is not ${wanted}`)
const PLANE = { mean: [1, 2, 3], components: [[0.6, 0.8, 0], [0, 0, 1]], explained: 0.9 }

function found(means, labels = means.map(() => 0), index = means.map((_, k) => k)) {
  return {
    mean: { data: Float32Array.from(means.flat()), shape: [means.length, means[0].length] },
    labels: { data: Int16Array.from(labels), shape: [means.length] }, index: { data: Int32Array.from(index), shape: [means.length] },
  }
}

test("two dimensions are their own plane", () => {
  assert.deepEqual(project(null, [1.5, -2]), [1.5, -2])
  assert.deepEqual(lift(null, 1.5, -2), Float32Array.of(1.5, -2))
})

test("a place of the plane is lifted to a point that is projected there", () => {
  for (const [u, v] of [[0, 0], [1, -2], [-3.5, 0.25]]) {
    const z = lift(PLANE, u, v)
    const [a, b] = project(PLANE, z)
    near(a, u)
    near(b, v)
  }
  const [u, v] = project(PLANE, [1 + 0.6, 2 + 0.8, 3])
  near(u, 1)
  near(v, 0)
})

test("what is orthogonal to the plane is not seen in it", () => {
  const [u, v] = project(PLANE, [1 + 0.8, 2 - 0.6, 3])
  near(u, 0)
  near(v, 0)
})

test("images are put where their means are seen", () => {
  const shown = prepare(found([[1, 2, 3], [1.6, 2.8, 3], [1, 2, 5]], [1, 0, 1]), { plane: PLANE, classes: ["a", "b"], sizes: {} }, "test")
  ;[0, 1, 0].forEach((u, k) => near(shown.x[k], u))
  ;[0, 0, 2].forEach((v, k) => near(shown.y[k], v))
  assert.equal(shown.num, 3)
  assert.equal(shown.dims, 3)
  assert.deepEqual(shown.groups, [{ name: "a", label: 0, num: 1 }, { name: "b", label: 1, num: 2 }])
  assert.deepEqual([...shown.order].sort((a, b) => a - b), [0, 1, 2])
  assert.equal(shown.rows, null)
})

test("a computed plane has places of its own for some of the rows", () => {
  const flat = { xy: Float32Array.of(10, 20, 30, 40), rows: Int32Array.of(2, 0) }
  const shown = prepare(found([[0, 0], [1, 1], [2, 2]], [5, 6, 7], [50, 51, 52]), { plane: null, classes: [], sizes: {} }, "test", flat)
  assert.deepEqual(shown.x, Float32Array.of(10, 30))
  assert.deepEqual(shown.y, Float32Array.of(20, 40))
  assert.deepEqual(shown.labels, Int16Array.of(7, 5))
  assert.deepEqual(shown.index, Int32Array.of(52, 50))
  assert.deepEqual(shown.mean, Float32Array.of(2, 2, 0, 0))
  assert.equal(shown.of, 3)
})

test("every order of drawing has each row once", () => {
  for (const num of [1, 2, 3, 10, 97, 1000]) {
    const { order } = prepare(found(Array.from({ length: num }, (_, k) => [k, 0])), { plane: null, classes: [], sizes: {} }, "test")
    assert.equal(new Set(order).size, num)
  }
})

test("an image is called by its part and its number there", () => {
  const sizes = { train: 5, validation: 3, test: 2 }
  const all = { part: "all", sizes, rows: null }
  for (const [row, part, number, title] of [
    [0, "train", 0, "Training image 0"], [4, "train", 4, "Training image 4"], [5, "validation", 0, "Validation image 0"], [8, "test", 0, "Test image 0"],
    [9, "test", 1, "Test image 1"],
  ]) {
    assert.deepEqual(numbered(all, row), { part, number })
    assert.equal(titleOf(all, row), title)
  }
  assert.deepEqual(numbered({ part: "test", sizes, rows: Int32Array.of(7, 9) }, 1), { part: "test", number: 9 })
  assert.deepEqual(numbered({ part: "all", sizes, rows: Int32Array.of(6) }, 0), { part: "validation", number: 1 })
})

test("images without a class are counted apart", () => {
  assert.deepEqual(groups(Int16Array.of(0, -1, 1, 9), ["a", "b"]).map(({ num }) => num), [1, 1, 2])
  assert.deepEqual(groups(Int16Array.of(-1, -1), []), [{ name: "images", label: -1, num: 2 }])
  assert.equal(groups(Int16Array.of(0), ["a"]).length, 1)
})

test("a plane's share of the variance", () => {
  const means = [[2, 0, 1], [-2, 0, -1], [0, 1, 0], [0, -1, 0]]
  const plane = { mean: [0, 0, 0], components: [[1, 0, 0], [0, 1, 0]], explained: 1 }
  const shown = prepare(found(means), { plane, classes: [], sizes: {} }, "test")
  near(share(shown, plane), 10 / 12)
  const flat = prepare(found([[1, 1], [1, 1]]), { plane: null, classes: [], sizes: {} }, "test")
  assert.equal(share(flat, null), 1)
})

test("neighbours are the nearest in all dimensions, as sorting would have it", () => {
  const means = Array.from({ length: 60 }, (_, k) => [Math.sin(k * 12.9), Math.cos(k * 78.2), Math.sin(k * 37.7 + 1)])
  const shown = prepare(found(means), { plane: PLANE, classes: [], sizes: {} }, "test")
  const away = (a, b) => Math.hypot(...means[a].map((value, d) => value - means[b][d]))
  for (const row of [0, 17, 59]) {
    const wanted = means.map((_, k) => k).filter((k) => k !== row).sort((a, b) => away(row, a) - away(row, b)).slice(0, 8)
    const near8 = neighbours(shown, row, 8)
    assert.deepEqual(near8.map((one) => one.row), wanted)
    near8.forEach((one) => near(one.distance, away(row, one.row), 1e-5))
  }
  assert.equal(neighbours(prepare(found([[0, 0], [1, 1]]), { plane: null, classes: [], sizes: {} }, "test"), 0, 8).length, 1)
})

test("the nearest point to a place is found among cells as by looking at all", () => {
  const means = Array.from({ length: 500 }, (_, k) => [Math.sin(k * 12.9) * 3, Math.cos(k * 78.2)])
  const { grid, x, y } = prepare(found(means), { plane: null, classes: [], sizes: {} }, "test")
  for (const [u, v, radius] of [[0, 0, 1], [2.9, 0.9, 0.4], [-9, 5, 1], [-9, 5, Infinity], [0.3, -0.7, 0.02]]) {
    let [best, closest] = [-1, radius]
    for (let k = 0; k < 500; k += 1) {
      const away = Math.hypot(x[k] - u, y[k] - v)
      if (away <= closest) [best, closest] = [k, away]
    }
    assert.equal(grid.nearest(u, v, radius), best)
  }
  const some = grid.nearest(0, 0, 5)
  assert.notEqual(grid.nearest(0, 0, 5, (row) => row !== some), some)
  assert.equal(grid.nearest(0, 0, 5, () => false), -1)
})

test("cells know how far their points reach", () => {
  const { grid } = prepare(found([[0, -3], [2, 5], [-1, 0.5]]), { plane: null, classes: [], sizes: {} }, "test")
  assert.deepEqual([grid.left, grid.right, grid.low, grid.high], [-1, 2, -3, 5])
  const none = prepare(found([[7, 7]]), { plane: null, classes: [], sizes: {} }, "test").grid
  assert.deepEqual([none.left, none.right, none.low, none.high], [7, 7, 7, 7])
})

test("points glide from where the same image was", () => {
  const before = prepare(found([[0, 0], [1, 1]], [0, 0], [7, 9]), { plane: null, classes: [], sizes: {} }, "test")
  const next = prepare(found([[5, 5], [6, 6], [8, 8]], [0, 0, 0], [9, 7, 100]), { plane: null, classes: [], sizes: {} }, "test")
  const { x } = origins(before, next)
  assert.deepEqual(x, Float32Array.of(1, 0, 8))
  assert.deepEqual(origins(null, next).x, next.x)
  assert.notEqual(origins(null, next).x, next.x)
})

test("values in drawing order, and who stands back", () => {
  assert.deepEqual(inOrder(Uint8Array.of(5, 6, 7), Int32Array.of(2, 0, 1)), Uint8Array.of(7, 5, 6))
  const codes = Uint8Array.of(1, 2, 3)
  assert.equal(standBack(codes, Uint8Array.of(0, 0, 0)), false)
  assert.equal(standBack(codes, Uint8Array.of(0, 1, 0)), true)
  assert.deepEqual(codes, Uint8Array.of(1, 255, 3))
})

test("what points may be coloured by", () => {
  const values = (dims, columns) => colourings(dims, columns).map(({ value }) => value)
  assert.deepEqual(values(1, []).slice(0, 3), ["label", "distortion", "rate"])
  assert.ok(values(2, []).some((value) => value.startsWith("sigma")))
  const own = colourings(2, [{ name: "hue", num_classes: 0 }, { name: "shape", num_classes: 3 }])
  assert.equal(own.find(({ value }) => value === "column:hue").kind, "label")
  assert.equal(own.find(({ value }) => value === "column:shape").kind, "column:shape")
  assert.equal(new Set(own.map(({ value }) => value)).size, own.length)
})

test("colours of labels come round", () => {
  const palette = ["red", "green", "blue"]
  for (const [label, colour] of [[0, "red"], [2, "blue"], [3, "red"], [-1, "red"], [7, "green"]]) assert.equal(colourOf(label, palette), colour)
  assert.deepEqual(["b", "a", "c", "a"].sort(byName), ["a", "a", "b", "c"])
})
