/** Narrows the map to ranges of numbers: a histogram of each, over which one brushes; images outside stand back. */
import { count, element, number, say } from "../lib/dom.js"
import { contextOf } from "../lib/picture.js"
import { drawn, saveMenu } from "../lib/saving.js"
import { theme } from "../lib/theme.js"

/** Bars of a histogram, its height in CSS pixels, and the share of values that it leaves out at either end. */
const [BARS, HEIGHT, TAIL] = [56, 40, 0.002]
/** A brush that is narrower, in CSS pixels, is a click, which takes the range away. */
const LEAST = 3

/**
 * @typedef {{name: string, title: string, unit: string, values: ArrayLike<number> | null, low: number, high: number, counts: Float64Array,
 *   range: [number, number] | null, canvas: HTMLCanvasElement, ends: HTMLInputElement[], node: HTMLElement}} Quantity
 */

export class Ranges {
  /** For each row whether it is outside of a range; null where there is none. @type {Uint8Array | null} */
  outside = null
  #data
  #link
  #root
  #heard
  /** @type {Quantity[]} */
  #quantities = []
  #of = null
  #rows = element("div", { class: "quantities" })
  #said = element("p", { class: "ll-note", role: "status" })
  #buffer = new Uint8Array(0)
  #frame = 0
  /** @type {import("../lib/theme.js").Theme | null} */
  #colours = null

