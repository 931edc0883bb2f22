/** Which images stand out: those that are selected, pointed at, pinned, or gone to; and which stand back. What was chosen stays while
 * the weights change, and its facts are told anew. */
import { paint } from "../lib/picture.js"
import { reveal } from "./motion.js"
import { inside, simpler } from "./selection_panel.js"

/** Between two questions to the server for a selection's numbers, ms: while one scrubs, and while the run trains. */
const REST = 400
/** The link has at most so many lassos: `MOST_LASSOS` of dashboard/views/map/link.py. */
const MOST_LASSOS = 8
const REST_LIVE = 4000

export class Selection {
  /** @type {Int32Array | null} Rows that are selected. */
  selected = null
  /** Rows that are pointed at, pinned, and gone to; −1 for none. */
  marked = { hovered: -1, pinned: -1, here: -1 }
  /** @type {Set<number>} Classes taken out of the map. */
  faded = new Set()
  /** For each row whether it stands back. */
  back = new Uint8Array(0)
  /** @type {import("./ranges.js").Ranges | null} Ranges outside of which rows stand back. */
  ranges = null
  /** Whose classes the legend has: labels, or those of a column. */
  classes = { kind: null, values: /** @type {ArrayLike<number>} */ ([]), groups: [] }
  #timer = undefined
  /** What the server was asked and told last of a selection while the run trains: newer weights come before it has told. */
  #lately = null
  /** @type {import("./map_data.js").MapData} */
  #data
  #link
  #panel
  #root
  #heard

  /**
   * @param {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, panel: ReturnType<typeof import("./selection_panel.js").selectionPanel>,
   *   root: HTMLElement, heard: {stood: () => void, selected: () => void, chose: (indices: number[]) => void, palette: () => string[]}}} needs
   *   `stood`: others stand back than before; `chose`: the person selected these images, by their indices in the data set.
   */
  constructor({ data, link, panel, root, heard }) {
    this.#data = data
    this.#link = link
    this.#panel = panel
    this.#root = root
    this.#heard = heard
  }

  /** Other images are shown: nothing of the old ones is kept. */
  forget() {
    this.selected = null
    delete this.#root.dataset.selected
    this.#panel.hide()
    this.marked = { hovered: -1, pinned: -1, here: -1 }
  }

  /** The same images at other places, or some of them: each has another row where a computed plane shows a part of them. */
  carry(before) {
    const after = this.#data.shown
    if (before.rows === after.rows) return
    const places = after.rows && new Int32Array(after.of).fill(-1)
    after.rows?.forEach((row, k) => { places[row] = k })
    const now = (k) => {
      if (k < 0) return -1
      const row = before.rows ? before.rows[k] : k
      return places ? places[row] : row
    }
    for (const name of Object.keys(this.marked)) this.marked[name] = now(this.marked[name])
    const kept = this.selected?.map(now).filter((k) => k >= 0)
    this.selected = kept?.length ? kept : null
  }

