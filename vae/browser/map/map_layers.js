/** What lies below and above the points, as the layers say. */
import { say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { contours, grid, marks, names } from "./axes.js"
import { byName } from "./colours.js"
import { Density, drawEllipse, ellipse, Manifold, Sprites } from "./layers.js"
import { project } from "./points.js"
import { EDGE } from "./scene.js"

/** Posteriors drawn at most, and filled at most: more of them on each other would hide the points. */
const MOST_ELLIPSES = 200
const MOST_FILLED = 12
/** More classes are not named on the plot. */
const MOST_NAMES = 30

/** Size and opacity for so many points. */
export function lookOf(num, strength = 1) {
  const [radius, opacity] = num > 500_000 ? [0.6, 0.45] : num > 100_000 ? [0.8, 0.5] : num > 20_000 ? [1.3, 0.62] : num > 4000 ? [2, 0.75] : num > 800 ? [2.8, 0.82] : [3.4, 0.85]
  return { radius, opacity: strength * opacity, backOpacity: 0.35 * strength * opacity }
}

/** The middle of each class's points. */
export function centresOf({ x, y, num }, { values, groups }) {
  const sums = new Map(groups.filter(({ label, num: many }) => label >= 0 && many).map(({ label, name }) => [label, { label, name, u: 0, v: 0, many: 0 }]))
  for (let k = 0; k < num; k += 1) {
    const sum = sums.get(values[k])
    if (!sum) continue
    sum.u += x[k]
    sum.v += y[k]
    sum.many += 1
  }
  return [...sums.values()].filter(({ many }) => many).map(({ u, v, many, ...rest }) => ({ ...rest, u: u / many, v: v / many }))
}

export class Layers {
  #centres = { of: null, values: null, places: [] }
  /** Rows that are like a drawing, and where its posterior is. */
  near = { rows: [], at: null }
  /** @type {number[] | null} Rows whose images are drawn: where few are in view. */
  few = null
  /** @type {[number, number][] | null} The lasso that is being drawn, pixels of the plot. */
  path = null
  #density = new Density()
  #sprites = new Sprites()
  /** @type {import("./map_data.js").MapData} */
  #data
  #link
  #selection
  #colouring
  #scene
  #tools
  #hint
  #missing
  #root
  #look
  #compact

  /**
   * @param {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, selection: import("./selection.js").Selection,
   *   colouring: import("./colouring.js").Colouring, scene: import("./scene.js").Scene, tools: ReturnType<typeof import("./controls.js").controls>,
   *   hint: HTMLElement, missing: HTMLElement, root: HTMLElement, look: {colours: Record<string, any>}, compact: boolean}} needs `hint` tells how to
   *   see the images themselves; `missing` why something cannot be shown.
   */
  constructor({ data, link, selection, colouring, scene, tools, hint, missing, root, look, compact }) {
    this.#data = data
    this.#link = link
    this.#selection = selection
    this.#colouring = colouring
    this.#scene = scene
    this.#tools = tools
    this.#hint = hint
    this.#missing = missing
    this.#root = root
    this.#look = look
    this.#compact = compact
    this.manifold = new Manifold(() => {
      root.dataset.manifold = String(this.manifold.decoded)
      scene.redraw("below")
    })
    scene.mark = (context, viewport) => this.#drawPoint(context, viewport)
  }

  /** Why some layers cannot be. */
  #refusals() {
    const { flat, decoder, originals } = this.#data
    const refused = new Map()
    if (flat) {
      for (const name of ["contours", "ellipses", "manifold"]) refused.set(name, `The prior and decoded images cannot be shown in a ${flat.method.title} plane`)
    } else if (decoder?.source === "server") refused.set("manifold", "The decoder does not run in this page")
    if (this.#data.state.prior && !flat) refused.set("contours", this.#data.state.prior)
    if (this.#selection.classes.groups.length < 2) refused.set("names", "The images have no classes")
    if (originals?.failure) refused.set("images", originals.failure.replaceAll("`", ""))
    return refused
  }

  /** The prior's mean in the plane. */
  #centre() {
    const { flat, state } = this.#data
    return flat ? [0, 0] : project(state.plane, new Float32Array(state.latent_dim))
  }

  /** Tiles by the quantiles of the prior are the standard normal's. */
  #tiles() {
    return this.#data.state.prior ? "even" : this.#link.view.tiles
  }

  #decodePlane(centre) {
    const { decoder, state } = this.#data
    this.manifold.want(this.#scene.viewport, decoder, state.plane, centre, this.#data.condition(), this.#look.colours.text, this.#tiles())
  }

  /** Draw what lies below and above the points by the layers that are on. */
  refresh() {
    const data = this.#data
    if (!data.shown) return
    const { view } = this.#link
    const { colours } = this.#look
    const scene = this.#scene
    const refused = this.#refusals()
    this.#tools.layers(view.layers, refused)
    this.#tools.tiles(this.#tiles(), view.layers.has("manifold") && !refused.has("manifold"), data.state.prior)
    const on = (name) => view.layers.has(name) && !refused.has(name)
    const centre = this.#centre()
    const isLine = data.state.latent_dim === 1
    scene.below = []
    scene.above = []
    if (on("manifold")) scene.below.push((context, at) => this.manifold.paint(context, at))
    scene.below.push(grid(colours, isLine))
    if (on("density")) {
      this.#density.count(data.shown, this.#selection.back, colours.text)
      scene.below.push((context, at) => this.#density.paint(context, at))
    }
    if (on("names")) scene.above.push((context, at) => this.#drawNames(context, at))
    if (on("contours")) scene.above.push(isLine ? marks(colours, centre[0]) : contours(colours, centre))
    if (on("images")) scene.above.push((context) => this.#drawImages(context))
    if (on("ellipses")) {
      scene.above.push(this.#drawPosteriors)
      if (!this.#compact) void this.#spread()
    }
    scene.above.push((context) => this.#drawMarks(context))
    this.#tools.opacity(view.opacity)
    Object.assign(scene.points, lookOf(data.shown.num, view.opacity * (on("manifold") ? 0.7 : 1)))
    if (on("manifold")) this.#decodePlane(centre)
  }

  async #spread() {
    try {
      if (await this.#data.spread()) this.#scene.redraw("above")
    } catch (error) {
      say(this.#missing, sentenceOf(error))
    }
  }

  /** Other layers are on. */
  change() {
    if (!this.#data.shown) return
    this.refresh()
    this.lookAround()
    this.#root.dataset.layers = [...this.#link.view.layers].sort(byName).join(",")
    this.#scene.redraw("below", "points", "above", "mark")
  }

  /** What depends on what is in view. */
  lookAround() {
    const { shown, originals, flat, decoder } = this.#data
    const { layers } = this.#link.view
    this.few = null
    this.#hint.hidden = true
    if (layers.has("images") && !originals?.failure) {
      this.few = Sprites.inView(shown, this.#scene.viewport.region, this.#selection.back)
      this.#hint.hidden = this.few !== null
      this.#root.dataset.sprites = String(this.few?.length ?? 0)
    }
    if (layers.has("manifold") && !flat && decoder?.source !== "server") this.#decodePlane(this.#centre())
  }

  /** The page's point has moved. */
  follow(point) {
    if (!point || !this.#data.shown) return
    this.#scene.redraw("mark")
    if (this.#link.view.layers.has("ellipses")) this.#scene.redraw("above")
  }

  #drawImages(context) {
    const { shown, originals } = this.#data
    if (this.few) this.#sprites.draw(context, this.#scene.viewport, shown, this.few, originals, (row) => this.#colouring.of(row))
  }

  /** Each class's name at the mean of its points; none over another. */
  #drawNames(context, viewport) {
    const { classes, faded } = this.#selection
    const { shown } = this.#data
    if (classes.groups.length > MOST_NAMES || classes.values.length !== shown.num) return
    if (this.#centres.of !== shown || this.#centres.values !== classes.values) this.#centres = { of: shown, values: classes.values, places: centresOf(shown, classes) }
    const places = this.#centres.places.filter(({ label }) => !faded.has(label)).map(({ name, u, v }) => ({ text: name, x: viewport.x(u), y: viewport.y(v) }))
    names(context, this.#look.colours, places, viewport)
  }

  #drawPosteriors = (context) => {
    const { sigma, shown, state, store } = this.#data
    const { viewport } = this.#scene
    const { marked, selected } = this.#selection
    const { colours } = this.#look
    const rows = new Set(sigma && [...(selected ?? []).slice(0, MOST_ELLIPSES), marked.pinned, marked.hovered])
    for (const row of rows) {
      if (row < 0) continue
      const filled = rows.size <= MOST_FILLED || row === marked.pinned || row === marked.hovered
      const start = (shown.rows ? shown.rows[row] : row) * shown.dims
      drawEllipse(context, viewport, shown.x[row], shown.y[row], ellipse(state.plane, sigma.subarray(start, start + shown.dims)), this.#colouring.of(row), filled)
    }
    const { sigma: spread, mean } = store.point ?? {}
    this.#root.dataset.ellipse = spread ? project(state.plane, mean).map((value) => value.toFixed(3)).join() : ""
    if (!spread) return
    // It may be small, and lie among points of every colour.
    context.shadowColor = colours.background
    context.shadowBlur = 6
    const [u, v] = project(state.plane, mean)
    drawEllipse(context, viewport, u, v, ellipse(state.plane, spread), colours.text)
    context.shadowColor = "transparent"
    context.shadowBlur = 0
  }

  /** The page's point: a ring; over its posterior's ellipse, which may be smaller than the ring, four ticks around the middle. */
  #drawPoint(context, viewport) {
    const { store, shown, flat, state } = this.#data
    const { here } = this.#selection.marked
    const { point } = store ?? {}
    if (!point || !shown) return
    let [u, v] = flat ? [Number.NaN, Number.NaN] : project(state.plane, point.z)
    if (flat && here >= 0 && this.#data.isMean(point.z, here)) [u, v] = [shown.x[here], shown.y[here]]
    const [x, y] = [viewport.x(u), viewport.y(v)]
    if (!(x >= 0 && x <= viewport.width && y >= 0 && y <= viewport.height)) return
    context.save()
    context.translate(EDGE.left + x, EDGE.top + y)
    context.beginPath()
    if (point.sigma && this.#scene.above.includes(this.#drawPosteriors)) for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(9 * dx, 9 * dy)
      context.lineTo(22 * dx, 22 * dy)
    } else context.arc(0, 0, 9, 0, 2 * Math.PI)
    const { colours } = this.#look
    for (const [width, colour] of [[8, colours.background], [3, colours.text]]) {
      Object.assign(context, { lineWidth: width, strokeStyle: colour })
      context.stroke()
    }
    context.restore()
  }

  /** The lasso, and rings around the images that are pointed at and pinned. */
  #drawMarks(context) {
    const { shown } = this.#data
    const { viewport } = this.#scene
    const { marked } = this.#selection
    const { colours } = this.#look
    context.strokeStyle = colours.text
    for (const [row, radius] of [[marked.hovered, 6], [marked.pinned, 9]]) {
      if (row < 0 || row >= shown.num) continue
      context.lineWidth = 2
      context.beginPath()
      context.arc(viewport.x(shown.x[row]), viewport.y(shown.y[row]), radius, 0, 2 * Math.PI)
      context.stroke()
    }
    for (const row of this.near.rows) {
      if (row >= shown.num) continue
      context.lineWidth = 1.5
      context.beginPath()
      context.arc(viewport.x(shown.x[row]), viewport.y(shown.y[row]), 5, 0, 2 * Math.PI)
      context.stroke()
    }
    if (this.near.at && !this.#data.flat) {
      const { mean, sigma } = this.near.at
      const [u, v] = project(this.#data.state.plane, mean)
      drawEllipse(context, viewport, u, v, ellipse(this.#data.state.plane, sigma), colours.primary)
      context.strokeStyle = colours.text
    }
    if (!this.path) return
    context.beginPath()
    this.path.forEach(([x, y], k) => { if (k) context.lineTo(x, y); else context.moveTo(x, y) })
    context.closePath()
    context.fillStyle = colours.primary
    context.globalAlpha = 0.12
    context.fill()
    context.globalAlpha = 1
    context.strokeStyle = colours.primary
    context.lineWidth = 2
    context.stroke()
  }

  stop() {
    this.manifold.stop()
  }
}
