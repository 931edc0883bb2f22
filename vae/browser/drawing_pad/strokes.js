/** Strokes of a pen as an image of few pixels: soft edges, computed from the distance to the line, at any place and size. */

/**
 * @typedef {{kind: "pen" | "eraser" | "clear", width: number, points: number[]}} Stroke
 * Width and points (x, y, x, y, …) are in pixels of the image; "clear" wipes what was before.
 * @typedef {{scale: number, x: number, y: number}} Placement Where a point goes: `scale · point + (x, y)`.
 */

/** @type {Placement} */
export const IN_PLACE = { scale: 1, x: 0, y: 0 }

/**
 * Draw a part of a stroke.
 * @param {Float32Array} values `width · height` numbers from 0 to 1; changed.
 * @param {number} width
 * @param {number} height
 * @param {Stroke} stroke
 * @param {Placement} [placement]
 * @param {number} [first] The segment to begin with.
 */
export function rasterise(values, width, height, stroke, { scale, x, y } = IN_PLACE, first = 0) {
  if (stroke.kind === "clear") {
    values.fill(0)
    return
  }
  const { points } = stroke
  const radius = (stroke.width * scale) / 2
  const reach = radius + 0.5
  const num = Math.max(1, points.length / 2 - 1)
  for (let k = first; k < num; k += 1) {
    const [ax, ay] = [scale * points[2 * k] + x, scale * points[2 * k + 1] + y]
    const last = Math.min(k + 1, points.length / 2 - 1)
    const [dx, dy] = [scale * points[2 * last] + x - ax, scale * points[2 * last + 1] + y - ay]
    const length = dx * dx + dy * dy
    const [left, right] = [Math.min(ax, ax + dx) - reach, Math.max(ax, ax + dx) + reach]
    const [top, bottom] = [Math.min(ay, ay + dy) - reach, Math.max(ay, ay + dy) + reach]
    for (let row = Math.max(0, Math.floor(top)); row < Math.min(height, Math.ceil(bottom)); row += 1) {
      for (let column = Math.max(0, Math.floor(left)); column < Math.min(width, Math.ceil(right)); column += 1) {
        const [px, py] = [column + 0.5 - ax, row + 0.5 - ay]
        const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0
        const away = Math.hypot(px - along * dx, py - along * dy)
        const ink = Math.min(1, Math.max(0, reach - away))
        const at = row * width + column
        values[at] = stroke.kind === "pen" ? Math.max(values[at], ink) : Math.min(values[at], 1 - ink)
      }
    }
  }
}

/**
 * An image of strokes.
 * @param {Stroke[]} strokes
 * @param {number} width
 * @param {number} height
 * @param {Placement} [placement]
 */
export function draw(strokes, width, height, placement) {
  const values = new Float32Array(width * height)
  for (const stroke of strokes) rasterise(values, width, height, stroke, placement)
  return values
}

/**
 * Where an image's ink is to go so that it lies as MNIST's digits do: its box fills 20 of 28 pixels, and its centre of mass
 * is in the middle.
 * @param {ArrayLike<number>} values `from.width · from.height` numbers from 0 to 1, in the order of rows.
 * @param {{width: number, height: number}} from
 * @param {{width: number, height: number}} to
 * @returns {Placement | null} Null without ink.
 * Source: Y. LeCun, C. Cortes & C. Burges, The MNIST database.
 */
export function centred(values, from, to) {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1]
  let [mass, x, y] = [0, 0, 0]
  for (let row = 0, at = 0; row < from.height; row += 1) {
    for (let column = 0; column < from.width; column += 1, at += 1) {
      const ink = values[at]
      if (ink < 0.2) continue
      left = Math.min(left, column)
      right = Math.max(right, column)
      top = Math.min(top, row)
      bottom = Math.max(bottom, row)
      mass += ink
      x += ink * (column + 0.5)
      y += ink * (row + 0.5)
    }
  }
  if (!mass) return null
  const scale = ((20 / 28) * Math.min(to.width, to.height)) / Math.max(right - left + 1, bottom - top + 1)
  return { scale, x: to.width / 2 - (scale * x) / mass, y: to.height / 2 - (scale * y) / mass }
}
