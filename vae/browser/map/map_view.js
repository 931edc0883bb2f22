/** The map in its page: its elements, and how data, link, selection, colours, layers and pointer work together. */
import { say } from "../lib/dom.js"
import { isHeard, tell } from "../lib/facts.js"
import { saveMenu } from "../lib/saving.js"
import { drawFirst } from "../lib/runtime.js"
import { conditionOf } from "../lib/store.js"
import { mix, theme } from "../lib/theme.js"
import { hoverCard, pinnedCard } from "./cards.js"
import { Colouring } from "./colouring.js"
import { colourings } from "./colours.js"
import { controls } from "./controls.js"
import { Find } from "./find.js"
import { Framing } from "./framing.js"
import { chartOf, compactLayout, fullLayout, notes } from "./layout.js"
import { colourBar, legend } from "./legend.js"
import { MapData } from "./map_data.js"
import { Layers } from "./map_layers.js"
import { MapLink } from "./map_link.js"
import { Message } from "./message.js"
import { tellMissing } from "./originals.js"
import { Placement } from "./placement.js"
import { project } from "./points.js"
import { Pointer } from "./pointer.js"
import { projectionPanel } from "./projection.js"
import { Ranges } from "./ranges.js"
import { EDGE, makeRoom, Scene } from "./scene.js"
import { Selection } from "./selection.js"
import { selectionPanel } from "./selection_panel.js"
import { tableOf } from "./words.js"

export class MapView {
  /** What the theme says: shared by all parts. */
  look = { colours: /** @type {Record<string, any>} */ ({}) }
  scene = new Scene()
  #root
  /** Who hears of what the person does. */
  #onChange = (/** @type {any[]} */ ..._news) => {}
  #stops = []
  #wanted = ""
  #themed = ""
  /** What is selected, as the host was told of it or has told it; null where it has not been heeded. */
  #selected = /** @type {string | null} */ (null)

