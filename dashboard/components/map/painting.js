/** Gives the points their colours, and says who stands back. */
import { arrays } from "../lib/arrays.js"
import { say } from "../lib/dom.js"
import { runAddress } from "../lib/server.js"
import { byLabel, byValue, colourings } from "./colours.js"
import { inOrder, standBack } from "./points.js"

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

  async function valuesOf(colour) {
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
    const colouring = colourings(map.data.latent_dim).find(({ value }) => value === map.view.colour)
    const now = { shown: map.shown, colour: map.view.colour, name: map.colours.name }
    if (map.view.colour === "label" || map.painted?.codes.length !== map.shown.num) {
      map.painted = { ...byLabel(map.shown.labels, map.palette(), map.colours), colour: "label" }
      map.bar.hide()
      map.labels.paint(map.palette())
      say(map.missing, map.originals?.failure ?? "")
    }
    map.applyColours()
    if (map.view.colour !== "label") {
      try {
        const values = await map.valuesOf(map.view.colour)
        if (map.gone || now.shown !== map.shown || now.colour !== map.view.colour || now.name !== map.colours.name) return
        const anchors = map.data.scale[map.colours.name]
        map.painted = { ...byValue(values, anchors, map.colours), colour: map.view.colour }
        map.bar.show(colouring, map.painted.low, map.painted.high, anchors)
        map.labels.paint(null)
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
    if (map.faded.size) for (let k = 0; k < map.shown.num; k += 1) if (map.faded.has(map.shown.labels[k])) map.back[k] = 1
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
    if (map.shown) map.stood()
  }

  Object.assign(map, { palette, extra, valuesOf, recolour, applyColours, standing, stood, fade })
}
