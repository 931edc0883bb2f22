/** The points of a map: the plane of the latent space that it shows, where each image lies in it, and who is near whom. */
import { Grid } from "../lib/grid.js"
import { BACK } from "../lib/scatter.js"

/**
 * @typedef {{mean: number[], components: number[][], explained: number}} Plane A latent point in it, and two orthonormal
 *   directions.
 * @typedef {{xy: Float32Array, rows: Int32Array, method?: import("./projection.js").Method, of?: number, trust?: any}} Flat Places that no formula gives: t-SNE's or UMAP's, of these rows.
 * @typedef {{num: number, of: number, part: string, sizes: Record<string, number>, dims: number, x: Float32Array, y: Float32Array, mean: Float32Array, labels: Int16Array,
 *   index: Int32Array, rows: Int32Array | null, order: Int32Array, grid: Grid, groups: {name: string, label: number,
 *   num: number}[], flat: Flat | null}} Shown Row k of each array is one image; `rows` says which of the part's `of` rows it is, null for row k itself;
 *   `order` is in which order they are drawn.
 */

/** @type {Plane} What a latent space of two dimensions is shown as: itself. */
const TWO = { mean: [0, 0], components: [[1, 0], [0, 1]], explained: 1 }

/** A latent point's place in the plane. */
export function project(plane, z) {
  const { mean, components } = plane ?? TWO
  return components.map((row) => row.reduce((sum, weight, d) => sum + weight * (z[d] - mean[d]), 0))
}

/** The latent point at a place of the plane. */
export function lift(plane, u, v) {
  const { mean, components } = plane ?? TWO
  return Float32Array.from(mean, (centre, d) => centre + u * components[0][d] + v * components[1][d])
}

/**
 * Put the images into the plane.
 * @param {Record<string, any>} found The server's arrays.
 * @param {{plane: Plane | null, classes: string[], sizes: Record<string, number>}} data
 * @param {string} part Of the data: `test`, `validation`, `train` or `all`.
 * @param {Flat | null} [flat] Places to take instead of the plane's.
 * @returns {Shown}
 */
export function prepare(found, { plane, classes, sizes }, part, flat = null) {
  const [of, dims] = found.mean.shape
  const rows = flat?.rows ?? null
  const num = rows ? rows.length : of
  const [mean, labels, index] = rows
    ? [pick(found.mean.data, rows, dims), pick(found.labels.data, rows), pick(found.index.data, rows)]
    : [found.mean.data, found.labels.data, found.index.data]
  const x = new Float32Array(num)
  const y = new Float32Array(num)
  if (flat) {
    for (let k = 0; k < num; k += 1) {
      x[k] = flat.xy[2 * k]
      y[k] = flat.xy[2 * k + 1]
    }
  } else place(mean, dims, plane ?? TWO, x, y)
  return { num, of, part, sizes, dims, x, y, mean, labels, index, rows, order: shuffled(num), groups: groups(labels, classes), grid: new Grid(x, y), flat }
}

/** Parts in the order in which the whole data set lists them, and how an image of each is called. */
const PARTS = [["train", "Training"], ["validation", "Validation"], ["test", "Test"]]

/** Which part an image is of, and its number there, from 0: as every page counts. */
export function numbered({ part, sizes, rows }, row) {
  let number = rows ? rows[row] : row
  if (part !== "all") return { part, number }
  for (const [name] of PARTS) {
    if (number < sizes[name]) return { part: name, number }
    number -= sizes[name]
  }
  return { part: "all", number }
}

/** What an image is called, by its part and its number there: Test image 216. */
export function titleOf(shown, row) {
  const { part, number } = numbered(shown, row)
  return `${PARTS.find(([name]) => name === part)?.[1] ?? ""} image ${number}`.trim()
}

/** Share of the variance of the means that a plane shows. */
export function share({ mean, dims, num, x, y }, plane) {
  const variance = (at) => {
    let [sum, squares] = [0, 0]
    for (let k = 0; k < num; k += 1) {
      const value = at(k)
      sum += value
      squares += value * value
    }
    return squares / num - (sum / num) ** 2
  }
  // Rows of a computed plane have other places, but are not asked for.
  const seen = plane ? variance((k) => x[k]) + variance((k) => y[k]) : 1
  let all = 0
  for (let d = 0; d < dims; d += 1) all += variance((k) => mean[k * dims + d])
  return all > 0 ? seen / all : 1
}

/** @param {any} mean @param {number} dims @param {Plane} plane @param {Float32Array} x @param {Float32Array} y */
function place(mean, dims, { mean: centre, components: [first, second] }, x, y) {
  for (let k = 0; k < x.length; k += 1) {
    let [u, v] = [0, 0]
    for (let d = 0; d < dims; d += 1) {
      const centred = mean[k * dims + d] - centre[d]
      u += centred * first[d]
      v += centred * second[d]
    }
    x[k] = u
    y[k] = v
  }
}

