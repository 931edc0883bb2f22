/** What lies below and above the points, as the layers say. */
import { say } from "../lib/dom.js"
import { contours, grid, marks } from "./axes.js"
import { byName, colourOf } from "./colours.js"
import { drawEllipse, ellipse, Sprites } from "./layers.js"
import { project } from "./points.js"
import { EDGE } from "./scene.js"

/** Posteriors drawn at most, and filled at most: more of them on each other would hide the points. */
const MOST_ELLIPSES = 200
const MOST_FILLED = 12

/**
 * Add to a map its layers.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function overlays(map) {
  function refusals() {
    const refused = new Map()
    if (map.flat) {
      for (const name of ["contours", "ellipses", "manifold"]) refused.set(name, `The prior and decoded images cannot be shown in a ${map.flat.method.title} plane`)
    } else if (map.decoder?.source === "server") refused.set("manifold", "The decoder does not run in this page")
    if (map.originals?.failure) refused.set("images", map.originals.failure.replaceAll("`", ""))
    return refused
  }

  /** What lies below and above the points, by the layers that are on. */
  function refreshLayers() {
    if (!map.shown) return
    const refused = map.refusals()
    map.tools.layers(map.view.layers, refused)
    map.tools.tiles(map.view.tiles, map.view.layers.has("manifold") && !refused.has("manifold"))
    const on = (name) => map.view.layers.has(name) && !refused.has(name)
    const centre = map.flat ? [0, 0] : project(map.data.plane, new Float32Array(map.data.latent_dim))
    map.scene.below = []
    map.scene.above = []
    if (on("manifold")) map.scene.below.push((context, at) => map.manifold.paint(context, at))
    map.scene.below.push(grid(map.colours, map.data.latent_dim === 1))
    if (on("density")) {
      map.density.count(map.shown, map.back, map.colours.text)
      map.scene.below.push((context, at) => map.density.paint(context, at))
    }
    if (on("contours")) map.scene.above.push(map.data.latent_dim === 1 ? marks(map.colours, centre[0]) : contours(map.colours, centre))
    if (on("images")) map.scene.above.push(map.drawImages)
    if (on("ellipses")) {
      map.scene.above.push(map.drawPosteriors)
      const asked = map.compact ? null : map.extra("sigma")
      asked?.then(({ sigma }) => {
        if (asked !== map.extras.get("sigma")) return
        map.sigma = sigma.data
        map.scene.redraw("above")
      }, (error) => say(map.missing, error.message))
    }
    map.scene.above.push(map.drawMarks)
    Object.assign(map.scene.points, map.look(map.shown.num, on("manifold")))
    if (on("manifold")) map.manifold.want(map.viewport, map.decoder, map.data.plane, centre, map.condition(), map.colours.text, map.view.tiles)
  }

  function layered() {
    if (!map.shown) return
    map.refreshLayers()
    map.lookAround()
    map.root.dataset.layers = [...map.view.layers].sort(byName).join(",")
    map.scene.redraw("below", "points", "above", "mark")
  }

  function rowColour(row) {
    return map.painted.classed ? colourOf(map.classed.values[row], map.palette()) : map.colours.text
  }

  function drawImages(context) {
    if (map.few) map.sprites.draw(context, map.viewport, map.shown, map.few, map.originals, map.rowColour)
  }

  function drawPosteriors(context) {
    const { sigma } = map
    const rows = new Set(sigma && [...(map.selected ?? []).slice(0, MOST_ELLIPSES), map.marked.pinned, map.marked.hovered])
    for (const row of rows) {
      if (row < 0) continue
      const filled = rows.size <= MOST_FILLED || row === map.marked.pinned || row === map.marked.hovered
      const start = (map.shown.rows ? map.shown.rows[row] : row) * map.shown.dims
      drawEllipse(context, map.viewport, map.shown.x[row], map.shown.y[row], ellipse(map.data.plane, sigma.subarray(start, start + map.shown.dims)), map.rowColour(row), filled)
    }
    const { sigma: spread, mean } = map.store.point ?? {}
    map.root.dataset.ellipse = spread ? project(map.data.plane, mean).map((value) => value.toFixed(3)).join() : ""
    if (!spread) return
    // It may be small, and lie among points of every colour.
    context.shadowColor = map.colours.background
    context.shadowBlur = 6
    drawEllipse(context, map.viewport, ...project(map.data.plane, mean), ellipse(map.data.plane, spread), map.colours.text)
    context.shadowColor = "transparent"
    context.shadowBlur = 0
  }

  /** The page's point: a ring; over its posterior's ellipse, which may be smaller than the ring, four ticks around the middle. */
  function drawPoint(context, viewport) {
    const { point } = map.store ?? {}
    if (!point || !map.shown) return
    let [u, v] = map.flat ? [NaN, NaN] : project(map.data.plane, point.z)
    if (map.flat && map.marked.here >= 0 && map.same(point.z, map.marked.here)) [u, v] = [map.shown.x[map.marked.here], map.shown.y[map.marked.here]]
    const [x, y] = [viewport.x(u), viewport.y(v)]
    if (!(x >= 0 && x <= viewport.width && y >= 0 && y <= viewport.height)) return
    context.save()
    context.translate(EDGE.left + x, EDGE.top + y)
    context.beginPath()
    if (point.sigma && map.scene.above.includes(map.drawPosteriors)) for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(10 * dx, 10 * dy)
      context.lineTo(18 * dx, 18 * dy)
    } else context.arc(0, 0, 9, 0, 2 * Math.PI)
    for (const [width, colour] of [[6, map.colours.background], [2, map.colours.text]]) {
      Object.assign(context, { lineWidth: width, strokeStyle: colour })
      context.stroke()
    }
    context.restore()
  }

  /** The lasso, and rings around the images that are pointed at and pinned. */
  function drawMarks(context) {
    context.strokeStyle = map.colours.text
    for (const [row, radius] of [[map.marked.hovered, 6], [map.marked.pinned, 9]]) {
      if (row < 0 || row >= map.shown.num) continue
      context.lineWidth = 2
      context.beginPath()
      context.arc(map.viewport.x(map.shown.x[row]), map.viewport.y(map.shown.y[row]), radius, 0, 2 * Math.PI)
      context.stroke()
    }
    if (!map.path) return
    context.beginPath()
    map.path.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)))
    context.closePath()
    context.fillStyle = map.colours.primary
    context.globalAlpha = 0.12
    context.fill()
    context.globalAlpha = 1
    context.strokeStyle = map.colours.primary
    context.lineWidth = 2
    context.stroke()
  }

  /** What depends on what is in view. */
  function lookAround() {
    map.few = null
    map.hint.hidden = true
    const on = map.view.layers.has("images") && !map.originals?.failure
    if (on) {
      map.few = Sprites.inView(map.shown, map.viewport.region, map.back)
      map.hint.hidden = map.few !== null
      map.root.dataset.sprites = String(map.few?.length ?? 0)
    }
    if (map.view.layers.has("manifold") && !map.flat && map.decoder?.source !== "server") {
      map.manifold.want(map.viewport, map.decoder, map.data.plane, project(map.data.plane, new Float32Array(map.data.latent_dim)), map.condition(), map.colours.text, map.view.tiles)
    }
  }

  Object.assign(map, { refusals, refreshLayers, layered, rowColour, drawImages, drawPosteriors, drawMarks, drawPoint, lookAround })
}
