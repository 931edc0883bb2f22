/** What may lie below and above the points: density, the decoded plane, posteriors, and the images themselves. */
import { channels as channelsOf } from "../lib/theme.js"
import { Kept } from "../lib/kept.js"
import { paint } from "../lib/picture.js"
import { lift } from "./points.js"
import { evenTiles, inTiles, quantileTiles, rowOfTiles } from "./tiles.js"

/** Layers in the order of the row of buttons: `[name, title, words]`. */
export const LAYERS = [
  ["contours", "Prior σ", "1, 2 and 3 standard deviations of the prior"],
  ["names", "Class names", "The name of each class at the middle of its points"],
  ["density", "Density", "Where the posterior means lie close together"],
  ["ellipses", "Posteriors", "1σ and 2σ of the posterior of the image under the pointer, of pinned and selected images"],
  ["manifold", "Decoded plane", "The decoded image of each point, behind the dots"],
  ["images", "Images", "The images themselves, where at most 300 are in view"],
]

// Density -------------------------------------------------------------------------------------------------------------

const CELLS = 220
const BLUR = 2

/** A smoothed two-dimensional histogram of some points. */
export class Density {
  #canvas = document.createElement("canvas")
  #region = null

  /** Count anew: all points that do not stand back. */
  count({ x, y, num, grid }, back, text) {
    const air = 0.05
    const [wide, high] = [grid.right - grid.left || 1, grid.high - grid.low || 1]
    const region = {
      left: grid.left - air * wide, right: grid.right + air * wide, low: grid.low - air * high, high: grid.high + air * high,
    }
    const cells = new Float32Array(CELLS * CELLS)
    const [across, up] = [CELLS / (region.right - region.left), CELLS / (region.high - region.low)]
    for (let k = 0; k < num; k += 1) {
      if (back[k]) continue
      cells[Math.floor((region.high - y[k]) * up) * CELLS + Math.floor((x[k] - region.left) * across)] += 1
    }
    for (let pass = 0; pass < 3; pass += 1) blur(cells)
    let most = 0
    for (const value of cells) most = Math.max(most, value)
    Object.assign(this.#canvas, { width: CELLS, height: CELLS })
    const context = this.#canvas.getContext("2d")
    const image = context.createImageData(CELLS, CELLS)
    const [red, green, blue] = channelsOf(text)
    cells.forEach((value, k) => image.data.set([red, green, blue, most ? 110 * Math.sqrt(value / most) : 0], 4 * k))
    context.putImageData(image, 0, 0)
    this.#region = region
  }

  paint(context, viewport) {
    if (this.#region) stretch(context, viewport, this.#canvas, this.#region, true)
  }
}

/** A box blur along both axes; three of them come close to a Gaussian. */
function blur(cells) {
  const line = new Float32Array(CELLS)
  for (const [along, between] of [[1, CELLS], [CELLS, 1]]) {
    for (let k = 0; k < CELLS; k += 1) {
      const start = k * between
      for (let j = 0; j < CELLS; j += 1) {
        let sum = 0
        for (let i = Math.max(0, j - BLUR); i <= Math.min(CELLS - 1, j + BLUR); i += 1) sum += cells[start + i * along]
        line[j] = sum / (2 * BLUR + 1)
      }
      for (let j = 0; j < CELLS; j += 1) cells[start + j * along] = line[j]
    }
  }
}

function stretch(context, viewport, canvas, { left, right, low, high }, smooth) {
  context.imageSmoothingEnabled = smooth
  const [x, y] = [viewport.x(left), viewport.y(high)]
  context.drawImage(canvas, x, y, viewport.x(right) - x, viewport.y(low) - y)
}

// The decoded plane -----------------------------------------------------------------------------------------------------

/** Images decoded at once: between two such steps the page hears the pointer. */
const CHUNK = 40
const SETTLED = 180

/** How strongly the decoded plane shows, so that it stays behind the points. */
const STRENGTH = { grey: 0.55, colour: 0.6 }

/** Write image k of a batch as ink of a colour: the brighter a grey pixel, the more of it. Images in colour keep theirs. */
function ink(pixels, { data, channels, height, width }, k, colour) {
  const size = height * width
  const start = k * channels * size
  for (let p = 0; p < size; p += 1) {
    for (let c = 0; c < 3; c += 1) pixels[4 * p + c] = channels === 3 ? 255 * data[start + c * size + p] : colour[c]
    pixels[4 * p + 3] = 255 * (channels === 3 ? STRENGTH.colour : STRENGTH.grey * data[start + p])
  }
}

/** The plane, decoded at a grid of tiles over the part of the prior that is in view; anew when the view has settled. */
export class Manifold {
  #canvas = null
  /** @type {import("./tiles.js").Tiling & {kind: string} | null} */
  #tiling = null
  #timer = 0
  #wanted = ""
  #turn = 0

  constructor(changed) {
    this.changed = changed
  }

  /** Forget what was decoded: the weights or the class are others. */
  clear() {
    this.#wanted = ""
    this.#turn += 1
  }

  /** See to it that what is in view is decoded. */
  want(viewport, decoder, plane, centre, y, text, kind) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#decode(viewport, decoder, plane, centre, y, text, kind), this.#canvas ? SETTLED : 0)
  }

  async #decode(viewport, decoder, plane, centre, y, text, kind) {
    const tiling = plane?.components[0].length === 1
      ? rowOfTiles(viewport.region, centre[0], kind === "even") : (kind === "quantiles" ? quantileTiles : evenTiles)(viewport.region, centre)
    if (!tiling) return
    const { across, up } = tiling
    const wanted = [kind, text, ...across.edges, ...up.edges].join(" ")
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    const turn = ++this.#turn
    await decoder.ready
    if (decoder.source !== "browser" || turn !== this.#turn) return
    const [columns, rows] = [across.spots.length, up.spots.length]
    // From the top: the canvas has its first row there.
    const spots = Array.from({ length: columns * rows }, (_, k) => [across.spots[k % columns], up.spots[rows - 1 - Math.floor(k / columns)]])
    const canvas = document.createElement("canvas")
    const colour = channelsOf(text)
    let context = null
    let tile = null
    for (let start = 0; start < spots.length; start += CHUNK) {
      const some = spots.slice(start, start + CHUNK)
      const z = some.map(([u, v]) => lift(plane, u, v))
      const packed = new Float32Array(some.length * z[0].length)
      z.forEach((values, k) => packed.set(values, k * values.length))
      const classes = y && new Float32Array(some.length * y.length)
      if (y) some.forEach((_, k) => classes.set(y, k * y.length))
      const picture = await decoder.batch(packed, classes, some.length)
      await new Promise((resolve) => setTimeout(resolve))
      if (turn !== this.#turn) return
      const { height, width } = picture
      if (!context) {
        Object.assign(canvas, { width: columns * width, height: rows * height })
        context = canvas.getContext("2d")
        tile = context.createImageData(width, height)
      }
      some.forEach((_, k) => {
        ink(tile.data, picture, k, colour)
        context.putImageData(tile, ((start + k) % columns) * width, Math.floor((start + k) / columns) * height)
      })
    }
    this.#canvas = canvas
    this.#tiling = { kind, across, up }
    this.changed()
  }

  paint(context, viewport) {
    if (!this.#canvas) return
    const { kind, across, up } = this.#tiling
    if (kind === "quantiles") return inTiles(context, viewport, this.#canvas, across, up)
    const region = { left: across.edges[0], right: across.edges.at(-1), low: up.edges[0], high: up.edges.at(-1) }
    stretch(context, viewport, this.#canvas, region, true)
  }

  /** What is decoded: edges and spots along both axes, for tests. */
  get tiling() {
    return this.#tiling
  }

  /** How many times a view was decoded, for tests. */
  get decoded() {
    return this.#canvas ? this.#turn : 0
  }

  stop() {
    clearTimeout(this.#timer)
    this.#turn += 1
  }
}

// Posteriors ------------------------------------------------------------------------------------------------------------

/**
 * The ellipse of one standard deviation of a diagonal Gaussian, seen in the plane.
 * @param {import("./points.js").Plane | null} plane
 * @param {ArrayLike<number>} sigma Of each latent dimension.
 * @returns {{long: number, short: number, angle: number}} Half axes in units of the plane; the angle of the long one.
 */
export function ellipse(plane, sigma) {
  const [first, second] = plane ? plane.components : [[1, 0], [0, 1]]
  let [a, b, c] = [0, 0, 0]
  for (let d = 0; d < first.length; d += 1) {
    const variance = sigma[d] ** 2
    a += variance * first[d] ** 2
    b += variance * first[d] * second[d]
    c += variance * second[d] ** 2
  }
  const middle = (a + c) / 2
  const apart = Math.hypot((a - c) / 2, b)
  return { long: Math.sqrt(middle + apart), short: Math.sqrt(Math.max(0, middle - apart)), angle: Math.atan2(2 * b, a - c) / 2 }
}

/** Draw the ellipses of one and two standard deviations around a place; only thin lines where they are not to be filled. */
export function drawEllipse(context, viewport, u, v, { long, short, angle }, colour, filled = true) {
  context.strokeStyle = context.fillStyle = colour
  context.lineWidth = 1.5
  for (const [times, alpha] of [[2, 0.45], [1, 0.95]]) {
    context.beginPath()
    context.ellipse(viewport.x(u), viewport.y(v), times * long * viewport.scale, times * short * viewport.scale, -angle, 0, 2 * Math.PI)
    context.globalAlpha = 0.1
    if (filled) context.fill()
    context.globalAlpha = filled ? alpha : 0.5 * alpha
    context.stroke()
  }
  context.globalAlpha = 1
}

// The images themselves -------------------------------------------------------------------------------------------------

/** As many images may be in view, and so large they are, in CSS pixels. */
export const FEW = 300
const SIZE = { least: 24, most: 56 }

/** Images in the place of points. */
export class Sprites {
  #made = new Kept(2 * FEW)

  /** Rows in view; null if there are more than `FEW`. */
  static inView({ x, y, num }, { left, right, low, high }, back) {
    const rows = []
    for (let k = 0; k < num; k += 1) {
      if (back[k] || x[k] < left || x[k] > right || y[k] < low || y[k] > high) continue
      if (rows.length === FEW) return null
      rows.push(k)
    }
    return rows
  }

  draw(context, viewport, shown, rows, originals, colour) {
    const size = Math.min(SIZE.most, Math.max(SIZE.least, Math.sqrt((viewport.width * viewport.height) / Math.max(1, rows.length)) * 0.55))
    context.imageSmoothingEnabled = false
    for (const row of rows) {
      const made = this.#canvas(originals, shown.index[row])
      if (!made) continue
      const [x, y] = [viewport.x(shown.x[row]) - size / 2, viewport.y(shown.y[row]) - size / 2]
      context.drawImage(made, x, y, size, size)
      context.strokeStyle = colour(row)
      context.lineWidth = 2
      context.strokeRect(x, y, size, size)
    }
  }

  #canvas(originals, index) {
    let canvas = this.#made.get(index)
    if (canvas) return canvas
    const picture = originals.at(index)
    if (!picture) return null
    canvas = document.createElement("canvas")
    paint(canvas, picture)
    this.#made.set(index, canvas, 1)
    return canvas
  }
}