  /**
   * @param {HTMLElement} root
   * @param {boolean} compact Without controls, cards and the images themselves.
   */
  constructor(root, compact) {
    this.#root = root
    const { scene, look } = this
    this.chart = chartOf(scene, compact)
    this.message = new Message()
    const { title, slice, origin, hint, missing } = notes()
    this.notes = { title, slice, origin, missing }
    this.card = hoverCard(compact, () => this.pointer.showPoint())
    if (compact) {
      this.card.withOriginals(false)
      root.style.minHeight = "0"
    }
    this.pinned = pinnedCard({ go: (row) => this.pointer.go(row), closed: () => this.pointer.unpinned(), release: () => this.pointer.release() })
    this.panel = selectionPanel({ clear: () => this.selection.select(null), send: (z, label) => this.pointer.choose(z, -1, label) })
    this.labels = legend({ fade: (next) => this.selection.fade(next), select: () => this.selection.selectShown() })
    const bar = colourBar()
    this.job = projectionPanel({
      start: (method, num) => this.#onChange("job", { action: "start", method, num }),
      cancel: (method, num) => this.#onChange("job", { action: "cancel", method, num }),
      done: (found) => { this.data.flat = found; this.placement.present() },
    })
    this.tools = controls({
      colour: (value) => this.colouring.choose(value),
      projection: (value) => { Object.assign(this.link.view, { projection: value, area: null, lasso: [] }); this.link.tell(); this.placement.choose() },
      tiles: (value) => { this.link.view.tiles = value; this.link.tell(); this.layers.change() },
      layer: (name, on) => { this.link.view.layers[on ? "add" : "delete"](name); this.link.tell(); this.layers.change() },
      opacity: (value, done) => {
        this.link.view.opacity = value
        if (done) this.link.tell()
        this.layers.refresh()
        scene.redraw("points")
      },
      lasso: (on, does) => this.pointer.setLasso(on, does),
      reset: () => this.framing.reset(), fit: () => this.framing.close(), full: () => this.framing.full(),
    })
    const { chart, message, panel, pinned, card, labels, job, tools } = this
    const { viewport } = scene
    this.data = new MapData({
      compact,
      heard: {
        begins: () => { if (!this.data.shown) message.loading() }, waits: (sentence) => message.waits(sentence, !this.data.shown),
        asks: (begin) => this.#asks(begin), failed: (error) => message.failed(error),
        came: (another, newer, began) => this.#came(another, newer, began),
        shown: () => { if (!this.data.flat && this.link.view.projection !== "pca") this.placement.choose() },
        originals: () => this.#cameOriginals(), decoder: () => this.layers.manifold.clear(), decodes: () => this.#decodes(), moved: () => this.job.hide(),
      },
    })
    const { data } = this
    this.link = new MapLink({
      data, viewport, compact,
      heard: {
        taken: () => this.#showControls(), changed: (before, lasso) => this.#showView(before, lasso), tell: (view, how) => this.#onChange("view", view, how),
      },
    })
    const { link } = this
    this.selection = new Selection({
      data, link, panel, root,
      heard: {
        palette: () => this.colouring.palette(), selected: () => {},
        chose: (indices) => {
          if (!this.data.state.selected) return
          this.#selected = indices.join()
          this.#onChange("selection", indices, "choice")
        },
        stood: () => { this.colouring.apply(); this.layers.change(); scene.flush() },
      },
    })
    const { selection } = this
    this.ranges = new Ranges({
      data, link, root,
      heard: {
        brushing: () => { selection.standBack(); this.colouring.narrow() },
        brushed: () => { selection.standBack(); this.colouring.apply(); this.layers.change(); scene.flush() },
      },
    })
    selection.ranges = this.ranges
    this.find = new Find({
      data,
      heard: {
        go: (row) => { this.framing.show(row); this.pointer.go(row) }, select: (rows) => selection.select(rows),
        near: (rows, at) => { this.layers.near = { rows, at }; scene.redraw("above") },
      },
    })
    const save = saveMenu(() => ({ name: `${data.state.run}-map-${data.part}`, picture: () => scene.picture(), table: () => tableOf(data, selection) }), "the map")
    const parts = { chart, message, card, tools, labels, title, slice, origin, hint, missing, job, bar, panel, pinned, find: this.find, ranges: this.ranges, save }
    root.replaceChildren(compact ? compactLayout(parts) : fullLayout(parts))
    this.colouring = new Colouring({ data, link, selection, scene, labels, bar, missing, root, look })
    this.layers = new Layers({ data, link, selection, colouring: this.colouring, scene, tools, hint, missing, root, look, compact })
    this.framing = new Framing({ data, link, scene, layers: this.layers, tools, chart, origin, root, compact })
    this.pointer = new Pointer({
      data, selection, layers: this.layers, scene, chart, card, pinned, tools, root, compact,
      heard: { moved: () => this.framing.moved(), reset: () => this.framing.reset(), tell: (point) => this.#onChange("point", point) },
    })
    const { colouring, layers, pointer, framing, ranges, find, notes: told } = this
    this.placement = new Placement({
      data, link, selection, scene, colouring, layers, pointer, framing, ranges, find, labels, tools, job, card, pinned, notes: told, look, root, compact,
    })
    this.#observer = new ResizeObserver(() => {
      if (!data.state || !chart.clientWidth) return
      this.framing.fit()
      this.framing.moved(false)
      scene.flush()
    })
    this.#observer.observe(chart)
  }

  #observer

  // The host ---------------------------------------------------------------------------------------------------------

  /** @param {import("../lib/mount.js").Given<import("./state").State>} given */
  update({ source, state, onChange }) {
    const { data, link } = this
    this.#onChange = onChange
    data.source = source
    data.state = state
    this.#readTheme()
    const { run, at, stamp, z, conditional, classes, shape } = state
    const ratio = `${shape[2]} / ${shape[1]}`
    for (const one of [this.card, this.pinned, this.panel]) one.shape(ratio)
    const first = conditional ? conditionOf(state) : null
    if (data.isOpen) {
      data.store.adopt(this.#root, z, first)
      link.hear()
    } else {
      for (const stop of this.#stops) stop()
      link.begin()
      data.open(run)
      data.store.adopt(this.#root, z, first)
      this.#stops = [data.time.subscribe(() => data.follow()), data.store.subscribe(this.#followPoint())]
    }
    data.useDecoder()
    const now = JSON.stringify([run, at, stamp, state.part, state.plane, classes])
    const themed = `${this.look.colours.name} ${this.look.colours.scale}`
    if (now !== this.#wanted) {
      this.#wanted = now
      delete this.#root.dataset.ready
      data.begin()
      drawFirst(data.load())
    } else if (data.shown && themed !== this.#themed) {
      this.framing.fit()
      this.framing.moved(false)
      this.placement.explain()
      this.layers.refresh()
      void this.colouring.recolour()
      this.scene.redraw("below", "points", "above")
    }
    this.#themed = themed
    this.#hearSelection()
  }

  /** A host that keeps what is selected may have selected other images. */
  #hearSelection() {
    const { selected } = this.data.state
    if (!selected || !this.data.shown || selected.join() === this.#selected) return
    if (this.#selected !== null || selected.length) this.selection.adopt(selected)
    this.#selected = selected.join()
  }

  #readTheme() {
    const colours = theme(this.#root)
    this.look.colours = {
      ...colours, axis: mix(colours.background, colours.text, 0.25), grid: mix(colours.background, colours.text, 0.085),
      scale: Number(getComputedStyle(this.#root).getPropertyValue("--ll-scale")) || 1,
    }
    makeRoom(this.look.colours.scale)
    this.scene.background = colours.background
  }

  /** Follow the page's point; another class decodes the plane anew. */
  #followPoint() {
    let classNow = ""
    return (point) => {
      this.layers.follow(point)
      this.pointer.showPoint()
      this.#tellFacts(point)
      const now = String(point.y)
      if (classNow && now !== classNow) {
        this.layers.manifold.clear()
        if (this.data.shown) this.layers.lookAround()
      }
      classNow = now
    }
  }

  /** How far the point lies from the nearest code, for whoever asks. @param {import("../lib/store.js").Point} point */
  #tellFacts(point) {
    const { shown, flat, state } = this.data
    if (!isHeard() || !shown || flat) return
    const [u, v] = project(state.plane, point.z)
    const row = shown.grid.nearest(u, v, Infinity)
    tell(this.#root, row < 0 ? null : { nearest: Math.hypot(u - shown.x[row], v - shown.y[row]) })
  }

  /** The view is another: the controls say so. */
  #showControls() {
    const { state } = this.data
    const { colour, projection } = this.link.view
    this.tools.colours(colourings(state.latent_dim, state.columns), colour)
    this.tools.projections(state.methods.map(({ value, title }) => ({ value, title })), projection)
  }

  /** The host has news of the view (Back, or another link). */
  #showView(before, lasso) {
    const { view } = this.link
    if (before.projection !== view.projection) return this.placement.choose()
    this.scene.viewport.reset()
    this.link.showArea()
    this.selection.faded = new Set(view.hidden)
    this.labels.show(this.selection.faded)
    if (lasso) {
      this.selection.reselect()
      this.placement.refreshFacts()
    }
    if (JSON.stringify(before.ranges) !== JSON.stringify(view.ranges)) this.ranges.take()
    this.selection.standBack()
    this.layers.change()
    this.framing.moved(false)
    void this.colouring.recolour()
  }

  unmount() {
    tell(this.#root, null)
    this.data.stop()
    this.selection.stop()
    this.pointer.stop()
    for (const stop of this.#stops) stop()
    this.#observer.disconnect()
    this.link.stop()
    this.job.stop()
    this.find.stop()
    this.ranges.stop()
    this.layers.stop()
    this.scene.stop()
  }

  // What comes -------------------------------------------------------------------------------------------------------

  #asks(begin) {
    const { state } = this.data
    this.message.asks(state.question, state.num, begin)
    Object.assign(this.#root.dataset, { asks: "true", ready: "0" })
  }

  #came(another, newer, began) {
    this.message.hide()
    this.placement.present(another, newer)
    this.#hearSelection()
    Object.assign(this.#root.dataset, {
      points: String(this.data.shown.num), step: String(this.data.time.shown?.step ?? ""), ready: String(Math.round(performance.now() - began)),
    })
  }

  #cameOriginals() {
    const { originals } = this.data
    this.card.withOriginals(!originals.failure)
    tellMissing(this.notes.missing, originals.failure)
    this.pinned.paint(originals)
    this.panel.images(originals)
    this.find.paint()
    if (this.selection.marked.hovered >= 0) this.pointer.showOriginal()
    this.layers.refresh()
    this.scene.redraw("above")
  }

  #decodes() {
    const { decoder } = this.data
    this.#root.dataset.source = decoder.source
    say(this.notes.origin, decoder.source === "server" ? `Decoded on the server, which is slower: ${decoder.reason}` : "")
    this.layers.refresh()
    this.pointer.showPoint()
  }

  // For tests --------------------------------------------------------------------------------------------------------

  /** What is drawn, and where. */
  get drawing() {
    const { data, selection, colouring, scene, chart, layers } = this
    return {
      drawn: () => ({
        x: Array.from(data.shown.x), y: Array.from(data.shown.y), labels: Array.from(data.shown.labels), back: Array.from(selection.back),
        colours: Array.from(colouring.painted.codes, (code, k) => (selection.back[k] ? -1 : colouring.painted.palette[code])),
      }),
      at: () => ({ x: Array.from(scene.points.x.slice(0, 500)), y: Array.from(scene.points.y.slice(0, 500)) }),
      region: () => Object.values(scene.viewport.region),
      place: ([u, v]) => {
        const box = chart.getBoundingClientRect()
        return [box.left + EDGE.left + scene.viewport.x(u), box.top + EDGE.top + scene.viewport.y(v)]
      },
      took: () => scene.took,
      tiles: () => layers.manifold.tiling,
    }
  }
}
