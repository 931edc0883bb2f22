/** Gives the points their colours, by label or by a number on a scale, and the legend its classes. */
import { say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { byLabel, byValue, colourings, colourOf } from "./colours.js"
import { tellMissing } from "./originals.js"
import { groups, inOrder, renew, standBack } from "./points.js"

export class Colouring {
  /** Codes of all rows and what they mean: `classed` if they are labels. */
  painted = null
  /** The part whose classes the legend has. */
  #legendOf = null
  /** @type {import("./map_data.js").MapData} */
  #data
  #link
  #selection
  #scene
  #labels
  #bar
  #missing
  #root
  #look

  /**
   * @param {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, selection: import("./selection.js").Selection,
   *   scene: import("./scene.js").Scene, labels: ReturnType<typeof import("./legend.js").legend>, bar: ReturnType<typeof import("./legend.js").colourBar>,
   *   missing: HTMLElement, root: HTMLElement, look: {colours: Record<string, any>}}} needs `missing` is where is said why something cannot be shown.
   */
  constructor({ data, link, selection, scene, labels, bar, missing, root, look }) {
    this.#data = data
    this.#link = link
    this.#selection = selection
    this.#scene = scene
    this.#labels = labels
    this.#bar = bar
    this.#missing = missing
    this.#root = root
    this.#look = look
  }

  palette() {
    return this.#data.state.palette[this.#look.colours.name]
  }

  /** What a value of the colour control means. */
  meaningOf(colour) {
    const { latent_dim: dims, columns } = this.#data.state
    return colourings(dims, columns).find(({ value }) => value === colour)
  }

  /** The colour of a row's class; that of text where the colours mean something else. */
  of(row) {
    return this.painted.classed ? colourOf(this.#selection.classes.values[row], this.palette()) : this.#look.colours.text
  }

  /** Colour by something else. */
  choose(value) {
    const { view } = this.#link
    const kind = (colour) => this.meaningOf(colour)?.kind
    if (kind(value) !== kind(view.colour)) {
      view.hidden = []
      this.#selection.faded = new Set()
      this.#selection.classes = { ...this.#selection.classes, kind: null }
      this.#selection.standBack()
    }
    view.colour = value
    this.#link.tell()
    void this.recolour()
  }

  /** The classes that the legend has: labels, or those of a column. */
  setClasses(kind, values, found) {
    const selection = this.#selection
    const before = selection.classes.kind
    selection.classes = { kind, values, groups: found }
    if (before === kind && this.#legendOf === this.#data.part) return
    this.#legendOf = this.#data.part
    selection.faded = new Set(this.#link.view.hidden)
    this.#labels.set(found, selection.faded)
    selection.standBack()
  }

  /** The labels are what the legend has. */
  useLabels() {
    const { labels, groups: found } = this.#data.shown
    this.setClasses("label", labels, found)
  }

  async #valuesOf(colour) {
    const { column } = this.meaningOf(colour)
    if (column) return (await this.#data.columnOf(column)).values
    const [name, dim] = colour.split("-")
    const mine = this.#data.shown
    const pick = (k) => (mine.rows ? mine.rows[k] : k)
    if (name !== "sigma") {
      const { data: values } = (await this.#data.extra("terms"))[name]
      return mine.rows ? Float32Array.from(mine.rows, (k) => values[k]) : values
    }
    const { data: sigma } = (await this.#data.extra("sigma")).sigma
    const values = new Float32Array(mine.num)
    const dims = mine.dims
    for (let k = 0; k < mine.num; k += 1) {
      const start = pick(k) * dims
      if (dim) values[k] = sigma[start + Number(dim) - 1]
      else for (let d = 0; d < dims; d += 1) values[k] += sigma[start + d] / dims
    }
    return values
  }

  #paintClasses() {
    const { classes } = this.#selection
    this.painted = { ...byLabel(classes.values, this.palette(), this.#look.colours), colour: classes.kind, classed: true }
    this.#bar.hide()
    this.#labels.paint(this.palette())
    tellMissing(this.#missing, this.#data.originals?.failure)
  }

  /** Colour the points as the view says: by their labels at once, by what has to be fetched when it has come. */
  async recolour() {
    const data = this.#data
    if (!data.shown) return
    const began = performance.now()
    const { view } = this.#link
    const meaning = this.meaningOf(view.colour) ?? this.meaningOf("label")
    const now = { shown: data.shown, colour: view.colour, name: this.#look.colours.name }
    const isStale = () => data.gone || now.shown !== data.shown || now.colour !== this.#link.view.colour || now.name !== this.#look.colours.name
    if (meaning.kind === "label") this.useLabels()
    if (meaning.value === "label" || this.painted?.codes.length !== data.shown.num) {
      if (this.#selection.classes.values.length !== data.shown.num) this.useLabels()
      this.#paintClasses()
    }
    this.apply()
    if (meaning.value !== "label") {
      try {
        if (meaning.kind !== "label") {
          const { values, classes } = await data.columnOf(meaning.column)
          if (isStale()) return
          this.setClasses(meaning.kind, values, groups(values, classes))
          this.#paintClasses()
        } else {
          const values = await this.#valuesOf(now.colour)
          if (isStale()) return
          const anchors = data.state.scale[now.name]
          this.painted = { ...byValue(values, anchors, this.#look.colours), colour: now.colour }
          this.#bar.show(meaning, this.painted.low, this.painted.high, anchors)
          this.#labels.paint(null)
        }
        this.apply()
      } catch (error) {
        if (data.gone || now.shown !== data.shown) return
        say(this.#missing, sentenceOf(error))
      }
    }
    this.#scene.flush()
    this.#root.dataset.colour = this.painted.colour
    this.#root.dataset.recoloured = String(Math.round(performance.now() - began))
  }

  /** A hand narrows the points: draw now who stands back. */
  narrow() {
    const { points } = this.#scene
    if (points.codes?.length !== this.painted.codes.length || points.palette !== this.painted.palette) {
      this.apply()
      return this.#scene.flush()
    }
    const { came, any } = renew(points.codes, this.painted.codes, this.#selection.back, this.#data.shown.order)
    points.back = any
    this.#scene.narrow(came)
  }

  /** Put the colours on the points, those that stand back below all others. */
  apply() {
    const { points } = this.#scene
    const { order } = this.#data.shown
    points.codes = inOrder(this.painted.codes, order, points.codes)
    points.back = standBack(points.codes, this.#selection.back, order)
    points.palette = this.painted.palette
    this.#scene.redraw("points")
  }
}
