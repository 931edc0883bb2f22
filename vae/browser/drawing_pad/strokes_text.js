/**
 * A drawing as text that fits a link: `dashboard/link/drawing.py` says how it is written, and checks it. What is written is what
 * is drawn: the pad takes the same whole numbers over, so that a link shows the same drawing and the same posterior.
 */
import { thinned } from "../lib/thinning.js"

/** As in `dashboard/link/drawing.py`. */
const MAX_LENGTH = 1500
const SIDE = 256
/** What a line may be off, in units: at first nothing that is seen, then twice that until the text is short enough. */
const FINEST = 0.7
const COARSEST = 64

/** Wholes of one stroke: its width, and its points without those that lie on the way. */
function wholes(stroke, unit, tolerance) {
  const whole = (value, low, high) => Math.min(high, Math.max(low, Math.round(value / unit)))
  const points = []
  for (let k = 0; k < stroke.points.length; k += 2) {
    const place = [whole(stroke.points[k], -SIDE, 2 * SIDE), whole(stroke.points[k + 1], -SIDE, 2 * SIDE)]
    const last = points.at(-1)
    if (!last || place[0] !== last[0] || place[1] !== last[1]) points.push(place)
  }
  return { kind: stroke.kind, width: whole(stroke.width, 1, 2 * SIDE), points: thinned(points, tolerance) }
}

function written(strokes, centring) {
  const bytes = [centring ? 1 : 0]
  const put = (value) => {
    for (; value > 127; value >>= 7) bytes.push((value & 127) | 128)
    bytes.push(value)
  }
  const step = (value) => put(value < 0 ? -2 * value - 1 : 2 * value)
  for (const { kind, width, points } of strokes) {
    put(2 * points.length + (kind === "eraser" ? 1 : 0))
    put(width)
    let [x, y] = [0, 0]
    for (const [nextX, nextY] of points) {
      step(nextX - x)
      step(nextY - y)
      ;[x, y] = [nextX, nextY]
    }
  }
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/**
 * Write the strokes since the pad was last cleared, and make them what was written.
 * @param {import("./strokes.js").Stroke[]} strokes Their widths and points are replaced by what the text says.
 * @param {number} side Pixels of the image's longer side.
 * @param {boolean} centring
 * @returns {string | null} Empty without strokes; null, and nothing is replaced, if they are too many for a link.
 */
export function write(strokes, side, centring) {
  const cleared = strokes.findLastIndex(({ kind }) => kind === "clear")
  const shown = strokes.slice(cleared + 1)
  if (!shown.length) return ""
  const unit = side / SIDE
  for (let tolerance = FINEST; tolerance <= COARSEST; tolerance *= 2) {
    const found = shown.map((stroke) => wholes(stroke, unit, tolerance))
    const text = written(found, centring)
    if (text.length > MAX_LENGTH) continue
    shown.forEach((stroke, k) => Object.assign(stroke, scaled(found[k], unit)))
    return text
  }
  return null
}

function scaled({ kind, width, points }, unit) {
  return { kind, width: width * unit, points: points.flatMap(([x, y]) => [x * unit, y * unit]) }
}

/**
 * Read what `write` wrote; Python has checked it.
 * @param {string} text
 * @param {number} side Pixels of the image's longer side.
 * @returns {{strokes: import("./strokes.js").Stroke[], centring: boolean}}
 */
export function read(text, side) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0))
  let at = 1
  const take = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const step = () => {
    const value = take()
    return value % 2 ? -(value + 1) / 2 : value / 2
  }
  const strokes = []
  while (at < bytes.length) {
    const head = take()
    const width = take()
    const points = []
    let [x, y] = [0, 0]
    for (let k = 0; k < head >> 1; k += 1) {
      x += step()
      y += step()
      points.push([x, y])
    }
    strokes.push(scaled({ kind: head % 2 ? "eraser" : "pen", width, points }, side / SIDE))
  }
  return { strokes, centring: bytes[0] === 1 }
}
