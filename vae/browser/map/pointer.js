/** What pointer and keys do: decode a spot, go to an image, move the point, draw a lasso. */
import { point as words } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { paint } from "../lib/picture.js"
import { atRest } from "../lib/rest.js"
import { classOf, oneHot, short } from "../lib/store.js"
import { gestures } from "../lib/viewport.js"
import { reveal } from "./motion.js"
import { lift, titleOf } from "./points.js"
import { EDGE } from "./scene.js"

/** Pixels from the pointer within which an image counts as pointed at; where only images can be decoded, farther. */
const NEAR = 10
const NEAR_FLAT = 60
/** Where the images themselves are drawn, they are larger than points. */
const NEAR_IMAGE = 20
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

export class Pointer {
  /** Where the pointer rests on the chart, null elsewhere. */
  #place = null
  /** Whether dragging draws a lasso. */
  #lassoing = false
  /** What a lasso does to what is selected: 0 replaces it, 1 adds, −1 takes away; and what the one does that is being drawn. */
  #does = 0
  #drawing = 0
  #decoded = 0
  /** Whether the host is still to hear of the point. */
  #waits = false
  // The host hears of the point when the arrow keys rest.
  #told = atRest(() => this.#tell())
  /** @type {import("./map_data.js").MapData} */
  #data
  #selection
  #layers
  #scene
  #chart
  #card
  #pinned
  #tools
  #root
  #compact
  #heard

