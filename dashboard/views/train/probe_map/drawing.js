/** The picture of a small map: rings of the prior, axes through its mean, and a disc for each image. */
import { contextOf } from "../../../../vae/browser/lib/picture.js"

/** Least half width of what is shown: the prior's ring of 2 σ and some air, so that a collapsed run is seen as collapsed. */
const LEAST = 2.4
/** Share of the points that are always in view; a few early ones may lie far out. */
const SHARE = 0.99
const RADIUS = 2.2

/**
 * Half the width of the square that holds nearly all points, in units of the latent space.
 * @param {Float32Array} places Two numbers for each point.
 * @param {number[]} origin Where the prior's mean lies.
 */
export function reachOf(places, origin) {
  const far = new Float64Array(places.length / 2)
  for (let k = 0; k < far.length; k += 1) far[k] = Math.max(Math.abs(places[2 * k] - origin[0]), Math.abs(places[2 * k + 1] - origin[1]))
  far.sort()
  return Math.max(LEAST, 1.08 * (far[Math.floor(SHARE * (far.length - 1))] ?? 0))
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{places: ArrayLike<number>, labels: Int16Array, origin: number[], reach: number, colours: string[],
 *   look: import("../../../../vae/browser/lib/theme.js").Theme}} what
 */
export function draw(canvas, { places, labels, origin, reach, colours, look }) {
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight]
  const scale = devicePixelRatio
  if (canvas.width !== Math.round(wide * scale) || canvas.height !== Math.round(high * scale)) {
    canvas.width = Math.round(wide * scale)
    canvas.height = Math.round(high * scale)
  }
  const context = contextOf(canvas)
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, wide, high)
  paint(context, wide, high, { places, labels, origin, reach, colours, look })
}

/**
 * @param {CanvasRenderingContext2D} context In CSS pixels.
 * @param {number} wide
 * @param {number} high
 * @param {Parameters<typeof draw>[1]} what
 */
export function paint(context, wide, high, { places, labels, origin, reach, colours, look }) {
  const unit = Math.min(wide, high) / (2 * reach)
  const [left, top] = [wide / 2, high / 2]
  context.lineWidth = 1
  context.strokeStyle = look.grid
  context.beginPath()
  context.moveTo(0, top)
  context.lineTo(wide, top)
  context.moveTo(left, 0)
  context.lineTo(left, high)
  context.stroke()
  context.strokeStyle = look.muted
  context.globalAlpha = 0.6
  for (const sigma of [1, 2, 3]) {
    context.beginPath()
    context.arc(left, top, sigma * unit, 0, 2 * Math.PI)
    context.stroke()
  }
  context.globalAlpha = 0.8
  for (let k = 0; k < labels.length; k += 1) {
    context.fillStyle = colours[Math.max(0, labels[k]) % colours.length]
    context.beginPath()
    context.arc(left + (places[2 * k] - origin[0]) * unit, top - (places[2 * k + 1] - origin[1]) * unit, RADIUS, 0, 2 * Math.PI)
    context.fill()
  }
  context.globalAlpha = 1
}
