/** Where the plane's axes end, and its lines of equal ELBO: rate + distortion is the same all along one. */
import { ticks } from "../../../../vae/browser/lib/ticks.js"

/**
 * How far an axis goes, with room around the dots; the rate begins at 0.
 * @param {number[]} values
 * @param {boolean} fromZero
 * @returns {[number, number]}
 */
export function range(values, fromZero) {
  const [low, high] = [fromZero ? 0 : Math.min(...values), Math.max(...values)]
  const room = Math.max(0.12 * (high - low), 1e-3 * Math.abs(high), 0.5)
  return [fromZero ? -0.25 * room : low - room, high + room]
}

/**
 * @param {[number, number]} x
 * @param {[number, number]} y
 * @returns {{value: number, decimals: number, from: [number, number], to: [number, number]}[]} From the left or upper edge to the
 * lower or right one, and the decimals that tell a line's value from the next one's.
 */
export function isoLines(x, y) {
  const [low, high] = [x[0] + y[0], x[1] + y[1]]
  const { values, decimals } = ticks(low, high, (high - low) / 6)
  return values.filter((value) => value < high).map((value) => ({
    value, decimals,
    from: value - x[0] <= y[1] ? [x[0], value - x[0]] : [value - y[1], y[1]],
    to: value - x[1] >= y[0] ? [x[1], value - x[1]] : [value - y[0], y[0]],
  }))
}

/** Where words may stand beside a dot, the best place first, and how far from it, CSS pixels. */
/** @type {[string, number, number][]} */
const PLACES = [["top right", 1, -1], ["bottom right", 1, 1], ["top left", -1, -1], ["bottom left", -1, 1], ["middle right", 1, 0], ["middle left", -1, 0]]
const [AWAY, HIGH, WIDE] = [7, 14, 6.2]

/**
 * A place for the words of each dot, so that none lies over another's words or over a dot, as far as there is room.
 * @param {{x: number, y: number, words: string}[]} dots Places on the page, CSS pixels.
 * @param {number} width Of the chart, beyond which words would be cut off.
 * @returns {string[]} In Plotly's words.
 */
export function besides(dots, width) {
  const taken = dots.map(({ x, y }) => [x - AWAY, y - AWAY, x + AWAY, y + AWAY])
  return dots.map(({ x, y, words }) => {
    const wide = WIDE * words.length
    const boxes = PLACES.map(([name, across, down]) => {
      const left = across > 0 ? x + AWAY : x - AWAY - wide
      const top = down > 0 ? y + AWAY : down < 0 ? y - AWAY - HIGH : y - HIGH / 2
      return { name, box: [left, top, left + wide, top + HIGH] }
    })
    const best = boxes.find(({ box }) => box[0] >= 0 && box[2] <= width && !taken.some((other) => overlap(box, other))) ?? boxes[0]
    taken.push(best.box)
    return best.name
  })
}

function overlap(a, b) {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
