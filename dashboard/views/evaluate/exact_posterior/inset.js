/** Where in the map a plot lies: all test images at their posterior means, small, and the part that the plot shows. */
import { arrays } from "../../../../vae/browser/lib/arrays.js"
import { element } from "../../../../vae/browser/lib/dom.js"
import { contextOf } from "../../../../vae/browser/lib/picture.js"
import { server } from "../../../components/source/source.js"

/** Points drawn at most, and σ of the prior that are in view at least. */
const [MOST, IN_VIEW] = [3000, 2.2]

/** Means of the test images by run and weights: one for all insets of the page. @type {Map<string, Promise<Record<string, any>>>} */
const known = new Map()

export function inset() {
  const canvas = element("canvas", { class: "inset", role: "img", hidden: true, "aria-label": "Where this posterior lies among those of the test images" })
  const node = element("figure", { class: "where" }, canvas, element("figcaption", { class: "ll-note" }, "Where in the map"))
  node.hidden = true
  let turn = 0

  return {
    node,
    /**
     * @param {{run: string, at: string, stamp: string, found: Record<string, any>, span: number[][], palette: string[], colours: Record<string, any>}} wanted
     *   `span`: lowest and highest value of each axis that the plot shows.
     */
    async draw({ run, at, stamp, found, span, palette, colours }) {
      const mine = ++turn
      const key = `${run} ${at} ${stamp}`
      if (!known.has(key)) {
        if (known.size > 12) known.clear()
        const asked = arrays(server, run, "latent", { at, part: "test", v: stamp })
        asked.catch(() => known.delete(key))
        known.set(key, asked)
      }
      try {
        const { mean, labels } = await /** @type {Promise<Record<string, any>>} */ (known.get(key))
        if (mine !== turn) return
        node.hidden = canvas.hidden = false
        paint(canvas, { mean, labels, found, span, palette, colours })
      } catch {
        // Without the images' places there is no map to show it in.
        node.hidden = true
      }
    },
  }
}

function paint(canvas, { mean, labels, found, span, palette, colours }) {
  const side = canvas.clientWidth || 132
  const ratio = Math.min(2, devicePixelRatio || 1)
  Object.assign(canvas, { width: Math.round(side * ratio), height: Math.round(side * ratio) })
  const context = contextOf(canvas)
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.fillStyle = colours.background
  context.fillRect(0, 0, side, side)
  const [num, dims] = mean.shape
  const flat = dims === 1
  let reach = IN_VIEW
  for (const value of found.q_mean) reach = Math.max(reach, 1.15 * Math.abs(value))
  // The frame of a plot is in view whole.
  for (const [low, high] of flat ? span.slice(0, 1) : span) reach = Math.max(reach, 1.04 * Math.abs(low), 1.04 * Math.abs(high))
  const every = Math.max(1, Math.ceil(num / MOST))
  for (let k = 0; k < num; k += every) for (let d = 0; d < dims; d += 1) reach = Math.max(reach, Math.min(6, 1.05 * Math.abs(mean.data[k * dims + d])))
  const x = (/** @type {number} */ value) => side / 2 + (value / reach) * (side / 2)
  const y = (/** @type {number} */ value) => side / 2 - (value / reach) * (side / 2)
  for (let k = 0; k < num; k += every) {
    context.fillStyle = labels.data[k] < 0 ? colours.muted : palette[labels.data[k] % palette.length]
    context.globalAlpha = 0.5
    // Along one dimension the height means nothing: the points are spread so that they can be seen.
    context.fillRect(x(mean.data[k * dims]) - 0.75, flat ? side * (0.15 + 0.7 * ((k * 0.618034) % 1)) : y(mean.data[k * dims + 1]) - 0.75, 1.5, 1.5)
  }
  context.globalAlpha = 1
  context.strokeStyle = colours.muted
  context.lineWidth = 1
  context.beginPath()
  if (flat) for (const sigma of [-2, 2]) { context.moveTo(x(sigma), 0); context.lineTo(x(sigma), side) }
  else context.arc(x(0), y(0), (2 / reach) * (side / 2), 0, 2 * Math.PI)
  context.stroke()
  const [[left, right], [low, high]] = span
  const wide = Math.max(5, x(right) - x(left))
  const tall = flat ? side - 8 : Math.max(5, y(low) - y(high))
  const [middleX, middleY] = [x((left + right) / 2), flat ? side / 2 : y((low + high) / 2)]
  context.lineWidth = 4
  context.strokeStyle = colours.background
  context.strokeRect(middleX - wide / 2, middleY - tall / 2, wide, tall)
  context.lineWidth = 2
  context.strokeStyle = colours.text
  context.strokeRect(middleX - wide / 2, middleY - tall / 2, wide, tall)
  canvas.dataset.frame = [middleX, middleY, wide, tall].map((value) => value.toFixed(1)).join()
}
