/** The points of a map, and the plane of the latent space that it shows. */
import { Grid } from "../lib/grid.js"

/**
 * @typedef {{mean: number[], components: number[][], explained: number}} Plane A latent point in it, and two orthonormal
 *   directions.
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
 * Project the means, sort them by label, and make ready to find the nearest.
 * @param {Record<string, any>} found The server's arrays.
 * @param {{plane: Plane | null, classes: string[]}} data
 */
export function prepare({ mean, labels, index }, { plane, classes }) {
  const [num, dims] = mean.shape
  const x = new Float32Array(num)
  const y = new Float32Array(num)
  const { mean: centre, components } = plane ?? TWO
  const [first, second] = components
  for (let k = 0; k < num; k += 1) {
    let [u, v] = [0, 0]
    for (let d = 0; d < dims; d += 1) {
      const centred = mean.data[k * dims + d] - centre[d]
      u += centred * first[d]
      v += centred * second[d]
    }
    x[k] = u
    y[k] = v
  }
  const kinds = classes.length ? classes.map((name, label) => ({ name, label })) : []
  const rows = kinds.map(() => [])
  const rest = []
  for (let k = 0; k < num; k += 1) (rows[labels.data[k]] ?? rest).push(k)
  if (rest.length) {
    kinds.push({ name: kinds.length ? "no label" : "images", label: -1 })
    rows.push(rest)
  }
  const groups = kinds.map((kind, k) => ({ ...kind, rows: rows[k], x: pick(x, rows[k]), y: pick(y, rows[k]) }))
  const grid = new Grid(x, y)
  return { num, dims, x, y, mean: mean.data, labels: labels.data, index: index.data, groups, grid }
}

function pick(values, rows) {
  const picked = new Float32Array(rows.length)
  for (let k = 0; k < rows.length; k += 1) picked[k] = values[rows[k]]
  return picked
}
