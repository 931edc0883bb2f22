/** The picture of the map: a background, points and what lies over them, drawn when something changed and at most once a frame. */
import { element } from "../lib/dom.js"
import { drawn } from "../lib/saving.js"
import { BACK, MARGIN, Scatter } from "../lib/scatter.js"
import { Viewport } from "../lib/viewport.js"

/** Room for tick labels and titles around the plot, CSS pixels; larger letters take more (`makeRoom`). */
export const EDGE = { left: 46, right: 1, top: 1, bottom: 36 }
const [LEFT, BOTTOM] = [EDGE.left, EDGE.bottom]

/** Make room around all maps of the page for letters so many times as large as usual. */
export function makeRoom(scale) {
  Object.assign(EDGE, { left: Math.round(LEFT * scale), bottom: Math.round(BOTTOM * scale) })
}

/** More points than these are thinned while the view moves; all are drawn when it rests. */
const WHILE_MOVING = 300_000
const REST = 120
/** How much larger points grow as one zooms in. */
const GROWTH = 2.6
/** More points than these are saved as a picture of them, and not as a circle each. */
const MOST_CIRCLES = 20_000

/**
 * @typedef {(context: CanvasRenderingContext2D, viewport: Viewport) => void} Painter Draws in CSS pixels of the plot.
 */

export class Scene {
  viewport = new Viewport()
  /** @type {Painter[]} Drawn below the points, and over them. */
  below = []
  above = []
  /** @type {Painter} Draws the page's point, which moves while the rest lies still. */
  mark = () => {}
  /** Draws around the plot: axes. In CSS pixels of the chart. */
  /** @type {Painter} */
  frame = () => {}
  background = "#ffffff"
  /** @type {import("../lib/scatter.js").Points | null} */
  points = null
  /** Called before each frame with the time; true while something still moves. */
  /** @type {(now: number) => boolean} */
  step = () => false
  /** Milliseconds that drawing the points took last. */
  took = 0
  #dirty = new Set(["below", "points", "above", "mark"])
  #asked = 0
  #ratio = 1
  #base = new Uint32Array(0)
  #scatter = new Scatter()
  #rest = 0
  #moving = false
  /** The pale picture of all points, while a hand narrows them and nothing else changes. @type {Uint32Array | null} */
  #pale = null
  #context
  #overContext
  #topContext
  #below

  constructor() {
    this.plot = element("canvas", { class: "plot" })
    this.over = element("canvas", { class: "over" })
    // A canvas of its own: moving an element instead has Chromium lay out all its layers anew, 3 ms a time.
    this.top = element("canvas", { class: "over" })
    this.#context = this.plot.getContext("2d", { alpha: false })
    this.#overContext = this.over.getContext("2d")
    this.#topContext = this.top.getContext("2d")
    this.#below = document.createElement("canvas").getContext("2d", { willReadFrequently: true, alpha: false })
  }

