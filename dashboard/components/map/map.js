/** The latent map: posterior means of images; what lies under the pointer is decoded as it moves. */
import { drawFirst } from "../lib/decoder.js"
import { element, mounted } from "../lib/dom.js"
import { conditionOf, pointOf } from "../lib/store.js"
import { mix, theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"
import { hoverCard, pinnedCard } from "./cards.js"
import { choosing } from "./choosing.js"
import { controls } from "./controls.js"
import { keeping } from "./keeping.js"
import { Density, FEW, Manifold, Sprites } from "./layers.js"
import { colourBar, legend } from "./legend.js"
import { loading } from "./loading.js"
import { overlays } from "./overlays.js"
import { painting } from "./painting.js"
import { pointing } from "./pointing.js"
import { presenting } from "./presenting.js"
import { projectionPanel } from "./projection.js"
import { remembering } from "./remembering.js"
import { EDGE, makeRoom, Scene } from "./scene.js"
import { selectionPanel } from "./selection.js"

/** Height of the chart against its width, and what else of the page should be in the window with it, CSS pixels. */
const TALLEST = 0.72
const AROUND = 412
/** Around a compact map more of the page is to be in the window. */
const AROUND_COMPACT = 640

const lab = (window.__latentLab ??= { timings: [], decoded: 0 })

export default mounted((root, { data: { compact } }) => {
  const scene = new Scene()
  const chart = element("div", {
    class: "chart", tabindex: 0, role: "application",
    "aria-label": `Latent map. Arrow keys move the point, plus and minus zoom, 0 shows all${compact ? "" : ", Escape drops the selection"}.`,
  }, scene.plot, scene.over, scene.top)
  const message = element("div", { class: "ll-message" }, "Loading the latent positions…")
  const title = element("h3", { class: "ll-title" })
  const slice = element("p", { class: "ll-note" })
  const source = element("p", { class: "ll-note" })
  const hint = element("p", { class: "ll-note", hidden: true }, `Zoom in to see the images themselves, where at most ${FEW} are in view.`)
  const missing = element("p", { class: "ll-note" })
  const card = hoverCard()
  if (compact) {
    card.withOriginals(false)
    root.style.minHeight = "0"
  }
  const pinned = pinnedCard({ go: (row) => map.go(row), closed: () => map.unpinned(), release: () => map.release() })
  const panel = selectionPanel({ clear: () => map.select(null), send: (z, label) => map.choose(z, -1, label) })
  const labels = legend({ fade: (next) => map.fade(next), select: () => map.selectShown() })
  const bar = colourBar()
  const job = projectionPanel({
    start: (method, num) => map.component.setTriggerValue("job", { action: "start", method, num }),
    cancel: (method, num) => map.component.setTriggerValue("job", { action: "cancel", method, num }),
    done: (found) => { map.flat = found; map.present(map.received) },
  })
  const tools = controls({
    colour: (value) => map.setColour(value),
    projection: (value) => { Object.assign(map.view, { projection: value, area: null, lasso: [] }); map.tellView(); map.choosePlane() },
    tiles: (value) => { map.view.tiles = value; map.tellView(); map.layered() },
    layer: (name, on) => { map.view.layers[on ? "add" : "delete"](name); map.tellView(); map.layered() },
    lasso: (on) => map.setLasso(on),
    reset: () => map.resetView(),
  })
  const stage = element("div", { class: "stage" }, chart, tools.buttons, message, card.node)
  root.replaceChildren(
    compact ? element("section", { class: "ll-card panel compact", "aria-label": "Latent map" }, title, stage, labels.node, slice) : element(
      "section", { class: "ll-card panel", "aria-label": "Latent map" },
      element("div", { class: "ll-row head" }, title, tools.fields), job.node, labels.node, bar.node, tools.layerRow,
      stage,
      panel.node, pinned.node,
      element("div", { class: "foot" },
        element("p", { class: "ll-note" }, "Hover to decode a point. Click to pin an image, or to move the sliders there. Wheel: zoom; drag: move; Shift and drag: select."),
        slice, hint, source, missing),
    ),
  )

  /** What the parts of the map share: its elements, what Python passed, what is shown, and what each part does. */
  const map = {
    root, compact, scene, viewport: scene.viewport, chart, message, title, slice, source, hint, missing, card, pinned, panel, labels, bar, job, tools,
    component: null, data: null, colours: null, store: null, time: null, decoder: null, stops: [], wanted: "", seen: "", themed: "", gone: false,
    /** The server's arrays, of which weights and part they are, and the fetches under way. */
    received: null, weights: null, part: "", loading: null, whole: null, fetching: null, accepted: new Set(),
    /** @type {import("./points.js").Shown | null} */
    shown: null,
    /** Places that t-SNE or UMAP found; null where the plane is straight. */
    flat: null,
    /** The images themselves, and the numbers of each that were asked for. */
    originals: null, extras: new Map(), sigma: null,
    /** What the link says of the view (`remembering.js`), whether its lasso has been heeded, and the image to be pinned on arrival; columns of the data that were asked for; whose classes the legend has. */
    view: null, caught: false, arriving: null, columns: new Map(), classed: null, legendOf: null,
    /** Where the pointer rests on the chart, null elsewhere. */
    pointer: null,
    /** Classes taken out, rows selected, rows pointed at, pinned and gone to; for each row whether it stands back. */
    faded: new Set(), selected: null, marked: { hovered: -1, pinned: -1, here: -1 }, back: new Uint8Array(0),
    lassoing: false, path: null, hovered: 0, painted: null, few: null,
    /** Who asks the decoder. */
    client: {}, other: { pinned: {}, middle: {} },
    density: new Density(), sprites: new Sprites(),
    manifold: new Manifold(() => {
      root.dataset.manifold = String(map.manifold.decoded)
      scene.redraw("below")
    }),
  }

  /** What of the page's look is drawn. */
  function themed() {
    return `${map.colours.name} ${map.colours.scale}`
  }

  /** As tall as its width and the window make sensible. */
  function fitChart() {
    const tall = Math.round(Math.max(map.data.height, Math.min(TALLEST * map.chart.clientWidth, window.innerHeight - (compact ? AROUND_COMPACT : AROUND))))
    map.chart.style.height = `${tall}px`
    map.scene.resize(map.chart.clientWidth, tall)
  }

  function moved(byHand = true) {
    if (!map.shown) return
    if (byHand) map.scene.moved()
    else map.scene.redraw("below", "points", "above")
    map.tools.reset.hidden = map.viewport.isWhole
    map.lookAround()
    map.place(map.store.point)
    if (byHand) map.rememberArea()
  }

  function resetView() {
    map.viewport.reset()
    map.moved()
  }

  Object.assign(map, { fitChart, moved, resetView })
  for (const part of [loading, presenting, keeping, remembering, painting, overlays, choosing, pointing]) part(map)
  scene.mark = map.drawPoint

  const observer = new ResizeObserver(() => {
    if (!map.data || !map.chart.clientWidth) return
    map.fitChart()
    map.moved(false)
    map.scene.flush()
  })
  observer.observe(map.chart)

  /** For tests: what is drawn, and where. */
  lab.map = {
    drawn: () => ({
      x: Array.from(map.shown.x), y: Array.from(map.shown.y), labels: Array.from(map.shown.labels), back: Array.from(map.back),
      colours: Array.from(map.painted.codes, (code, k) => (map.back[k] ? -1 : map.painted.palette[code])),
    }),
    at: () => ({ x: Array.from(map.scene.points.x.slice(0, 500)), y: Array.from(map.scene.points.y.slice(0, 500)) }),
    region: () => Object.values(map.viewport.region),
    place: ([u, v]) => {
      const box = map.chart.getBoundingClientRect()
      return [box.left + EDGE.left + map.viewport.x(u), box.top + EDGE.top + map.viewport.y(v)]
    },
    took: () => map.scene.took,
    tiles: () => map.manifold.tiling,
  }

  return {
    update(next) {
      map.component = next
      map.data = next.data
      map.colours = theme(map.root)
      map.colours.axis = mix(map.colours.background, map.colours.text, 0.25)
      map.colours.grid = mix(map.colours.background, map.colours.text, 0.085)
      map.colours.scale = Number(getComputedStyle(map.root).getPropertyValue("--ll-scale")) || 1
      makeRoom(map.colours.scale)
      map.scene.background = map.colours.background
      if (!map.shown) map.chart.style.height = `${map.data.height}px`
      const { run, at, stamp, z, conditional, classes, shape } = map.data
      const ratio = `${shape[2]} / ${shape[1]}`
      for (const one of [map.card, map.pinned, map.panel]) one.shape(ratio)
      const first = conditional ? conditionOf(map.data) : null
      if (map.store !== pointOf(run)) {
        map.part = ""
        for (const stop of map.stops) stop()
        map.beginView()
        map.store = pointOf(run)
        map.time = timeOf(run)
        map.store.adopt(map.root, z, first)
        let classNow = ""
        map.stops = [map.time.subscribe(map.timed), map.store.subscribe((point) => {
          map.place(point)
          const now = String(point.y)
          if (classNow && now !== classNow) {
            map.manifold.clear()
            if (map.shown) map.lookAround()
          }
          classNow = now
        })]
      } else {
        map.store.adopt(map.root, z, first)
        map.heardView()
      }
      map.useDecoder()
      const now = JSON.stringify([run, at, stamp, map.data.part, map.data.plane, classes])
      if (now !== map.wanted) {
        map.wanted = now
        delete map.root.dataset.ready
        map.columns.clear()
        drawFirst(map.load())
      } else if (map.shown && themed() !== map.themed) {
        map.fitChart()
        map.moved(false)
        map.explain()
        map.refreshLayers()
        map.recolour()
        map.scene.redraw("below", "points", "above")
      }
      map.themed = themed()
    },
    unmount() {
      map.gone = true
      map.stopLoading()
      map.stopKeeping()
      map.stopTelling()
      for (const stop of map.stops) stop()
      observer.disconnect()
      map.forgetArea()
      map.job.stop()
      map.manifold.stop()
      map.scene.stop()
      map.dropDecoder()
    },
  }
})