  /** Room for the rows that are shown now. */
  resize() {
    this.back = new Uint8Array(this.#data.shown.num)
  }

  /** Work out who stands back: labels taken out, and who is not selected while others are. */
  standBack() {
    const { num } = this.#data.shown
    const outside = this.ranges?.outside
    if (outside?.length === num) this.back.set(outside)
    else this.back.fill(0)
    if (this.faded.size) for (let k = 0; k < num; k += 1) if (this.faded.has(this.classes.values[k])) this.back[k] = 1
    if (this.selected) {
      const kept = new Uint8Array(num)
      for (const row of this.selected) kept[row] = 1
      for (let k = 0; k < num; k += 1) if (!kept[k]) this.back[k] = 1
    }
  }

  /** Take classes out of the map. */
  fade(next) {
    this.faded = next
    this.#link.view.hidden = [...next].sort((a, b) => a - b)
    this.#link.tell()
    if (this.#data.shown) this.#stood()
  }

  /** The name of a row's class, where the legend has others than the labels. */
  classOf(row) {
    if (this.classes.kind === "label") return ""
    return this.classes.groups.find(({ label }) => label === this.classes.values[row])?.name ?? ""
  }

  /** Whether a row's class is taken out. */
  isFaded(row) {
    return this.faded.has(this.classes.values[row])
  }

  /** Classes that were taken out cannot be selected; images that an earlier selection left out can. */
  #faceless() {
    return Uint8Array.from(this.classes.values, (label) => (this.faded.has(label) ? 1 : 0))
  }

  /** Rows within a lasso, given as the link has it. */
  #caught(corners) {
    const path = Array.from({ length: corners.length / 2 }, (_, k) => corners.slice(2 * k, 2 * k + 2))
    return inside(this.#data.shown, path, this.#faceless())
  }

  /**
   * Select what a lasso encloses, or add it to what is selected, or take it away.
   * @param {number[][]} drawn Corners, pixels of the plot.
   * @param {import("../lib/viewport.js").Viewport} viewport
   * @param {number} does 0: selects anew; 1: adds; −1: takes away.
   */
  lasso(drawn, viewport, does = 0) {
    const decimals = Math.max(0, Math.ceil(Math.log10(2 * viewport.scale)))
    const brief = (value) => Number(Number(value.toFixed(decimals)).toPrecision(6))
    const corners = simpler(drawn).flatMap(([x, y]) => [viewport.uAt(x), viewport.vAt(y)].map(brief))
    const op = this.selected ? does : Math.max(0, does)
    const { lasso } = this.#link.view
    const rows = this.#together(op ? this.selected : null, op, this.#caught(corners))
    // The link says a selection by its lassos; one that began otherwise, or has too many of them, it does not.
    const known = !op || !this.selected || (lasso.length > 0 && lasso.length < MOST_LASSOS)
    this.select(rows, known ? [...(op && this.selected ? lasso : []), [op && this.selected ? op : 0, ...corners]] : [])
  }

  /** Rows with others added, or taken away. */
  #together(before, does, caught) {
    if (!before) return does < 0 ? new Int32Array(0) : caught
    const all = new Uint8Array(this.#data.shown.num)
    for (const row of before) all[row] = 1
    for (const row of caught) all[row] = does > 0 ? 1 : 0
    return Int32Array.from(all.keys()).filter((row) => all[row])
  }

  /** Select what the lassos of the link enclose, in the plane that they were drawn in. */
  #catchAgain() {
    this.#link.caught = true
    let rows = /** @type {Int32Array | null} */ (null)
    for (const [does, ...corners] of this.#link.view.lasso) rows = this.#together(does ? rows : null, does, this.#caught(corners))
    rows ??= new Int32Array(0)
    this.selected = rows.length ? rows : null
    this.#root.dataset.selected = String(rows.length)
  }

  /** Select anew what the link says, which has another lasso than before, or none. */
  reselect() {
    if (this.#link.view.lasso.length && !this.#link.isOfAnotherPlane) this.#catchAgain()
    else this.selected = null
    this.#root.dataset.selected = String(this.selected?.length ?? 0)
  }

  /**
   * Under what is shown now, take up what the link says of the selection, and of the image whose card is open.
   * @param {boolean} another Whether these are other images.
   * @param {boolean} newer Whether they lie where other weights put them.
   * @param {boolean} compact
   */
  takeUp(another, newer, compact) {
    const { view } = this.#link
    if (view.lasso.length && !this.#link.isOfAnotherPlane) {
      if (!this.#link.caught || another || (newer && this.#data.time.source === "python")) this.#catchAgain()
      else if (newer) {
        // Other weights than those under which the lasso was drawn: the selection stays, and the link does not say it any more.
        view.lasso = []
        this.#link.tell("passing")
      }
    }
    const { shown, store } = this.#data
    const row = this.#link.arriving === null ? -1 : shown.index.indexOf(this.#link.arriving)
    this.#link.arriving = null
    if (row < 0 || compact) return
    this.marked.pinned = row
    this.#root.dataset.pinned = String(shown.index[row])
    if (this.#data.isMean(store.point.z, row)) this.marked.here = row
  }

  /** Select all images whose class is shown. */
  selectShown() {
    if (!this.#data.shown) return
    const out = this.#faceless()
    this.select(Int32Array.from({ length: this.#data.shown.num }, (_, k) => k).filter((k) => !out[k]))
  }

  /**
   * @param {Int32Array | null} rows
   * @param {number[][]} lassos Around them, by which the link knows them.
   */
  select(rows, lassos = []) {
    this.selected = rows?.length ? rows : null
    this.#link.view.lasso = this.selected ? lassos : []
    this.#link.caught = true
    this.#link.tell()
    this.#heard.chose(Array.from(this.selected ?? [], (row) => this.#data.shown.index[row]))
    this.#show()
    if (this.selected) reveal(this.#panel.node)
    if (this.selected) this.#heard.selected()
  }

  /** Select the images that the host names, by their indices in the data set; those that are not shown are left out. */
  adopt(/** @type {number[]} */ indices) {
    const wanted = new Set(indices)
    const rows = Int32Array.from(this.#data.shown.index.keys()).filter((row) => wanted.has(this.#data.shown.index[row]))
    this.selected = rows.length ? rows : null
    this.#link.view.lasso = []
    this.#link.caught = true
    this.#show()
  }

  #show() {
    this.#root.dataset.selected = String(this.selected?.length ?? 0)
    this.#stood()
    this.tell()
  }

  #stood() {
    this.standBack()
    this.#heard.stood()
  }

  /** Say what the selected images are, on average, under the weights that are shown. */
  tell() {
    if (!this.selected) return this.#panel.hide()
    const { shown, state, part, originals, decoder, clients, isLive } = this.#data
    const mine = this.selected
    const { z, label } = this.#panel.show(shown, mine, {
      classes: state.classes, groups: shown.groups, palette: this.#heard.palette(), name: `${state.run}-${part}-${mine.length}-images.csv`,
    })
    this.#panel.images(originals)
    decoder.request(clients.middle, { z, y: this.#data.condition(label) }, (picture) => mine === this.selected && paint(this.#panel.middle, picture))
    if (!isLive || this.#lately?.rows !== mine) this.#lately = null
    if (this.#lately?.found) this.#panel.terms(this.#lately.found, true)
    if (isLive && this.#lately && this.#timer) return
    clearTimeout(this.#timer)
    const wait = isLive && this.#lately ? REST_LIVE : this.#data.isElsewhere(this.#data.weights) && !isLive ? REST : 0
    this.#timer = setTimeout(() => void this.#askTerms(), wait)
  }

  async #askTerms() {
    this.#timer = undefined
    const data = this.#data
    const [mine, shown, live] = [this.selected, data.shown, data.isLive]
    if (!mine || data.gone) return
    this.#lately = live ? { rows: mine, found: this.#lately?.found ?? null } : null
    const isCurrent = () => mine === this.selected && (shown === data.shown || (live && data.isLive))
    try {
      const { distortion, rate } = await data.extra("terms")
      if (!isCurrent()) return
      const found = { distortion: distortion.data, rate: rate.data }
      if (live) this.#lately = { rows: mine, found }
      this.#panel.terms(found, shown !== data.shown)
    } catch (error) {
      if (isCurrent()) this.#panel.terms(error)
    }
  }

  stop() {
    clearTimeout(this.#timer)
  }
}
