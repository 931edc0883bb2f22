/** What of a map's view is in the link: plane, colours, layers, tiles, classes taken out, the lasso, and the part in view. */
import { Echo } from "../lib/echo.js"
import { byName } from "./colours.js"

/** So long a view rests before the link says it, ms. */
const REST = 600

/** A number as short as the link has it, so that what was told is known when it comes back. */
function short(value) {
  return Number(value.toPrecision(5))
}

/**
 * @typedef {{projection: string, colour: string, layers: Set<string>, tiles: string, hidden: number[], area: number[] | null, lasso: number[][],
 *   opacity: number, ranges: any[][]}} View
 */

export class MapLink {
  /** @type {View | null} */
  view = null
  /** Whether the lasso of the link has been heeded. */
  caught = false
  /** The image to be pinned on arrival, by its index in the data set. */
  arriving = null
  #echo = new Echo()
  #timer = undefined
  /** @type {import("./map_data.js").MapData} */
  #data
  #viewport
  #compact
  #heard

  /**
   * @param {{data: import("./map_data.js").MapData, viewport: import("../lib/viewport.js").Viewport, compact: boolean,
   *   heard: {taken: () => void, changed: (before: View, lasso: boolean) => void,
   *     tell: (view: object, how: "choice" | "passing") => void}}} needs `taken`: the view is another, and so are the controls;
   *   `changed`: so is what is drawn, and perhaps the lasso.
   */
  constructor({ data, viewport, compact, heard }) {
    this.#data = data
    this.#viewport = viewport
    this.#compact = compact
    this.#heard = heard
  }

  #take({ projection, colour, layers, tiles, hidden, area, lasso, opacity, ranges }) {
    this.view = {
      projection, colour, layers: new Set(layers), tiles, hidden: [...hidden], area, lasso: lasso.map((one) => [...one]), opacity, ranges: ranges.map((one) => [...one]),
    }
    this.#heard.taken()
  }

  /** Begin with what the host passed. */
  begin() {
    const { view, pinned } = this.#data.state
    this.#echo = new Echo()
    this.#echo.isNews(signature(view))
    this.#take(view)
    this.caught = false
    this.arriving = pinned
  }

  /** The host passed a view: news of it (Back, or another link) are taken; what this map has told is known. */
  hear() {
    const { view } = this.#data.state
    if (!this.#echo.isNews(signature(view))) return
    const before = this.view
    this.#take(view)
    const lasso = String(before.lasso) !== String(this.view.lasso)
    if (lasso) this.caught = false
    if (this.#data.shown) this.#heard.changed(before, lasso)
  }

  /** Tell the host what is shown, so that the link says it. Where the view only moved, Back does not count it. */
  tell(how = "choice") {
    if (this.#compact) return
    this.view.area = this.#areaNow()
    const said = signature(this.view)
    if (said === this.#echo.last()) return
    this.#echo.tell(said)
    const { projection, colour, layers, tiles, hidden, area, lasso, opacity, ranges } = this.view
    this.#heard.tell({ projection, colour, layers: [...layers].sort(byName), tiles, hidden, area, lasso, opacity, ranges }, how === "passing" ? how : "choice")
  }

  /** Whether another plane is shown than the link names. */
  get isOfAnotherPlane() {
    return (this.view.projection === "pca") !== !this.#data.flat
  }

  /** Centre and zoom of what is in view; null where all is, or where another plane is shown than the link names. */
  #areaNow() {
    if (!this.#data.shown || this.isOfAnotherPlane) return this.view.area
    const { u, v, scale, whole } = this.#viewport
    return this.#viewport.isWhole ? null : [u, v, scale / whole].map(short)
  }

  /** Show the part that the link names. */
  showArea() {
    if (!this.view.area || this.isOfAnotherPlane) return
    const [u, v, zoom] = this.view.area
    Object.assign(this.#viewport, { u, v, scale: zoom * this.#viewport.whole })
  }

  /** The view was moved by hand: when it rests, the link says where, and Back does not count it. */
  rememberArea() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#data.gone || this.#compact || JSON.stringify(this.#areaNow()) === JSON.stringify(this.view.area)) return
      this.tell("passing")
    }, REST)
  }

  stop() {
    clearTimeout(this.#timer)
  }
}

function signature({ projection, colour, layers, tiles, hidden, area, lasso, opacity, ranges }) {
  return JSON.stringify([projection, colour, [...layers].sort(byName), tiles, hidden, area, lasso, opacity, ranges])
}