  /**
   * @param {{data: import("./map_data.js").MapData, selection: import("./selection.js").Selection, layers: import("./map_layers.js").Layers,
   *   scene: import("./scene.js").Scene, chart: HTMLElement, card: ReturnType<typeof import("./cards.js").hoverCard>,
   *   pinned: ReturnType<typeof import("./cards.js").pinnedCard>, tools: ReturnType<typeof import("./controls.js").controls>, root: HTMLElement,
   *   compact: boolean, heard: {moved: () => void, reset: () => void, tell: (point: object) => void}}} needs `card` lies beside the pointer, `pinned`
   *   shows a pinned image; `moved`: the view was moved by hand.
   */
  constructor({ data, selection, layers, scene, chart, card, pinned, tools, root, compact, heard }) {
    this.#data = data
    this.#selection = selection
    this.#layers = layers
    this.#scene = scene
    this.#chart = chart
    this.#card = card
    this.#pinned = pinned
    this.#tools = tools
    this.#root = root
    this.#compact = compact
    this.#heard = heard
    gestures(chart, scene.viewport, {
      moved: () => heard.moved(),
      click: (event) => this.#click(event),
      hover: (event) => this.#hover(event),
      leave: () => this.#leave(),
      lasso: (path, done) => this.#lasso(path, done),
      place: (event) => this.#placeIn(event),
      lassoing: (event) => {
        const does = event.altKey ? -1 : event.shiftKey ? 1 : this.#does
        if (compact || data.shown === null || !(this.#lassoing || event.shiftKey || event.altKey)) return false
        this.#drawing = does
        return true
      },
      // Beside other things the page scrolls under the wheel, until the map was clicked.
      zooms: (event) => !compact || event.ctrlKey || event.metaKey || chart.matches(":focus"),
    })
    chart.addEventListener("keydown", (event) => this.#keydown(event))
    // The person goes on elsewhere, perhaps to another page: then it is told at once.
    chart.addEventListener("blur", () => { if (this.#waits) this.#tell() })
  }

  // Under the pointer ------------------------------------------------------------------------------------------------

  /** @returns {[number, number]} Pixels of the plot. */
  #placeIn(event) {
    const box = this.#chart.getBoundingClientRect()
    return [event.clientX - box.left - EDGE.left, event.clientY - box.top - EDGE.top]
  }

  /** What is under the pointer: the place in the plane, and the nearest image, −1 if none is near. */
  #under(event) {
    const { shown, flat } = this.#data
    const { viewport } = this.#scene
    if (!shown) return null
    const [x, y] = this.#placeIn(event)
    if (x < 0 || y < 0 || x > viewport.width || y > viewport.height) return null
    const [u, v] = [viewport.uAt(x), viewport.vAt(y)]
    const radius = (flat ? NEAR_FLAT : this.#layers.few ? NEAR_IMAGE : NEAR) / viewport.scale
    return { u, v, row: shown.grid.nearest(u, v, radius, (row) => !this.#selection.isFaded(row)) }
  }

  #hover(event) {
    const data = this.#data
    const found = this.#under(event)
    if (!found || this.#layers.path) return this.#leave()
    this.#place = { clientX: event.clientX, clientY: event.clientY }
    const box = this.#chart.getBoundingClientRect()
    this.#card.float([event.clientX - box.left, event.clientY - box.top], box)
    const { marked } = this.#selection
    if (marked.hovered !== found.row) {
      marked.hovered = found.row
      this.#scene.redraw("above")
    }
    this.showOriginal()
    if (data.flat && found.row < 0) return this.#card.decode(null, "no image near")
    const z = data.flat ? data.meanOf(found.row) : lift(data.state.plane, found.u, found.v)
    const y = data.condition(data.flat ? data.shown.labels[found.row] : -1)
    const { decoder } = data
    decoder.request(data.clients.hovered, { z, y }, (picture) => {
      if (decoder !== data.decoder) return
      this.#decoded += 1
      this.#root.dataset.decoded = String(this.#decoded)
      const label = classOf(y)
      this.#card.decode(picture, `${words(z)}${label < 0 ? "" : ` as ${data.state.classes[label]}`}`)
    }, (error) => this.#card.decode(null, sentenceOf(error)))
  }

  #leave() {
    const { marked } = this.#selection
    const was = this.#place
    this.#place = null
    if (was) this.#data.decoder?.cancel(this.#data.clients.hovered)
    this.#card.hide()
    if (marked.hovered < 0) return
    marked.hovered = -1
    this.#scene.redraw("above")
  }

  /** The page's point is somewhere else, or nothing is pointed at any longer: show what is decoded there. */
  showPoint() {
    if (this.#compact || this.#place || !this.#data.shown) return
    const { store, decoder, clients, state } = this.#data
    const { z, y } = store.point
    this.#card.atPoint()
    this.#card.near("", "", false)
    decoder.request(clients.hovered, { z, y }, (picture) => {
      if (decoder !== this.#data.decoder || this.#place) return
      const label = classOf(y)
      this.#card.decode(picture, `${words(z)}${label < 0 ? "" : ` as ${state.classes[label]}`}`)
    }, (error) => this.#card.decode(null, error.message))
  }

  /** Say of the image that is pointed at which it is, and show it. */
  showOriginal() {
    const { shown, originals } = this.#data
    const row = this.#selection.marked.hovered
    this.#root.dataset.nearest = String(row)
    if (row < 0) return this.#card.near("Image", "none near", false)
    const name = [this.#data.nameOf(row), this.#selection.classOf(row)].filter(Boolean).join(" · ")
    this.#card.near(titleOf(shown, row), name, true)
    originals?.show(this.#card.original, shown.index[row])
  }

  /** Other weights are shown: say anew what is under the pointer, and of the pinned image. */
  refresh() {
    if (this.#place) this.#hover(this.#place)
    if (this.#selection.marked.pinned >= 0) this.#showPinned()
    else if (!this.#pinned.node.hidden) this.#pinned.unpin()
  }

  // Going to an image, or to a spot ----------------------------------------------------------------------------------

  #click(event) {
    const found = this.#under(event)
    if (!found) return
    if (found.row >= 0) return this.go(found.row, event.timeStamp)
    if (this.#data.flat) return
    if (!this.#pinned.node.hidden) this.#pinned.unpin()
    this.choose(lift(this.#data.state.plane, found.u, found.v), -1, -1, event.timeStamp)
  }

  /** Go to an image: the point moves to its mean, and its card is pinned. */
  go(row, at = performance.now()) {
    this.choose(this.#data.meanOf(row), row, this.#data.shown.labels[row], at)
    if (this.#compact) return
    this.#selection.marked.pinned = row
    this.#root.dataset.pinned = String(this.#data.shown.index[row])
    this.#showPinned()
    reveal(this.#pinned.node)
    this.#scene.redraw("above")
  }

  /** The card of the pinned image, under the weights that are shown. */
  #showPinned() {
    const { shown, originals, decoder, clients } = this.#data
    const row = this.#selection.marked.pinned
    this.#pinned.pin(shown, row, (other) => this.#data.nameOf(other), originals)
    const point = { z: this.#data.meanOf(row), y: this.#data.condition(shown.labels[row]) }
    decoder.request(clients.pinned, point, (picture) => {
      if (shown === this.#data.shown && row === this.#selection.marked.pinned) paint(this.#pinned.decoded, picture)
    })
  }

  /** The card of the pinned image has been closed. */
  unpinned() {
    this.#selection.marked.pinned = -1
    delete this.#root.dataset.pinned
    this.#scene.redraw("above")
  }

  /** The person unpins the image: the link does not name it any longer. */
  release() {
    this.#pinned.unpin()
    this.#tell(-1, -1)
  }

  /** Move the page's point, to a row's mean if it is one's. */
  choose(z, row, label, at = performance.now()) {
    const { state, store } = this.#data
    const y = state.conditional && label >= 0 ? oneHot(label, state.classes.length) : store.point.y
    this.#selection.marked.here = row
    store.set({ z, y }, { source: "map", time: at })
    this.#tell(label)
  }

  /** Tell the host where the point is, and whose mean it is. */
  #tell(label = this.#labelHere(), row = this.#selection.marked.here) {
    this.stop()
    const { state, store, shown } = this.#data
    const { z, y } = store.point
    store.tell(z, y)
    this.#heard.tell({ z: Array.from(z, short), index: row < 0 ? null : shown.index[row], y: state.conditional ? classOf(y) : label < 0 ? null : label })
  }

  #labelHere() {
    const { here } = this.#selection.marked
    return here < 0 ? -1 : this.#data.shown.labels[here]
  }

  // Keys -------------------------------------------------------------------------------------------------------------

  #keydown(event) {
    const { viewport } = this.#scene
    if (!this.#data.shown || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key in ARROWS) {
      this.#step(ARROWS[event.key], event)
      this.#waits = true
      this.#told.soon()
    } else if (event.key === "Enter") this.#tell()
    else if (event.key === "+" || event.key === "=" || event.key === "-") {
      viewport.zoom(event.key === "-" ? 1 / 1.25 : 1.25)
      this.#heard.moved()
    } else if (event.key === "0") this.#heard.reset()
    else if (event.key === "Escape") {
      this.setLasso(false)
      if (this.#selection.selected) this.#selection.select(null)
      else if (!this.#pinned.node.hidden) this.release()
    } else return
    event.preventDefault()
  }

  /** An arrow key: a step in the plane, or to the next image in that direction where only images can be decoded. */
  #step([du, dv], event) {
    const { flat, state, store, shown } = this.#data
    const { marked, back } = this.#selection
    const { viewport } = this.#scene
    if (!flat) {
      const size = event.shiftKey ? 0.5 : 0.05
      const [to, rest] = [lift(state.plane, du * size, dv * size), lift(state.plane, 0, 0)]
      marked.here = -1
      store.set({ z: store.point.z.map((value, d) => value + to[d] - rest[d]) }, { source: "map", time: event.timeStamp })
      return
    }
    const from = marked.here >= 0 ? marked.here : shown.grid.nearest(viewport.u, viewport.v, Infinity)
    let [best, closest] = [-1, Infinity]
    for (let k = 0; k < shown.num; k += 1) {
      const [u, v] = [shown.x[k] - shown.x[from], shown.y[k] - shown.y[from]]
      const ahead = u * du + v * dv
      const distance = u * u + v * v
      if (ahead > 0 && 2 * ahead * ahead >= distance && distance < closest && !back[k]) [best, closest] = [k, distance]
    }
    if (best < 0) return
    marked.here = best
    store.set({ z: this.#data.meanOf(best), y: this.#data.condition(shown.labels[best]) ?? undefined }, { source: "map", time: event.timeStamp })
  }

  // The lasso --------------------------------------------------------------------------------------------------------

  /** @param {boolean} on @param {number} [does] */
  setLasso(on, does = this.#does) {
    this.#lassoing = on
    this.#does = does
    this.#tools.lasso(on ? does : null)
    this.#chart.classList.toggle("lassoing", on)
  }

  #lasso(drawn, done) {
    this.#leave()
    this.#layers.path = done || drawn === null ? null : drawn
    this.#scene.redraw("above")
    if (!done || drawn.length < 3) return
    this.setLasso(false)
    this.#selection.lasso(drawn, this.#scene.viewport, this.#drawing)
  }

  /** The host is told nothing more. */
  stop() {
    this.#told.cancel()
    this.#waits = false
  }
}