  /** Take the size of the chart in CSS pixels. */
  resize(width, height) {
    const [wide, high] = [Math.max(80, width - EDGE.left - EDGE.right), Math.max(80, height - EDGE.top - EDGE.bottom)]
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    if (wide === this.viewport.width && high === this.viewport.height && ratio === this.#ratio) return
    this.#ratio = ratio
    this.viewport.resize(wide, high)
    const size = (canvas, w, h) => {
      Object.assign(canvas, { width: Math.round(w * ratio), height: Math.round(h * ratio) })
      Object.assign(canvas.style, { width: `${w}px`, height: `${h}px` })
    }
    size(this.plot, wide, high)
    Object.assign(this.plot.style, { left: `${EDGE.left}px`, top: `${EDGE.top}px` })
    size(this.over, width, height)
    size(this.top, width, height)
    this.#scatter.resize(this.plot.width, this.plot.height)
    const { image } = this.#scatter
    Object.assign(this.#below.canvas, { width: image.width, height: image.height })
    this.redraw("below", "points", "above", "mark")
  }

  /** The view has moved. */
  moved() {
    this.#moving = true
    clearTimeout(this.#rest)
    this.#rest = setTimeout(() => {
      this.#moving = false
      this.redraw("points")
    }, REST)
    this.redraw("below", "points", "above", "mark")
  }

  /** Draw parts anew in the next frame. */
  redraw(...parts) {
    for (const part of parts) this.#dirty.add(part)
    this.#asked ||= requestAnimationFrame((now) => {
      this.#asked = 0
      this.flush(now)
    })
  }

  /** Draw now what has changed. */
  flush(now = performance.now()) {
    const goesOn = this.step(now)
    if (this.#dirty.has("below")) this.#drawBelow()
    if (this.#dirty.has("below") || this.#dirty.has("points")) this.#drawPoints()
    if (this.#dirty.has("above")) this.#draw(this.#overContext, [this.frame], this.above)
    if (this.#dirty.has("mark")) this.#draw(this.#topContext, [this.mark], [])
    this.#dirty.clear()
    if (goesOn) this.redraw("points", "above")
  }

  #drawBelow() {
    const context = this.#below
    const { width, height } = context.canvas
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.fillStyle = this.background
    context.fillRect(0, 0, width, height)
    context.setTransform(this.#ratio, 0, 0, this.#ratio, MARGIN, MARGIN)
    for (const paint of this.below) paint(context, this.viewport)
    this.#base = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)
  }

  /** How much larger the points are than where all is in view. */
  get #growth() {
    return Math.min(GROWTH, Math.max(1, (this.viewport.scale / this.viewport.whole) ** 0.35))
  }

  /** The chart as it is, to be saved. */
  picture() {
    const { width, height } = this.viewport
    return drawn({
      width: EDGE.left + width + Math.max(8, EDGE.right), height: EDGE.top + height + EDGE.bottom, background: this.background,
      paint: (context) => {
        context.save()
        context.translate(EDGE.left, EDGE.top)
        context.beginPath()
        context.rect(0, 0, width, height)
        context.clip()
        if (this.points && this.points.num <= MOST_CIRCLES) {
          for (const paint of this.below) paint(context, this.viewport)
          this.#paintPoints(context)
        } else context.drawImage(this.plot, 0, 0, width, height)
        for (const paint of this.above) paint(context, this.viewport)
        context.restore()
        this.mark(context, this.viewport)
        this.frame(context, this.viewport)
        context.strokeStyle = context.fillStyle
        context.lineWidth = 0.5
        context.strokeRect(EDGE.left, EDGE.top, width, height)
      },
    })
  }

  /** Each point as a circle; those that stand back below all others. */
  #paintPoints(context) {
    if (!this.points) return
    const { num, x, y, codes, palette, back, opacity, backOpacity } = this.points
    const radius = this.points.radius * this.#growth
    const { width, height } = this.viewport
    for (const isBack of back ? [true, false] : [false]) {
      context.globalAlpha = isBack ? backOpacity : opacity
      for (let k = 0; k < num; k += 1) {
        if (back && (codes[k] === BACK) !== isBack) continue
        const [left, top] = [this.viewport.x(x[k]), this.viewport.y(y[k])]
        if (left < -radius || top < -radius || left > width + radius || top > height + radius) continue
        const colour = palette[codes[k]]
        context.fillStyle = `rgb(${colour & 255}, ${(colour >> 8) & 255}, ${(colour >> 16) & 255})`
        context.beginPath()
        context.arc(left, top, radius, 0, 2 * Math.PI)
        context.fill()
      }
    }
    context.globalAlpha = 1
  }

  /** Points with their size, and how they are placed, in device pixels. */
  #placed() {
    const { u, v, scale, width, height } = this.viewport
    const ratio = this.#ratio
    const ax = scale * ratio
    const points = this.points && { ...this.points, radius: Math.min(MARGIN - 4, this.points.radius * this.#growth * ratio) }
    return { points, placing: { ax, bx: (width / 2 - u * scale) * ratio, ay: -ax, by: (height / 2 + v * scale) * ratio } }
  }

  #drawPoints() {
    const began = performance.now()
    const { points, placing } = this.#placed()
    this.#pale = null
    this.#scatter.draw(this.#base, points, placing, this.#moving ? WHILE_MOVING : Infinity)
    this.#context.putImageData(this.#scatter.image, -MARGIN, -MARGIN)
    this.took = performance.now() - began
  }

  /**
   * Draw now that others stand back, while a hand narrows the points: at rest, `redraw` draws them in their order.
   * @param {Int32Array | null} came Those that stand back no longer, if nothing else has changed.
   */
  narrow(came) {
    if (this.#dirty.has("below") || this.#dirty.has("points") || !this.points) {
      this.redraw("points")
      return this.flush()
    }
    const began = performance.now()
    const { points, placing } = this.#placed()
    const isFirst = !this.#pale
    this.#pale ??= this.#scatter.pale(this.#base, points, placing)
    this.#scatter.narrow(this.#pale, points, placing, isFirst ? null : came)
    this.#context.putImageData(this.#scatter.image, -MARGIN, -MARGIN)
    this.took = performance.now() - began
  }

  /** Draw anew what lies around the plot, and what lies in it and ends at its edge. */
  #draw(context, around, within) {
    const { width, height } = this.viewport
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0)
    context.clearRect(0, 0, this.over.width, this.over.height)
    for (const paint of around) paint(context, this.viewport)
    context.save()
    context.translate(EDGE.left, EDGE.top)
    context.beginPath()
    context.rect(0, 0, width, height)
    context.clip()
    for (const paint of within) paint(context, this.viewport)
    context.restore()
  }

  stop() {
    cancelAnimationFrame(this.#asked)
    clearTimeout(this.#rest)
  }
}