  /**
   * @param {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, root: HTMLElement,
   *   heard: {brushing: () => void, brushed: () => void}}} needs `brushing`: others are outside, and so again at the next move;
   *   `brushed`: the hand has let go.
   */
  constructor({ data, link, root, heard }) {
    this.#data = data
    this.#link = link
    this.#root = root
    this.#heard = heard
    const clear = element("button", { class: "ll-button small", type: "button", dataset: { action: "clear-ranges" }, onclick: () => this.clear() }, "Clear")
    this.node = element(
      "details", { class: "ranges", "aria-label": "Ranges", ontoggle: () => { if (this.node.open) void this.refresh() } },
      element("summary", { dataset: { control: "ranges" } }, element("span", { class: "ll-title" }, "Filter by range"), this.#said),
      element("div", { class: "ranges-body" }, element("p", { class: "ll-note" }, "Drag over a histogram; images outside stand back."), this.#rows, clear),
    )
  }

  /** What can be narrowed. */
  #kinds() {
    const own = this.#data.state.columns.filter(({ num_classes: num }) => !num).map(({ name }) => ({ name: `column:${name}`, title: name, unit: "" }))
    return [{ name: "distortion", title: "Reconstruction (distortion)", unit: "nats" }, { name: "rate", title: "KL (rate)", unit: "nats" }, ...own]
  }

  /** Other images or weights are shown, or another view came with a link. */
  async refresh() {
    const { shown } = this.#data
    if (!shown || (!this.node.open && !this.#link.view.ranges.length)) {
      this.outside = null
      this.#tell()
      return
    }
    if (this.#link.view.ranges.length) this.node.open = true
    const mine = (this.#of = {})
    try {
      const kinds = this.#kinds()
      const values = await Promise.all(kinds.map((kind) => this.#valuesOf(kind.name)))
      if (mine !== this.#of || shown !== this.#data.shown || this.#data.gone) return
      this.#quantities = kinds.map((kind, k) => this.#quantity(kind, values[k]))
      this.#rows.replaceChildren(...this.#quantities.map(({ node }) => node))
      this.#take()
      this.draw()
      this.#root.dataset.ranges = String(this.#quantities.length)
    } catch (error) {
      if (mine === this.#of) say(this.#said, error.message)
    }
  }

  /** The view is another: its ranges count from now on. */
  take() {
    if (this.#quantities.length) {
      this.#take()
      this.draw()
    } else void this.refresh()
  }

  #take() {
    for (const one of this.#quantities) {
      const found = this.#link.view.ranges.find(([name]) => name === one.name)
      one.range = found ? [found[1], found[2]] : null
    }
    this.#apply()
    this.#heard.brushed()
  }

  async #valuesOf(name) {
    const { shown } = this.#data
    if (name.startsWith("column:")) return (await this.#data.columnOf(name.slice(7))).values
    const { data } = (await this.#data.extra("terms"))[name]
    return shown.rows ? Float32Array.from(shown.rows, (row) => data[row]) : data
  }

  /** @returns {Quantity} */
  #quantity({ name, title, unit }, values) {
    const every = Math.max(1, Math.floor(values.length / 20_000))
    const some = Float64Array.from(values).filter((value, k) => k % every === 0 && Number.isFinite(value)).sort()
    const [low, top] = some.length ? [some[Math.floor(TAIL * (some.length - 1))], some[Math.ceil((1 - TAIL) * (some.length - 1))]] : [0, 1]
    const high = top > low ? top : low + 1
    const counts = new Float64Array(BARS)
    const factor = BARS / (high - low)
    for (let k = 0; k < values.length; k += 1) {
      const bar = Math.floor((values[k] - low) * factor)
      if (bar >= 0 && bar <= BARS) counts[Math.min(BARS - 1, bar)] += 1
    }
    const canvas = element("canvas", { class: "histogram", role: "img", "aria-label": `Histogram of ${title}` })
    const ends = ["Lowest", "Highest"].map((words, end) => element("input", {
      class: "ll-select end", type: "number", step: "any", "aria-label": `${words} ${title}${unit ? `, ${unit}` : ""}`, placeholder: words.toLowerCase(),
      onchange: () => {
        const typed = ends.map((input, k) => (input.value === "" ? [-1e30, 1e30][k] : input.valueAsNumber))
        one.range = ends.every((input) => input.value === "") || typed[0] > typed[1] ? null : [typed[0], typed[1]]
        this.#changed(true)
      },
      dataset: { control: "ranges", range: `${name}-${end}` },
    }))
    const save = saveMenu(() => ({ name: `${this.#data.state.run}-histogram-${name.replace("column:", "")}`, picture: () => this.#picture(one), table: () => tableOf(one) }), `the histogram of ${title}`)
    const node = element(
      "div", { class: "quantity", dataset: { quantity: name } }, element("div", { class: "ll-head" }, element("p", { class: "ll-note" }, `${title}${unit ? `, ${unit}` : ""}`), save), canvas, element("div", { class: "ll-row ends" }, ...ends),
    )
    /** @type {Quantity} */
    const one = { name, title, unit, values, low, high, counts, range: null, canvas, ends, node }
    this.#brush(one)
    return one
  }

  #brush(one) {
    const { canvas } = one
    let from = null
    const at = (event) => {
      const box = canvas.getBoundingClientRect()
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
    }
    const value = (share) => one.low + share * (one.high - one.low)
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return
      canvas.setPointerCapture(event.pointerId)
      from = at(event)
    })
    canvas.addEventListener("pointermove", (event) => {
      if (from === null) return
      const [a, b] = [from, at(event)].sort((x, y) => x - y)
      // The ends of the histogram take in what lies beyond them.
      one.range = [a <= 0 ? -1e30 : value(a), b >= 1 ? 1e30 : value(b)]
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0
        this.#changed(false, one)
      })
    })
    const end = (event) => {
      if (from === null) return
      const still = Math.abs(at(event) - from) * canvas.clientWidth < LEAST
      from = null
      cancelAnimationFrame(this.#frame)
      this.#frame = 0
      if (still) one.range = null
      this.#changed(true)
    }
    canvas.addEventListener("pointerup", end)
    canvas.addEventListener("pointercancel", end)
  }

  /** @param {boolean} isDone @param {Quantity | null} one The only one whose range is another. */
  #changed(isDone, one = null) {
    const began = performance.now()
    this.#apply()
    this.#heard.brushing()
    this.draw(one ? [one] : this.#quantities)
    this.#root.dataset.brushed = (performance.now() - began).toFixed(1)
    if (!isDone) return
    this.#link.view.ranges = this.#quantities.filter(({ range }) => range).map(({ name, range }) => [name, ...range.map((bound) => Number(bound.toPrecision(6)))])
    this.#link.tell()
    this.#heard.brushed()
  }

  /** Work out who is outside. */
  #apply() {
    const { num } = this.#data.shown
    const narrowed = this.#quantities.filter(({ range }) => range)
    if (!narrowed.length) {
      this.outside = null
      return this.#tell()
    }
    if (this.#buffer.length !== num) this.#buffer = new Uint8Array(num)
    this.outside = this.#buffer
    narrowed.forEach(({ values, range: [low, high] }, k) => mark(this.#buffer, values, low, high, k === 0))
    this.#tell()
  }

  #tell() {
    if (!this.outside) return say(this.#said, "")
    let num = 0
    for (let k = 0; k < this.outside.length; k += 1) num += this.outside[k]
    say(this.#said, `${count(this.outside.length - num)} of ${count(this.outside.length)}`)
    this.#root.dataset.inside = String(this.outside.length - num)
  }

  clear() {
    for (const one of this.#quantities) one.range = null
    this.#changed(true)
  }

  /** Draw histograms. The theme is read when all are drawn, and not at each move of the hand. */
  draw(some = this.#quantities) {
    if (some === this.#quantities || !this.#colours) this.#colours = theme(this.#root)
    const colours = this.#colours
    for (const one of some) {
      const { canvas, range, low, high, ends } = one
      const width = some === this.#quantities ? canvas.clientWidth || 220 : canvas.width / Math.min(2, devicePixelRatio || 1)
      const ratio = Math.min(2, devicePixelRatio || 1)
      if (canvas.width !== Math.round(width * ratio)) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(HEIGHT * ratio) })
      const context = contextOf(canvas)
      context.setTransform(ratio, 0, 0, ratio, 0, 0)
      context.clearRect(0, 0, width, HEIGHT)
      paintBars(context, one, width, HEIGHT, colours)
      ends.forEach((input, k) => {
        const bound = range?.[k]
        if (!input.matches(":focus")) input.value = bound === undefined || Math.abs(bound) > 1e29 ? "" : number(bound).replace("−", "-")
        input.placeholder = number(k ? high : low)
      })
    }
  }

  /** A histogram with its title and its ends, to be saved. @param {Quantity} one */
  #picture(one) {
    const colours = theme(this.#root)
    const [width, height, edge] = [360, 120, 16]
    return drawn({
      width: width + 2 * edge, height: height + 48 + 2 * edge, background: colours.background,
      paint(context) {
        context.translate(edge, edge)
        Object.assign(context, { font: `12px ${colours.font}`, fillStyle: colours.text, textAlign: "left", textBaseline: "middle" })
        context.fillText(`${one.title}${one.unit ? `, ${one.unit}` : ""}; height: square root of the number of images`, 0, 8)
        context.save()
        context.translate(0, 24)
        paintBars(context, one, width, height, colours)
        context.restore()
        context.fillStyle = colours.muted
        context.fillText(number(one.low), 0, height + 38)
        context.textAlign = "right"
        context.fillText(number(one.high), width, height + 38)
      },
    })
  }

  stop() {
    cancelAnimationFrame(this.#frame)
  }
}

/**
 * Mark the rows whose values are outside of a range, or unknown; beside those marked before unless these are the first.
 * @param {Uint8Array} outside
 * @param {ArrayLike<number>} values
 * @param {number} low
 * @param {number} high
 * @param {boolean} isFirst
 */
export function mark(outside, values, low, high, isFirst) {
  for (let k = 0; k < outside.length; k += 1) {
    const out = values[k] >= low && values[k] <= high ? 0 : 1
    outside[k] = isFirst ? out : outside[k] | out
  }
}

/**
 * The bars of a histogram, those outside of the range pale.
 * @param {CanvasRenderingContext2D} context
 * @param {Quantity} quantity
 * @param {number} width
 * @param {number} height
 * @param {import("../lib/theme.js").Theme} colours
 */
function paintBars(context, { counts, range, low, high }, width, height, colours) {
  const most = Math.max(1, ...counts)
  const bar = width / BARS
  for (let k = 0; k < BARS; k += 1) {
    const middle = low + ((k + 0.5) / BARS) * (high - low)
    context.fillStyle = !range || (middle >= range[0] && middle <= range[1]) ? colours.primary : colours.grid
    const tall = Math.max(counts[k] ? 1 : 0, (height - 2) * Math.sqrt(counts[k] / most))
    context.fillRect(k * bar, height - tall, Math.max(1, bar - 1), tall)
  }
}

/** Each bar of a histogram. @param {Quantity} quantity @returns {import("../lib/saving.js").Table} */
function tableOf({ title, unit, counts, low, high }) {
  const step = (high - low) / BARS
  const what = `${title}${unit ? ` (${unit})` : ""}`
  return { columns: [`from: ${what}`, `to: ${what}`, "number of images"], rows: Array.from(counts, (num, k) => [low + k * step, low + (k + 1) * step, num]) }
}
