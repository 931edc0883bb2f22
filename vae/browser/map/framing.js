/** What part of the plane is in view: all of it, where a row lies, or what the hand has moved to; and what follows from another view. */
import { say } from "../lib/dom.js"

/** Points that take less of the view than this share of either side can be zoomed to. */
const SMALL = 0.4

export class Framing {
  #data
  #link
  #scene
  #layers
  #tools
  #chart
  #origin
  #root
  #compact

  /**
   * @param {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, scene: import("./scene.js").Scene,
   *   layers: import("./map_layers.js").Layers, tools: ReturnType<typeof import("./controls.js").controls>, chart: HTMLElement, origin: HTMLElement,
   *   root: HTMLElement, compact: boolean}} needs `origin` is where is said that full screen is not possible.
   */
  constructor({ data, link, scene, layers, tools, chart, origin, root, compact }) {
    this.#data = data
    this.#link = link
    this.#scene = scene
    this.#layers = layers
    this.#tools = tools
    this.#chart = chart
    this.#origin = origin
    this.#root = root
    this.#compact = compact
  }

  /** Take the size that the page gives the chart: the full map's by its own style, a compact one's by its place. */
  fit() {
    this.#scene.resize(this.#chart.clientWidth, this.#chart.clientHeight)
  }

  /** Take a row into view, if it is not. */
  show(row) {
    const { viewport } = this.#scene
    const [u, v] = [this.#data.shown.x[row], this.#data.shown.y[row]]
    const { left, right, low, high } = viewport.region
    if (u > left && u < right && v > low && v < high) return
    Object.assign(viewport, { u, v })
    this.moved()
  }

  full() {
    if (document.fullscreenElement) void document.exitFullscreen()
    else void this.#root.requestFullscreen().catch((error) => say(this.#origin, `Full screen is not possible here: ${error.message}`))
  }

  /** Zoom to where the points are. */
  close() {
    this.#scene.viewport.look(this.#data.shown.grid)
    this.moved()
  }

  reset() {
    this.#scene.viewport.reset()
    this.moved()
  }

  /** The view is another, by the person's hand or not. */
  moved(byHand = true) {
    const { shown, store } = this.#data
    if (!shown) return
    if (byHand) this.#scene.moved()
    else this.#scene.redraw("below", "points", "above")
    const { viewport } = this.#scene
    this.#tools.reset.hidden = viewport.isWhole
    const { left, right, low, high } = shown.grid
    this.#tools.fit.hidden = !viewport.isWhole || this.#compact || (right - left) * viewport.scale > SMALL * viewport.width || (high - low) * viewport.scale > SMALL * viewport.height
    this.#layers.lookAround()
    this.#layers.follow(store.point)
    if (byHand) this.#link.rememberArea()
  }
}
