/** Grid, ticks, titles, and the prior's contours. */
import { number } from "../lib/dom.js"
import { EDGE } from "./scene.js"

/** Standard deviations of the prior at which a contour is drawn. */
const RADII = [1, 2, 3]
const APART = { across: 70, up: 70 }

/** For ticks and contours; larger where the page is presented. */
function small(colours) {
  return `${Math.round(11 * colours.scale)}px ${colours.font}`
}

/** Lines of the grid, below the points; where there is one dimension, the plane's height means nothing and has none. */
export function grid(colours, isLine = false) {
  return (context, viewport) => {
    const { left, right, low, high } = viewport.region
    context.lineWidth = 1
    const line = (strong, x0, y0, x1, y1) => {
      context.strokeStyle = strong ? colours.axis : colours.grid
      context.beginPath()
      context.moveTo(x0, y0)
      context.lineTo(x1, y1)
      context.stroke()
    }
    const { step } = spacing(viewport, left, right)
    for (const u of viewport.ticks(left, right, APART.across).values) {
      const x = Math.round(viewport.x(u)) + 0.5
      line(Math.abs(u) < step / 1e6, x, -16, x, viewport.height + 16)
    }
    for (const v of isLine ? [0] : viewport.ticks(low, high, APART.up).values) {
      const y = Math.round(viewport.y(v)) + 0.5
      line(Math.abs(v) < step / 1e6, -16, y, viewport.width + 16, y)
    }
  }
}

function spacing(viewport, low, high) {
  return { step: (high - low) / viewport.width * APART.across || 1 }
}

/** Tick labels and titles, around the plot; an axis without a title means nothing and has no numbers. */
export function frame(colours, [across, up]) {
  return (context, viewport) => {
    const { left, right, low, high } = viewport.region
    context.font = small(colours)
    context.fillStyle = colours.muted
    context.textAlign = "center"
    context.textBaseline = "top"
    const bottom = EDGE.top + viewport.height
    const columns = viewport.ticks(left, right, APART.across)
    for (const u of columns.values) {
      const x = EDGE.left + viewport.x(u)
      if (x > EDGE.left + 8 && x < EDGE.left + viewport.width - 8) context.fillText(number(u, columns.decimals), x, bottom + 7)
    }
    context.textAlign = "right"
    context.textBaseline = "middle"
    const rows = viewport.ticks(low, high, APART.up)
    for (const v of up ? rows.values : []) {
      const y = EDGE.top + viewport.y(v)
      if (y > EDGE.top + 6 && y < bottom - 6) context.fillText(number(v, rows.decimals), EDGE.left - 6, y)
    }
    context.font = `600 ${Math.round(12 * colours.scale)}px ${colours.font}`
    context.textAlign = "center"
    context.textBaseline = "bottom"
    context.fillText(across, EDGE.left + viewport.width / 2, bottom + EDGE.bottom - 1)
    // In a low plot a long title would be cut at both ends.
    if (context.measureText(up).width > viewport.height) return
    context.save()
    context.translate(Math.round(13 * colours.scale), EDGE.top + viewport.height / 2)
    context.rotate(-Math.PI / 2)
    context.fillText(up, 0, 0)
    context.restore()
  }
}

/** A line over whatever lies below it: first a broad one in the colour of the background. */
function draw(context, colours) {
  context.lineWidth = 3
  context.globalAlpha = 0.35
  context.strokeStyle = colours.background
  context.stroke()
  context.lineWidth = 1.25
  context.globalAlpha = 0.6
  context.strokeStyle = colours.text
  context.stroke()
  context.globalAlpha = 1
}

function label(context, colours, text, x, y) {
  const wide = context.measureText(text).width + 8
  context.fillStyle = colours.background
  context.globalAlpha = 0.82
  context.beginPath()
  context.roundRect(x - wide / 2, y - 9, wide, 18, 9)
  context.fill()
  context.globalAlpha = 1
  context.fillStyle = colours.text
  context.fillText(text, x, y + 0.5)
}

/** Names at their places, moved upwards or downwards where one would lie over another. */
export function names(context, colours, places, { width, height }) {
  const tall = Math.round(18 * colours.scale)
  context.font = `600 ${Math.round(13 * colours.scale)}px ${colours.font}`
  context.textAlign = "center"
  context.textBaseline = "middle"
  const put = []
  for (const { text, x, y } of places) {
    if (x < 0 || x > width || y < 0 || y > height) continue
    const wide = context.measureText(text).width + 8
    const free = [0, -1, 1, -2, 2].map((k) => y + k * tall).find((at) => put.every((other) => Math.abs(other.y - at) >= tall || Math.abs(other.x - x) >= (other.wide + wide) / 2))
    if (free === undefined) continue
    put.push({ x, y: free, wide })
    label(context, colours, text, x, free)
  }
}

/** Pixels between the top of the plot and the middle of a label there. */
const TOP = 14

/** One dimension: lines at 1, 2 and 3 standard deviations of the prior on both sides of its mean. */
export function marks(colours, u) {
  return (context, viewport) => {
    context.font = small(colours)
    context.textAlign = "center"
    context.textBaseline = "middle"
    for (const sigmas of [...RADII.map((radius) => -radius).reverse(), ...RADII]) {
      const x = viewport.x(u + sigmas)
      context.beginPath()
      context.moveTo(x, 0)
      context.lineTo(x, viewport.height)
      draw(context, colours)
      label(context, colours, `${sigmas < 0 ? "−" : ""}${Math.abs(sigmas)}σ`, x, TOP)
    }
  }
}

/**
 * Circles of 1, 2 and 3 standard deviations of the prior around its mean; in a plane that cuts the latent space they are
 * circles too, because its directions are orthonormal.
 */
export function contours(colours, [u, v]) {
  return (context, viewport) => {
    const [x, y] = [viewport.x(u), viewport.y(v)]
    context.font = small(colours)
    context.textAlign = "center"
    context.textBaseline = "middle"
    // Where the circles lie close together, the outermost alone is named.
    const named = viewport.scale < 2 * TOP ? RADII.slice(-1) : RADII
    for (const radius of RADII) {
      const long = radius * viewport.scale
      context.beginPath()
      context.arc(x, y, long, 0, 2 * Math.PI)
      draw(context, colours)
      // Where the circle's top is just out of view, its label stays in it.
      const top = y - long
      if (named.includes(radius)) label(context, colours, `${radius}σ`, x, top < TOP && top > -TOP ? TOP : top)
    }
  }
}
