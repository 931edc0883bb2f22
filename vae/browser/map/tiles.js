/** The tiles of the decoded plane: equally large, or equally probable under the prior. */

/** Along each side: so many tiles of equal probability, and about so many of equal size. */
const SIDE = 20
/** The middle 99.9 % of the prior along each axis: farther out the decoder was never taught. */
const QUANTILE = 3.29
/** Farther from the prior's mean there is no probability left to share. */
const FARTHEST = 8

/**
 * @typedef {{edges: number[], spots: number[]}} Cuts Edges of the tiles along an axis, ascending, and where each is decoded.
 * @typedef {{across: Cuts, up: Cuts}} Tiling
 * @typedef {import("../lib/viewport.js").Region} Region
 */

/**
 * Squares of one size over the part of the prior that is in view; they lie on a lattice of their size, so that a moved view
 * decodes the same spots again.
 * @param {Region} seen
 * @param {[number, number]} centre Of the prior in the plane.
 * @returns {Tiling | null} Null where nothing of the prior is in view.
 */
export function evenTiles(seen, [u, v]) {
  const [left, right] = [Math.max(seen.left, u - QUANTILE), Math.min(seen.right, u + QUANTILE)]
  const [low, high] = [Math.max(seen.low, v - QUANTILE), Math.min(seen.high, v + QUANTILE)]
  if (left >= right || low >= high) return null
  const side = Math.sqrt(((right - left) * (high - low)) / SIDE ** 2)
  return { across: lattice(left, right, side), up: lattice(low, high, side) }
}

/**
 * One row of tiles for a space of one dimension, just above the line on which its points lie.
 * @param {Region} seen
 * @param {number} u Centre of the prior.
 * @param {boolean} even Whether they are equally large, else equally probable.
 * @returns {Tiling | null} Null where nothing of the prior is in view.
 */
export function rowOfTiles(seen, u, even) {
  const [left, right] = [Math.max(seen.left, u - QUANTILE), Math.min(seen.right, u + QUANTILE)]
  if (left >= right) return null
  const side = (right - left) / SIDE
  const across = even ? lattice(left, right, side) : quantiles(seen.left - u, seen.right - u, u)
  if (!across) return null
  const wide = even ? side : Math.max(...across.spots.map((spot, k) => 2 * Math.min(spot - across.edges[k], across.edges[k + 1] - spot)))
  return { across, up: { edges: [0.5 * side, 0.5 * side + wide], spots: [0.5 * (side + wide)] } }
}

function lattice(low, high, side) {
  const [first, last] = [Math.floor(low / side), Math.ceil(high / side)]
  const num = last - first
  return {
    edges: Array.from({ length: num + 1 }, (_, k) => (first + k) * side),
    spots: Array.from({ length: num }, (_, k) => (first + k + 0.5) * side),
  }
}

/**
 * Tiles whose columns and rows are equally probable under the prior, of what is in view of it. The prior of a plane with
 * orthonormal directions is a standard normal along each. Each tile is decoded at its median.
 * @param {Region} seen
 * @param {[number, number]} centre Of the prior in the plane.
 * @returns {Tiling | null} Null where nothing of the prior is in view.
 */
export function quantileTiles(seen, [u, v]) {
  const across = quantiles(seen.left - u, seen.right - u, u)
  const up = quantiles(seen.low - v, seen.high - v, v)
  return across && up && { across, up }
}

function quantiles(low, high, centre) {
  if (high <= -FARTHEST || low >= FARTHEST) return null
  // In the upper tail the probabilities below are all nearly 1; those of the mirrored tail are not.
  if (low > 0) {
    const { edges, spots } = quantiles(-high, -low, 0)
    const mirrored = (values) => values.map((value) => centre - value).reverse()
    return { edges: mirrored(edges), spots: mirrored(spots) }
  }
  const [from, to] = [normal(low), normal(high)]
  const at = (share) => centre + inverse(from + share * (to - from), Math.max(low, -FARTHEST), Math.min(high, FARTHEST))
  const inner = Array.from({ length: SIDE - 1 }, (_, k) => at((k + 1) / SIDE))
  return { edges: [centre + low, ...inner, centre + high], spots: Array.from({ length: SIDE }, (_, k) => at((k + 0.5) / SIDE)) }
}

/** The place between two others below which a standard normal has so much probability: by halving. */
function inverse(probability, low, high) {
  for (let k = 0; k < 60; k += 1) {
    const middle = (low + high) / 2
    if (normal(middle) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/**
 * Probability of a standard normal below a place, to four digits of it, in the tail too.
 */
export function normal(x) {
  if (x > 0) return 1 - normal(-x)
  // Substituting t = x - s: density(x) times the integral of exp(x s - s²/2) over s > 0, by Simpson's rule.
  const [far, num] = [12, 240]
  const step = far / num
  const value = (s) => Math.exp(x * s - (s * s) / 2)
  let sum = value(0) + value(far)
  for (let k = 1; k < num; k += 1) sum += (k % 2 ? 4 : 2) * value(k * step)
  return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * (sum * step) / 3
}

/** Draw the images of a canvas each into its own tile, centred where it was decoded and as large as fits. */
export function inTiles(context, viewport, canvas, across, up) {
  const [columns, rows] = [across.spots.length, up.spots.length]
  const [wide, tall] = [canvas.width / columns, canvas.height / rows]
  context.imageSmoothingEnabled = true
  for (let row = 0; row < rows; row += 1) {
    const [top, bottom] = [viewport.y(up.edges[row + 1]), viewport.y(up.edges[row])]
    for (let column = 0; column < columns; column += 1) {
      const [left, right] = [viewport.x(across.edges[column]), viewport.x(across.edges[column + 1])]
      const [x, y] = [viewport.x(across.spots[column]), viewport.y(up.spots[row])]
      const factor = 2 * Math.min((x - left) / wide, (right - x) / wide, (y - top) / tall, (bottom - y) / tall)
      const [width, height] = [wide * factor, tall * factor]
      context.drawImage(canvas, column * wide, (rows - 1 - row) * tall, wide, tall, x - width / 2, y - height / 2, width, height)
    }
  }
}
