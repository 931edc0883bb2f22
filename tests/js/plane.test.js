/** The decoded plane's tiles, a lasso's rows, ellipses, and lines of equal ELBO. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { ellipse, Sprites } from "#browser/map/layers.js"
import { centroid, csv, inside, simpler } from "#browser/map/selection_panel.js"
import { evenTiles, normal, quantileTiles, rowOfTiles } from "#browser/map/tiles.js"
import { besides, isoLines, range } from "#views/compare/rate_distortion_plane/lines.js"

const near = (found, wanted, most = 1e-6) => assert.ok(Math.abs(found - wanted) <= most, `${found} is not ${wanted}`)
const EVERYTHING = { left: -50, right: 50, low: -50, high: 50 }

test("the normal's distribution function, in the tails too", () => {
  // scipy.stats.norm.cdf
  for (const [x, p] of [[0, 0.5], [1, 0.8413447460685429], [-1, 0.15865525393145707], [1.96, 0.9750021048517795], [-3, 0.0013498980316300933], [-6, 9.865876450376946e-10]]) {
    near(normal(x) / p, 1, 5e-5)
  }
})

test("even tiles are squares over the middle of the prior, on a lattice", () => {
  const { across, up } = evenTiles(EVERYTHING, [0, 0])
  const side = across.edges[1] - across.edges[0]
  near(up.edges[1] - up.edges[0], side)
  assert.ok(across.edges[0] <= -3.29 && across.edges.at(-1) >= 3.29 && across.edges[0] > -3.29 - side)
  across.spots.forEach((spot, k) => near(spot, (across.edges[k] + across.edges[k + 1]) / 2))
  near(across.edges[0] / side, Math.round(across.edges[0] / side))
  const moved = evenTiles({ left: -50, right: 50, low: -50, high: 50 }, [0, 0]).across.spots
  assert.deepEqual(moved, across.spots)
})

test("where nothing of the prior is in view there are no tiles", () => {
  assert.equal(evenTiles({ left: 10, right: 20, low: 0, high: 1 }, [0, 0]), null)
  assert.equal(quantileTiles({ left: 10, right: 20, low: 0, high: 1 }, [0, 0]), null)
  assert.equal(rowOfTiles({ left: 10, right: 20, low: 0, high: 1 }, 0, true), null)
})

test("tiles of quantiles are equally probable", () => {
  for (const seen of [EVERYTHING, { left: -1, right: 2, low: 0.5, high: 3 }, { left: 1, right: 4, low: -4, high: -1 }]) {
    const { across, up } = quantileTiles(seen, [0, 0])
    for (const { edges, spots } of [across, up]) {
      assert.equal(spots.length, 20)
      const shares = spots.map((_, k) => normal(edges[k + 1]) - normal(edges[k]))
      const whole = shares.reduce((sum, share) => sum + share)
      for (const share of shares) near(share / whole, 0.05, 1e-5)
      spots.forEach((spot, k) => {
        assert.ok(spot > edges[k] && spot < edges[k + 1])
        near((normal(spot) - normal(edges[k])) / shares[k], 0.5, 1e-4)
      })
    }
  }
})

test("a prior elsewhere has its tiles there", () => {
  const at = (centre) => quantileTiles({ left: centre - 2, right: centre + 2, low: -2, high: 2 }, [centre, 0]).across.spots
  at(5).forEach((spot, k) => near(spot - 5, at(0)[k], 1e-9))
})

test("one dimension has one row of tiles over its line", () => {
  for (const even of [true, false]) {
    const { across, up } = rowOfTiles({ left: -3, right: 3, low: -1, high: 1 }, 0, even)
    assert.equal(up.spots.length, 1)
    assert.ok(up.edges[0] > 0 && up.edges[1] > up.edges[0])
    assert.ok(across.spots.length >= 20)
  }
})

test("a lasso catches what lies inside, and not what stands back", () => {
  const shown = { x: Float32Array.of(0, 1, 2, 0.5, -1), y: Float32Array.of(0, 1, 2, 0.6, 0), num: 5 }
  const square = [[-0.5, -0.5], [1.5, -0.5], [1.5, 1.5], [-0.5, 1.5]]
  assert.deepEqual(inside(shown, square, new Uint8Array(5)), Int32Array.of(0, 1, 3))
  assert.deepEqual(inside(shown, square, Uint8Array.of(0, 1, 0, 0, 0)), Int32Array.of(0, 3))
  const notched = [[-0.5, -0.5], [1.5, -0.5], [1.5, 1.5], [0.5, 0.1], [-0.5, 1.5]]
  assert.deepEqual(inside(shown, notched, new Uint8Array(5)), Int32Array.of(0))
})

test("a lasso has few corners, near to what was drawn", () => {
  const circle = Array.from({ length: 720 }, (_, k) => [200 + 150 * Math.cos((k * Math.PI) / 360), 200 + 150 * Math.sin((k * Math.PI) / 360)])
  const few = simpler(circle)
  assert.ok(few.length <= 64 && few.length >= 8)
  for (const [x, y] of few) near(Math.hypot(x - 200, y - 200), 150, 1e-9)
  assert.deepEqual(simpler([[0, 0], [5, 0], [10, 0], [10, 10], [0, 10]]).length, 4)
  assert.equal(simpler([[0, 0], [1, 0], [2, 0], [3, 0]]).length, 3)
})

test("the mean and the table of what is selected", () => {
  const shown = {
    mean: Float32Array.of(1, 2, 3, 4, 5, 6), dims: 2, index: Int32Array.of(70, 71, 72), labels: Int16Array.of(0, -1, 1), part: "test", sizes: {}, rows: null,
  }
  assert.deepEqual(centroid(shown, [0, 2]), Float32Array.of(3, 4))
  const lines = csv(shown, [0, 1, 2], ["a", 'b "quoted", too']).split("\r\n")
  assert.deepEqual(lines, ["part,number,row,label,z1,z2", 'test,0,70,"a",1,2', "test,1,71,,3,4", 'test,2,72,"b ""quoted"", too",5,6', ""])
})

test("an ellipse of a diagonal Gaussian, seen in a plane", () => {
  const own = ellipse(null, [2, 0.5])
  near(own.long, 2)
  near(own.short, 0.5)
  near(own.angle, 0)
  const up = ellipse(null, [0.5, 2])
  near(up.long, 2)
  near(Math.abs(up.angle), Math.PI / 2)
  const turned = ellipse({ components: [[Math.SQRT1_2, Math.SQRT1_2], [-Math.SQRT1_2, Math.SQRT1_2]] }, [2, 0.5])
  near(turned.long, 2)
  near(Math.abs(turned.angle), Math.PI / 4)
  const round = ellipse({ components: [[0.6, 0.8, 0], [0, 0, 1]] }, [1, 1, 1])
  near(round.long, 1)
  near(round.short, 1)
})

test("images are shown where few are in view", () => {
  const num = 400
  const shown = { x: Float32Array.from({ length: num }, (_, k) => k), y: new Float32Array(num), num }
  const back = new Uint8Array(num)
  assert.deepEqual(Sprites.inView(shown, { left: 2, right: 4, low: -1, high: 1 }, back), [2, 3, 4])
  assert.equal(Sprites.inView(shown, { left: 0, right: 399, low: -1, high: 1 }, back), null)
  assert.equal(Sprites.inView(shown, { left: 0, right: 299, low: -1, high: 1 }, back).length, 300)
  back[3] = 1
  assert.deepEqual(Sprites.inView(shown, { left: 2, right: 4, low: -1, high: 1 }, back), [2, 4])
})

test("axes of rate and distortion have room, the rate's begins at 0", () => {
  const [low, high] = range([2, 10], true)
  assert.ok(low < 0 && low > -1 && high > 10)
  const [from, to] = range([100, 104], false)
  assert.ok(from < 100 && to > 104)
  const [one, other] = range([7], false)
  assert.ok(one < 7 && other > 7)
})

test("along a line of equal ELBO rate and distortion have one sum", () => {
  const [x, y] = [[0, 20], [60, 110]]
  const lines = isoLines(x, y)
  assert.ok(lines.length >= 3 && lines.length <= 12)
  for (const { value, from, to, decimals } of lines) {
    near(from[0] + from[1], value)
    near(to[0] + to[1], value)
    for (const [a, b] of [from, to]) assert.ok(a >= x[0] - 1e-9 && a <= x[1] + 1e-9 && b >= y[0] - 1e-9 && b <= y[1] + 1e-9)
    near(Number(value.toFixed(decimals)), value)
  }
})

test("words beside dots do not lie on one another while there is room", () => {
  const dots = [{ x: 100, y: 100, words: "β 1 · 2/2" }, { x: 110, y: 102, words: "β 2 · 2/2" }, { x: 395, y: 50, words: "β 4 · 1/2" }]
  const places = besides(dots, 400)
  assert.equal(places.length, 3)
  assert.notEqual(places[0], places[1])
  assert.ok(places[2].endsWith("left"))
})
