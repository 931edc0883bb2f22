/** What of a map's view is in the link: plane, colours, layers, tiles, classes taken out, and the part in view. */
import { chosen, passing } from "../lib/address.js"
import { byName, colourings } from "./colours.js"

/** So long a view rests before the link says it, ms. */
const REST = 600
/** What was told and has not come back yet. */
const MOST_TOLD = 16

/** A number as short as the link has it, so that what was told is known when it comes back. */
function short(value) {
  return Number(value.toPrecision(5))
}

/**
 * Add to a map what is remembered of its view.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function remembering(map) {
  let told = []
  let heard = ""
  let timer = 0

  function plain() {
    const { projection, colour, layers, tiles, hidden, area, lasso } = map.view
    return { projection, colour, layers: [...layers].sort(byName), tiles, hidden, area, lasso }
  }

  function signature({ projection, colour, layers, tiles, hidden, area, lasso }) {
    return JSON.stringify([projection, colour, [...layers].sort(byName), tiles, hidden, area, lasso])
  }

  function take({ projection, colour, layers, tiles, hidden, area, lasso }) {
    map.view = { projection, colour, layers: new Set(layers), tiles, hidden: [...hidden], area, lasso: [...lasso] }
    map.tools.colours(colourings(map.data.latent_dim, map.data.columns), colour)
    map.tools.projections(map.data.methods.map(({ value, title }) => ({ value, title })), projection)
  }

  /** Begin with what Python passed. */
  function beginView() {
    told = []
    heard = signature(map.data.view)
    take(map.data.view)
    map.caught = false
    map.arriving = map.data.pinned
  }

  /** Python passed a view: news of it (Back, or another link) are taken; what this map has told is known. */
  function heardView() {
    const said = signature(map.data.view)
    if (said === heard) return
    heard = said
    const known = told.indexOf(said)
    if (known >= 0) return told.splice(0, known + 1)
    const before = map.view
    take(map.data.view)
    const another = String(before.lasso) !== String(map.view.lasso)
    if (another) map.caught = false
    if (!map.shown) return
    if (before.projection !== map.view.projection) return map.choosePlane()
    map.viewport.reset()
    map.showArea()
    map.faded = new Set(map.view.hidden)
    map.labels.show(map.faded)
    if (another) map.reselect()
    map.standing()
    map.layered()
    map.moved(false)
    map.recolour()
  }

  /** Tell Python what is shown, so that the link says it. Where the view only moved, Back does not count it. */
  function tellView(only = chosen) {
    if (map.compact) return
    map.view.area = areaNow()
    const said = signature(map.view)
    if (said === (told.at(-1) ?? heard)) return
    only()
    told.push(said)
    if (told.length > MOST_TOLD) told.shift()
    map.component.setTriggerValue("view", plain())
  }

  function setColour(value) {
    const kind = (colour) => map.colouringOf(colour)?.kind
    if (kind(value) !== kind(map.view.colour)) {
      map.view.hidden = []
      map.faded = new Set()
      map.classed = { ...map.classed, kind: null }
      map.standing()
    }
    map.view.colour = value
    map.tellView()
    map.recolour()
  }

  /** Centre and zoom of what is in view; null where all is, or where another plane is shown than the link names. */
  function areaNow() {
    if (!map.shown || isOfAnotherPlane()) return map.view.area
    const { u, v, scale, whole } = map.viewport
    return map.viewport.isWhole ? null : [u, v, scale / whole].map(short)
  }

  /** Select anew what the link says, which has another lasso than before, or none. */
  function reselect() {
    if (map.view.lasso.length && !isOfAnotherPlane()) map.catchAgain()
    else map.selected = null
    map.root.dataset.selected = String(map.selected?.length ?? 0)
    map.refreshFacts()
  }

  /** Under what is shown now, take up what the link says of the selection, and of the image whose card is open. */
  function takeUp(another, newer) {
    if (map.view.lasso.length && !isOfAnotherPlane()) {
      if (!map.caught || another || (newer && map.time.source === "python")) map.catchAgain()
      else if (newer) map.dropLasso()
    }
    const row = map.arriving === null ? -1 : map.shown.index.indexOf(map.arriving)
    map.arriving = null
    if (row < 0 || map.compact) return
    map.marked.pinned = row
    map.root.dataset.pinned = String(map.shown.index[row])
    if (map.same(map.store.point.z, row)) map.marked.here = row
  }

  function isOfAnotherPlane() {
    return (map.view.projection === "pca") !== !map.flat
  }

  /** Show the part that the link names. */
  function showArea() {
    if (!map.view.area || isOfAnotherPlane()) return
    const [u, v, zoom] = map.view.area
    Object.assign(map.viewport, { u, v, scale: zoom * map.viewport.whole })
  }

  /** The view was moved by hand: when it rests, the link says where, and Back does not count it. */
  function rememberArea() {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (map.gone || map.compact || JSON.stringify(areaNow()) === JSON.stringify(map.view.area)) return
      map.tellView(passing)
    }, REST)
  }

  function forgetArea() {
    clearTimeout(timer)
  }

  Object.assign(map, { beginView, heardView, tellView, setColour, reselect, takeUp, showArea, rememberArea, forgetArea })
}