function pick(values, rows, wide = 1) {
  const picked = new values.constructor(rows.length * wide)
  for (let k = 0; k < rows.length; k += 1) {
    for (let d = 0; d < wide; d += 1) picked[k * wide + d] = values[rows[k] * wide + d]
  }
  return picked
}

/** An order in which neighbours of the data set are far apart: no label hides the others, and any beginning is a sample. */
function shuffled(num) {
  const order = new Int32Array(num)
  let stride = Math.max(1, Math.floor(num * 0.6180339887))
  while (divisor(stride, num) !== 1) stride += 1
  for (let k = 0, at = 0; k < num; k += 1) {
    order[k] = at
    at = (at + stride) % num
  }
  return order
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a
}

/** How many of some labels there are of each class, and without one. */
export function groups(labels, classes) {
  const counts = new Int32Array(classes.length + 1)
  for (let k = 0; k < labels.length; k += 1) counts[labels[k] >= 0 && labels[k] < classes.length ? labels[k] : classes.length] += 1
  const found = classes.map((name, label) => ({ name, label, num: counts[label] }))
  const rest = counts[classes.length]
  return rest ? [...found, { name: classes.length ? "no class" : "images", label: -1, num: rest }] : found
}

/** Values of the rows in the order in which they are drawn; in `into`, if that has room for just so many of their kind. */
export function inOrder(values, order, into = null) {
  const sorted = into?.length === order.length && into.constructor === values.constructor ? into : new values.constructor(order.length)
  for (let k = 0; k < order.length; k += 1) sorted[k] = values[order[k]]
  return sorted
}

/**
 * Where points come from when others take their place: each image's own former place, else its new one.
 * @returns {{x: Float32Array, y: Float32Array}} In the order of `next`'s rows.
 */
export function origins(before, next) {
  const [x, y] = [next.x.slice(), next.y.slice()]
  if (!before) return { x, y }
  let last = 0
  for (const index of before.index) last = Math.max(last, index)
  const rows = new Int32Array(last + 1).fill(-1)
  for (let k = 0; k < before.num; k += 1) rows[before.index[k]] = k
  for (let k = 0; k < next.num; k += 1) {
    const row = next.index[k] <= last ? rows[next.index[k]] : -1
    if (row < 0) continue
    x[k] = before.x[row]
    y[k] = before.y[row]
  }
  return { x, y }
}

/**
 * The images whose means are closest to a row's, in all dimensions.
 * @returns {{row: number, distance: number}[]} Nearest first, without the row itself.
 */
export function neighbours({ mean, dims, num }, row, most) {
  const found = []
  let limit = Infinity
  for (let k = 0; k < num; k += 1) {
    if (k === row) continue
    let distance = 0
    for (let d = 0; d < dims && distance < limit; d += 1) distance += (mean[k * dims + d] - mean[row * dims + d]) ** 2
    if (distance >= limit) continue
    let at = found.length
    while (at > 0 && found[at - 1].distance > distance) at -= 1
    found.splice(at, 0, { row: k, distance })
    if (found.length > most) found.pop()
    if (found.length === most) limit = found[most - 1].distance
  }
  return found.map((one) => ({ ...one, distance: Math.sqrt(one.distance) }))
}

/**
 * Codes of the points that stand back, put over those of their colours.
 * @param {Uint8Array} codes In the order of the rows, or of `order`.
 * @param {Uint8Array} back For each row whether it does.
 * @param {Int32Array | null} [order]
 */
export function standBack(codes, back, order = null) {
  let any = false
  for (let k = 0; k < codes.length; k += 1) {
    if (!back[order ? order[k] : k]) continue
    codes[k] = BACK
    any = true
  }
  return any
}

/**
 * Put the colours on the points anew where others stand back than before.
 * @param {Uint8Array} codes What the points have, in drawing order; changed in place.
 * @param {Uint8Array} own Colours of the rows.
 * @param {Uint8Array} back For each row whether it stands back.
 * @param {Int32Array} order
 * @returns {{came: Int32Array | null, any: boolean}} Places of those that stand back no longer, null if others changed too; whether any stands back.
 */
export function renew(codes, own, back, order) {
  const came = []
  let [isMore, any] = [true, false]
  for (let k = 0; k < codes.length; k += 1) {
    const row = order[k]
    const code = back[row] ? BACK : own[row]
    if (code === BACK) any = true
    if (code === codes[k]) continue
    if (codes[k] === BACK) came.push(k)
    else isMore = false
    codes[k] = code
  }
  return { came: isMore ? Int32Array.from(came) : null, any }
}
