/** Gives the points their colours, and says who stands back. */
import { arrays } from "../lib/arrays.js"
import { say } from "../lib/dom.js"
import { runAddress } from "../lib/server.js"
import { byLabel, byValue, colourings } from "./colours.js"
import { tellMissing } from "./originals.js"
import { groups, inOrder, standBack } from "./points.js"

/**
 * Add to a map how its points are coloured.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function painting(map) {
  function palette() {
    return map.data.palette[map.colours.name]
  }

  /** Numbers of every image that the server computes, of what is shown now: fetched once. */
  function extra(name) {
    const route = { terms: "terms", sigma: "spread" }[name]
    if (!map.extras.has(name)) {
      const asked = arrays(runAddress(map.data.run, route, { at: map.weights.at, part: map.part, v: map.weights.stamp }))
      asked.catch(() => {})
      map.extras.set(name, asked)
    }
    return map.extras.get(name)
  }

  /** A column of the data's own for each row that is shown, and its classes; fetched once for each part. */
  async function columnOf(name) {
    const [mine, key] = [map.shown, `${map.part}:${name}`]
    if (!map.columns.has(key)) {
      const asked = arrays(runAddress(map.data.run, "column", { name, at: map.data.at, part: map.part, v: map.data.stamp }))
      asked.catch(() => map.columns.delete(key))
      map.columns.set(key, asked)
    }
    const { values: { data }, classes } = await map.columns.get(key)
    return { values: mine.rows ? data.constructor.from(mine.rows, (k) => data[k]) : data, classes }
  }

  function colouringOf(colour) {
    return colourings(map.data.latent_dim, map.data.columns).find(({ value }) => value === colour)
  }

  /** The classes that the legend has: labels, or those of a column. */
  function setClasses(kind, values, found) {
    const before = map.classed?.kind
    map.classed = { kind, values, groups: found }
    if (before === kind && map.legendOf === map.part) return
    map.legendOf = map.part
    map.faded = new Set(map.view.hidden)
    map.labels.set(found, map.faded)
    map.standing()
  }

  async function valuesOf(colour) {
    const { column } = map.colouringOf(colour)
    if (column) return (await map.columnOf(column)).values
    const [name, dim] = colour.split("-")
    const mine = map.shown
    const pick = (k) => (mine.rows ? mine.rows[k] : k)
    if (name !== "sigma") {
      const { data: values } = (await map.extra("terms"))[name]
      return mine.rows ? Float32Array.from(mine.rows, (k) => values[k]) : values
    }
    const { data: sigma } = (await map.extra("sigma")).sigma
    const values = new Float32Array(mine.num)
    const dims = mine.dims
    for (let k = 0; k < mine.num; k += 1) {
      const start = pick(k) * dims
      if (dim) values[k] = sigma[start + Number(dim) - 1]
      else for (let d = 0; d < dims; d += 1) values[k] += sigma[start + d] / dims
    }
    return values
  }

  async function recolour() {
    if (!map.shown) return
    const began = performance.now()
    const colouring = map.colouringOf(map.view.colour) ?? map.colouringOf("label")
    const now = { shown: map.shown, colour: map.view.colour, name: map.colours.name }
    const stale = () => map.gone || now.shown !== map.shown || now.colour !== map.view.colour || now.name !== map.colours.name
    const classed = () => {
      map.painted = { ...byLabel(map.classed.values, map.palette(), map.colours), colour: map.classed.kind, classed: true }
      map.bar.hide()
      map.labels.paint(map.palette())
      tellMissing(map.missing, map.originals?.failure)
    }
    if (colouring.kind === "label") map.setClasses("label", map.shown.labels, map.shown.groups)
    if (colouring.value === "label" || map.painted?.codes.length !== map.shown.num) {
      if (map.classed.values.length !== map.shown.num) map.setClasses("label", map.shown.labels, map.shown.groups)
      classed()
    }
    map.applyColours()
    if (colouring.value !== "label") {
      try {
        if (colouring.kind !== "label") {
          const { values, classes } = await map.columnOf(colouring.column)
          if (stale()) return
          map.setClasses(colouring.kind, values, groups(values, classes))
          classed()
        } else {
          const values = await map.valuesOf(map.view.colour)
          if (stale()) return
          const anchors = map.data.scale[map.colours.name]
          map.painted = { ...byValue(values, anchors, map.colours), colour: map.view.colour }
          map.bar.show(colouring, map.painted.low, map.painted.high, anchors)
          map.labels.paint(null)
        }
        map.applyColours()
      } catch (error) {
        if (map.gone || now.shown !== map.shown) return
        say(map.missing, error.message)
      }
    }
    map.scene.flush()
    map.root.dataset.colour = map.painted.colour
    map.root.dataset.recoloured = String(Math.round(performance.now() - began))
  }

  function applyColours() {
    const codes = map.painted.codes.slice()
    map.scene.points.back = standBack(codes, map.back)
    map.scene.points.codes = inOrder(codes, map.shown.order)
    map.scene.points.palette = map.painted.palette
    map.scene.redraw("points")
  }

  /** Work out who stands back: labels taken out, and who is not selected while others are. */
  function standing() {
    map.back.fill(0)
    if (map.faded.size) for (let k = 0; k < map.shown.num; k += 1) if (map.faded.has(map.classed.values[k])) map.back[k] = 1
    if (map.selected) {
      const kept = new Uint8Array(map.shown.num)
      for (const row of map.selected) kept[row] = 1
      for (let k = 0; k < map.shown.num; k += 1) if (!kept[k]) map.back[k] = 1
    }
  }

  function stood() {
    map.standing()
    map.applyColours()
    map.layered()
    map.scene.flush()
  }

  function fade(next) {
    map.faded = next
    map.view.hidden = [...next].sort((a, b) => a - b)
    map.tellView()
    if (map.shown) map.stood()
  }

  Object.assign(map, { palette, extra, columnOf, colouringOf, setClasses, valuesOf, recolour, applyColours, standing, stood, fade })
}
