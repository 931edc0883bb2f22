/** The latent map: posterior means of images; what lies under the pointer is decoded as it moves. */
import { decoderOf, drawFirst } from "../lib/decoder.js"
import { count, dimName, element, mounted, number, say } from "../lib/dom.js"
import { oneHot, pointOf } from "../lib/store.js"
import { mix, theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"
import { frame } from "./axes.js"
import { hoverCard, pinnedCard } from "./cards.js"
import { choosing } from "./choosing.js"
import { colourings } from "./colours.js"
import { controls } from "./controls.js"
import { Density, FEW, Manifold, Sprites } from "./layers.js"
import { colourBar, legend } from "./legend.js"
import { glide } from "./motion.js"
import { Originals } from "./originals.js"
import { overlays } from "./overlays.js"
import { painting } from "./painting.js"
import { pointing } from "./pointing.js"
import { prepare } from "./points.js"
import { MOST_IN_TIME, Positions } from "./positions.js"
import { projectionPanel } from "./projection.js"
import { EDGE, Scene } from "./scene.js"
import { selectionPanel } from "./selection.js"

/** Height of the chart against its width, and what else of the page should be in the window with it, CSS pixels. */
const TALLEST = 0.72
const AROUND = 320

const lab = (window.__latentLab ??= { timings: [], decoded: 0 })
const positions = new Positions()

export default mounted((root) => {
  const scene = new Scene()
  const chart = element("div", {
    class: "chart", tabindex: 0, role: "application",
    "aria-label": "Latent map. Arrow keys move the point, Enter keeps it, plus and minus zoom, 0 shows all, Escape drops the selection.",
  }, scene.plot, scene.over)
  const pin = element("div", { class: "pin", hidden: true, "aria-hidden": "true" })
  const message = element("div", { class: "ll-message" }, "Loading the latent positions…")
  const title = element("h3", { class: "ll-title" })
  const slice = element("p", { class: "ll-note" })
  const source = element("p", { class: "ll-note" })
  const hint = element("p", { class: "ll-note", hidden: true }, `Zoom in to see the images themselves: they show where at most ${FEW} are in view.`)
  const missing = element("p", { class: "ll-note" })
  const card = hoverCard()
  const pinned = pinnedCard({ go: (row) => map.go(row), closed: () => map.unpinned() })
  const panel = selectionPanel({ clear: () => map.select(null), send: (z, label) => map.choose(z, -1, label) })
  const labels = legend({ fade: (next) => map.fade(next), select: () => map.selectShown() })
  const bar = colourBar()
  const job = projectionPanel({
    start: (method, num) => map.component.setTriggerValue("job", { action: "start", method, num }),
    cancel: (method, num) => map.component.setTriggerValue("job", { action: "cancel", method, num }),
    done: (found) => { map.flat = found; map.present(map.received) },
  })
  const tools = controls({
    colour: (value) => { map.view.colour = value; map.tellView(); map.recolour() },
    projection: (value) => { map.view.projection = value; map.tellView(); map.choosePlane() },
    layer: (name, on) => { map.view.layers[on ? "add" : "delete"](name); map.tellView(); map.layered() },
    lasso: (on) => map.setLasso(on),
    reset: () => map.resetView(),
  })
  root.replaceChildren(
    element(
      "section", { class: "ll-card panel", "aria-label": "Latent map" },
      element("div", { class: "ll-row head" }, title, tools.fields), job.node, labels.node, bar.node,
      element("div", { class: "stage" }, chart, pin, tools.buttons, message, card.node), tools.layerRow,
      panel.node, pinned.node,
      element("div", { class: "foot" },
        element("p", { class: "ll-note" }, "Hover decodes the spot. A click pins an image, or sends the spot to the sliders. The wheel zooms, dragging moves the view, with Shift it selects."),
        slice, hint, source, missing),
    ),
  )

  /** What the parts of the map share: its elements, what Python passed, what is shown, and what each part does. */
  const map = {
    root, scene, viewport: scene.viewport, chart, pin, message, title, slice, source, hint, missing, card, pinned, panel, labels, bar, job, tools,
    component: null, data: null, colours: null, store: null, time: null, decoder: null, stops: [], wanted: "", seen: "", themed: "", gone: false,
    /** The server's arrays, of which weights and part they are, and the fetches under way. */
    received: null, weights: null, part: "", loading: null, fetching: null, accepted: new Set(),
    /** @type {import("./points.js").Shown | null} */
    shown: null,
    /** Places that t-SNE or UMAP found; null where the plane is straight. */
    flat: null,
    /** The images themselves, and the numbers of each that were asked for. */
    originals: null, extras: new Map(), sigma: null,
    /** Plane, colours and layers that the person chose. */
    view: null,
    /** Labels taken out, rows selected, rows pointed at, pinned and gone to; for each row whether it stands back. */
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

  /** As tall as its width and the window make sensible. */
  function fitChart() {
    const tall = Math.round(Math.max(map.data.height, Math.min(TALLEST * map.chart.clientWidth, window.innerHeight - AROUND)))
    map.chart.style.height = `${tall}px`
    map.scene.resize(map.chart.clientWidth, tall)
  }

  /** Which weights and part the moment asks for. */
  function moment() {
    const now = map.time.weights({ at: map.data.at, stamp: map.data.stamp })
    const elsewhere = now.at !== map.data.at || now.stamp !== map.data.stamp
    return { now, part: elsewhere && map.data.num > MOST_IN_TIME ? "test" : map.data.part }
  }

  async function load() {
    const { now, part: wants } = map.moment()
    map.loading?.abort()
    const mine = (map.loading = new AbortController())
    const started = performance.now()
    if (map.data.question && wants === map.data.part && !map.accepted.has(wants)) return map.ask()
    const first = !map.shown
    if (first) {
      map.message.hidden = false
      delete map.message.dataset.kind
      say(map.message, "Loading the latent positions…")
    }
    try {
      const found = await positions.of(map.data.run, now, wants, mine.signal)
      if (map.gone || mine !== map.loading) return
      const another = wants !== map.part
      map.received = found
      map.weights = now
      map.part = wants
      map.message.hidden = true
      if (another) {
        map.flat = null
        map.fetching?.abort()
        map.fetching = new AbortController()
        map.originals = new Originals(map.data.run, map.part, map.fetching.signal, map.cameOriginals, map.data.missing)
      }
      map.extras.clear()
      map.sigma = null
      map.present(found, another)
      map.root.dataset.points = String(map.shown.num)
      map.root.dataset.step = String(map.time.step ?? "")
      map.root.dataset.ready = String(Math.round(performance.now() - started))
      if (another) {
        map.originals.load(map.data.num * map.data.shape.reduce((product, side) => product * side, 1))
        if (map.view.projection !== "pca") map.choosePlane()
      }
      if (map.time.step !== null) positions.preload(map.data.run, map.time.snapshots.map(({ step, stamp }) => ({ at: String(step), stamp })), map.part)
    } catch (error) {
      if (map.gone || mine !== map.loading || error.name === "AbortError") return
      console.error(error)
      map.message.hidden = false
      say(map.message, error.message)
      map.message.dataset.kind = "error"
    }
  }

  /** Very many images are shown when the person says so. */
  function ask() {
    map.message.hidden = false
    const begin = () => {
      map.accepted.add(map.data.part)
      map.load()
    }
    map.message.replaceChildren(
      element("span", {}, map.data.question, element("br"), element("br"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "show-all" }, onclick: begin }, `Show ${count(map.data.num)} points`)))
    map.root.dataset.asks = "true"
    map.root.dataset.ready = "0"
  }

  /** Draw images at their places; those that were there before glide to the new ones. */
  function present(found, another = true) {
    const before = map.shown
    const old = Object.assign(Object.create(Object.getPrototypeOf(map.viewport)), map.viewport)
    if (before && (another || before.num !== found.index.data.length)) map.forget()
    map.shown = prepare(found, map.data, map.flat)
    map.back = new Uint8Array(map.shown.num)
    map.fitChart()
    const stays = Boolean(before) && before.flat === map.flat && !another
    map.shown.flat = map.flat
    if (stays) {
      // Moments of training are seen in the view of the right end, so that nothing moves but the points.
      if (map.time.step === null) map.viewport.widen(map.shown.grid)
    } else {
      map.viewport.fit(map.shown.grid)
      map.labels.set(map.shown.groups)
      map.faded = new Set()
    }
    map.scene.points = { num: map.shown.num, x: null, y: null, codes: null, palette: null, back: false, ...map.look(map.shown.num) }
    map.scene.step = glide(map.scene.points, before, map.shown, stays ? null : { before: old, now: map.viewport })
    map.root.dataset.projection = map.flat ? map.flat.method.value : "pca"
    map.card.lifted(!map.flat)
    map.explain()
    map.standing()
    map.refreshLayers()
    map.recolour()
    map.moved(false)
    map.scene.flush()
  }

  function forget() {
    map.selected = null
    map.panel.hide()
    if (!map.pinned.node.hidden) map.pinned.unpin()
    map.marked = { hovered: -1, pinned: -1, here: -1 }
  }

  /** Size and opacity for so many points. */
  function look(num, thin = false) {
    const [radius, opacity] = num > 500_000 ? [0.6, 0.45] : num > 100_000 ? [0.8, 0.5] : num > 20_000 ? [1.3, 0.62] : num > 4000 ? [2, 0.75] : num > 800 ? [2.8, 0.82] : [3.4, 0.85]
    return { radius, opacity: thin ? 0.7 * opacity : opacity, backOpacity: 0.35 * opacity }
  }

  function explain() {
    const named = map.part === "all" ? "the whole data set" : `the ${map.part} part`
    const of = map.flat && map.shown.num < map.flat.of ? ` of ${count(map.flat.of)}, drawn at random,` : ""
    say(map.title, `${count(map.shown.num)} images${of} of ${named}`)
    const said = []
    if (map.part !== map.data.part) said.push(`While another moment of training is shown, the ${count(map.shown.num)} test images stand for all ${count(map.data.num)}.`)
    if (map.flat) {
      said.push(`${map.flat.method.title} keeps neighbours together; its distances and axes mean nothing else. No spot between the images can be decoded: ` +
        "hovering decodes the nearest image's posterior mean.")
    } else if (map.data.plane && map.data.latent_dim > 2) {
      said.push(`The plane shows ${number(100 * map.data.plane.explained, 0)} % of the variance of ${map.data.latent_dim} dimensions. What is decoded is a slice: ` +
        "points of this plane, with nothing of the directions that it leaves out.")
    }
    if (map.view.projection !== "pca" && !map.flat && map.time.step !== null) said.push("Computed planes belong to the weights at the right end; the straight one is shown.")
    say(map.slice, said.join(" "))
    map.slice.hidden = !said.length
    map.scene.frame = frame(map.colours, axisTitles())
  }

  function axisTitles() {
    if (map.flat) return [`${map.flat.method.title} 1`, `${map.flat.method.title} 2`]
    if (map.data.latent_dim === 1) return [dimName(0), ""]
    if (!map.data.plane || map.data.latent_dim === 2) return [dimName(0), dimName(1)]
    return ["First principal axis", "Second principal axis"]
  }

  /** Take the plane that the person chose, computed or straight. */
  function choosePlane() {
    map.job.hide()
    const method = map.data.methods.find(({ value }) => value === map.view.projection)
    const straight = !method || method.value === "pca"
    if (straight || map.time.step !== null) {
      if (map.flat) {
        map.flat = null
        map.present(map.received)
      } else if (map.shown) map.explain()
      return
    }
    if (map.shown && map.flat?.method !== method) map.job.want(map.data.run, map.weights, map.part, method, map.received.index.data.length)
  }

  function cameOriginals() {
    map.card.withOriginals(!map.originals.failure)
    say(map.missing, map.originals.failure)
    map.pinned.paint(map.originals)
    map.panel.images(map.originals)
    if (map.marked.hovered >= 0) map.showOriginal(map.marked.hovered)
    map.refreshLayers()
    map.scene.redraw("above")
  }

  function moved(byHand = true) {
    if (!map.shown) return
    if (byHand) map.scene.moved()
    else map.scene.redraw("below", "points", "above")
    map.tools.reset.hidden = map.viewport.isWhole
    map.lookAround()
    map.place(map.store.point)
  }

  function resetView() {
    map.viewport.reset()
    map.moved()
  }

  function tellView() {
    map.component.setTriggerValue("view", { projection: map.view.projection, colour: map.view.colour, layers: [...map.view.layers] })
  }

  function useDecoder() {
    const fresh = decoderOf(map.data.run, map.time.weights({ at: map.data.at, stamp: map.data.stamp }))
    if (fresh === map.decoder) return
    for (const who of [map.client, map.other.pinned, map.other.middle]) map.decoder?.cancel(who)
    map.decoder?.clients.delete(map.client)
    map.decoder = fresh
    map.decoder.clients.add(map.client)
    map.manifold.clear()
    map.decoder.ready.then(() => {
      if (fresh !== map.decoder || map.gone) return
      map.root.dataset.source = map.decoder.source
      say(map.source, map.decoder.source === "server" ? `Decoded on the server, which is slower: ${map.decoder.reason}` : "")
      map.refreshLayers()
    })
  }

  /** Another moment of training, or newer weights. */
  function timed() {
    if (!map.data || map.gone) return
    map.useDecoder()
    const { now, part: wants } = map.moment()
    const signature = [now.at, now.stamp, wants].join(" ")
    if (signature === map.seen) return
    map.seen = signature
    if (!map.weights) return
    if (map.flat && map.time.step !== null) map.flat = null
    map.job.hide()
    map.load().then(() => map.time.step === null && map.view.projection !== "pca" && map.choosePlane())
  }

  Object.assign(map, {
    fitChart, moment, load, ask, present, forget, look,
    explain, choosePlane, cameOriginals, moved, resetView, tellView, useDecoder, timed,
  })
  for (const part of [painting, overlays, choosing, pointing]) part(map)

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
  }

  return {
    update(next) {
      map.component = next
      map.data = next.data
      map.colours = theme(map.root)
      map.colours.axis = mix(map.colours.background, map.colours.text, 0.25)
      map.colours.grid = mix(map.colours.background, map.colours.text, 0.085)
      map.scene.background = map.colours.background
      if (!map.shown) map.chart.style.height = `${map.data.height}px`
      const { run, at, stamp, z, y, conditional, classes, shape } = map.data
      const ratio = `${shape[2]} / ${shape[1]}`
      for (const one of [map.card, map.pinned, map.panel]) one.shape(ratio)
      const first = conditional ? oneHot(y ?? 0, classes.length) : null
      if (map.store !== pointOf(run)) {
        for (const stop of map.stops) stop()
        map.view = { projection: map.data.view.projection, colour: map.data.view.colour, layers: new Set(map.data.view.layers) }
        map.tools.colours(colourings(map.data.latent_dim), map.view.colour)
        map.tools.projections(map.data.methods.map(({ value, title: text }) => ({ value, title: text })), map.view.projection)
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
      } else map.store.adopt(map.root, z, first)
      map.useDecoder()
      const now = JSON.stringify([run, at, stamp, map.data.part, map.data.plane, classes])
      if (now !== map.wanted) {
        map.wanted = now
        delete map.root.dataset.ready
        map.part = ""
        const { now: base, part: wants } = map.moment()
        map.seen = [base.at, base.stamp, wants].join(" ")
        drawFirst(map.load())
      } else if (map.shown && map.colours.name !== map.themed) {
        map.explain()
        map.refreshLayers()
        map.recolour()
        map.scene.redraw("below", "points", "above")
      }
      map.themed = map.colours.name
    },
    unmount() {
      map.gone = true
      map.loading?.abort()
      map.fetching?.abort()
      for (const stop of map.stops) stop()
      observer.disconnect()
      map.job.stop()
      map.manifold.stop()
      positions.stop()
      map.scene.stop()
      for (const who of [map.client, map.other.pinned, map.other.middle]) map.decoder?.cancel(who)
      map.decoder?.clients.delete(map.client)
    },
  }
})
