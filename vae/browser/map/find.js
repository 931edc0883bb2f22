/** Finds images on the map: by number, by class, or those whose posteriors are nearest to that of a drawing. */
import { radioGroup } from "../lib/choices.js"
import { count, element, number, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { latest } from "../lib/latest.js"
import { drawingBody } from "../drawing_pad/tools.js"
import { Pad } from "../drawing_pad/pad.js"
import { imageList } from "./cards.js"
import { titleOf } from "./points.js"

/** Images that are most like the drawing. */
const MOST = 12

export class Find {
  /** @type {import("./map_data.js").MapData} */
  #data
  #heard
  #pad = new Pad({ change: () => this.#look(), release: () => this.#look() })
  #by
  #number
  #class
  #said = element("p", { class: "ll-note", role: "status" })
  #list
  #details
  #asking = latest((query, turn) => this.#ask(query, turn), () => {})
  #open = ""

  /**
   * @param {{data: import("./map_data.js").MapData, heard: {go: (row: number) => void, select: (rows: Int32Array) => void,
   *   near: (rows: number[], at: {mean: number[], sigma: number[]} | null) => void}}} needs `go`: to an image; `select`: all of a class;
   *   `near`: mark images that are like a drawing, whose posterior is at `at`.
   */
  constructor({ data, heard }) {
    this.#data = data
    this.#heard = heard
    this.#by = radioGroup("Nearest by", { mean: "Mean", kl: "KL" }, () => this.#look(), {
      control: "nearest-by", title: "Mean: distance of the posterior means. KL: divergence between the posteriors, so that dimensions that say nothing hardly count.",
    })
    this.#by.value = "mean"
    this.#number = element("input", { class: "ll-select number", type: "number", min: 0, step: 1, placeholder: "No.", "aria-label": "Number of the image", dataset: { find: "number", control: "find-number" } })
    this.#class = element("select", {
      class: "ll-select", "aria-label": "Class to find", dataset: { find: "class", control: "find-class" }, onchange: () => this.#toClass(),
    })
    this.#list = imageList(data, (row) => heard.go(row))
    const pad = drawingBody(this.#pad)
    this.#details = element(
      "details", { class: "like", dataset: { find: "drawing" } }, element("summary", { dataset: { control: "find-drawing" } }, "Like my drawing"),
      element("div", { class: "like-body" }, pad, element("div", { class: "ll-row" }, element("span", { class: "ll-note" }, "Nearest by"), this.#by.node, gridMenu(() => this.#list.saved, "the images like my drawing")), this.#list.node),
    )
    this.#pad.centring = false
    this.pad = pad
    const form = element(
      "form", { class: "ll-row", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.#toNumber() } },
      this.#number, element("button", { class: "ll-button", type: "submit", dataset: { action: "find-number" } }, "Go"), this.#class,
    )
    this.node = element("section", { class: "find", "aria-label": "Find" }, element("h4", { class: "ll-title" }, "Find"), form, this.#said, this.#details)
  }

  /** Other images are shown, or another run. */
  refresh() {
    const { state, shown } = this.#data
    this.#number.max = String(shown.of - 1)
    this.#number.title = `From 0 to ${count(shown.of - 1)}`
    const classes = shown.groups.filter(({ num }) => num)
    this.#class.hidden = classes.length < 2
    this.#class.replaceChildren(element("option", { value: "" }, "Class…"), ...classes.map(({ name, label }) => element("option", { value: String(label) }, name)))
    const [channels, height, width] = state.shape
    const open = `${state.run} ${channels} ${height} ${width}`
    if (open !== this.#open) {
      this.#open = open
      this.pad.begin(width, height, state.centre)
    }
    this.#list.refresh()
    if (this.#details.open) this.#look()
  }

  #toNumber() {
    const { shown } = this.#data
    const wanted = this.#number.valueAsNumber
    if (!shown || !Number.isInteger(wanted) || wanted < 0 || wanted >= shown.of) {
      return say(this.#said, shown ? `Choose a number from 0 to ${count(shown.of - 1)}.` : "")
    }
    const row = shown.rows ? shown.rows.indexOf(wanted) : wanted
    if (row < 0) return say(this.#said, `Image ${wanted} is not among the ${count(shown.num)} that this plane shows.`)
    say(this.#said, `${titleOf(shown, row)} is pinned.`)
    this.#heard.go(row)
  }

  #toClass() {
    const { shown } = this.#data
    const label = Number(this.#class.value)
    if (this.#class.value === "") return
    const rows = Int32Array.from(shown.labels.keys()).filter((row) => shown.labels[row] === label)
    say(this.#said, rows.length === 1 ? "1 image of this class is selected." : `${count(rows.length)} images of this class are selected.`)
    this.#heard.select(rows)
    this.#class.value = ""
  }

  /** Look for what is like the drawing. */
  #look() {
    const { state, weights, part } = this.#data
    if (!this.#data.shown) return
    if (this.#pad.isEmpty) {
      this.#list.show([])
      say(this.#said, "")
      return this.#heard.near([], null)
    }
    const ink = this.#pad.image()
    const bytes = new Uint8Array(state.shape[0] * ink.length)
    for (let channel = 0; channel < state.shape[0]; channel += 1) {
      bytes.set(ink.map((value) => (state.cut === null ? 255 * value : value >= state.cut ? 255 : 0)), channel * ink.length)
    }
    const x = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
    const y = this.#data.condition()
    const query = { part, at: weights.at, v: weights.stamp, by: this.#by.value, num: MOST, x, ...(y ? { y: y.indexOf(Math.max(...y)) } : {}) }
    this.#asking.want(JSON.stringify(query))
  }

  async #ask(text, turn) {
    const { source, state } = this.#data
    try {
      const found = await source.get(state.run, "nearest", JSON.parse(text), "json")
      if (!turn.isNewest() || this.#data.gone) return
      const { shown } = this.#data
      const rows = found.rows.map((row, k) => ({ row: shown.rows ? shown.rows.indexOf(row) : row, distance: found.distances[k] })).filter(({ row }) => row >= 0)
      this.#list.show(rows, found.unit)
      this.node.dataset.near = rows.map(({ row }) => row).join(",")
      say(this.#said, rows.length ? `Most like the drawing: ${titleOf(shown, rows[0].row).toLowerCase()}, ${number(rows[0].distance)}${found.unit ? ` ${found.unit}` : ""} away.` : "")
      this.#heard.near(rows.map(({ row }) => row), found)
    } catch (error) {
      say(this.#said, error.message)
    }
  }

  /** The originals have come. */
  paint() {
    this.#list.paint()
  }

  stop() {
    this.#asking.cancel()
  }
}
