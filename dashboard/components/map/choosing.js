/** Which images are selected: by a lasso, or by their labels. */
import { passing } from "../lib/address.js"
import { reveal } from "./motion.js"
import { inside, simpler } from "./selection.js"

/**
 * Add to a map its selection.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function choosing(map) {
  function setLasso(on) {
    map.lassoing = on
    map.tools.lasso(on)
    map.chart.classList.toggle("lassoing", on)
  }

  function lasso(drawn, done) {
    map.leave()
    map.path = done || drawn === null ? null : drawn
    map.scene.redraw("above")
    if (!done || drawn.length < 3) return
    map.setLasso(false)
    const decimals = Math.max(0, Math.ceil(Math.log10(2 * map.viewport.scale)))
    const brief = (value) => Number(Number(value.toFixed(decimals)).toPrecision(6))
    const corners = simpler(drawn).flatMap(([x, y]) => [map.viewport.uAt(x), map.viewport.vAt(y)].map(brief))
    map.select(caught(corners), corners)
  }

  /** Rows within a lasso, given as the link has it. */
  function caught(corners) {
    const path = Array.from({ length: corners.length / 2 }, (_, k) => corners.slice(2 * k, 2 * k + 2))
    return inside(map.shown, path, map.faceless())
  }

  /** Select what the lasso of the link encloses, in the plane that it was drawn in. */
  function catchAgain() {
    map.caught = true
    const rows = caught(map.view.lasso)
    map.selected = rows.length ? rows : null
    map.root.dataset.selected = String(rows.length)
  }

  /** Other weights than those under which the lasso was drawn: the selection stays, and the link does not say it any more. */
  function dropLasso() {
    map.view.lasso = []
    map.tellView(passing)
  }

  /** Classes that were taken out cannot be selected; images that an earlier selection left out can. */
  function faceless() {
    return Uint8Array.from(map.classed.values, (label) => (map.faded.has(label) ? 1 : 0))
  }

  function selectShown() {
    if (!map.shown) return
    const out = map.faceless()
    map.select(Int32Array.from({ length: map.shown.num }, (_, k) => k).filter((k) => !out[k]))
  }

  /** @param {number[]} corners Of the lasso around them, by which the link knows them. */
  function select(rows, corners = []) {
    map.selected = rows?.length ? rows : null
    map.view.lasso = map.selected ? corners : []
    map.caught = true
    map.tellView()
    map.root.dataset.selected = String(map.selected?.length ?? 0)
    map.stood()
    if (!map.selected) return map.panel.hide()
    map.showSelection()
    reveal(map.panel.node)
  }

  Object.assign(map, { setLasso, lasso, catchAgain, dropLasso, faceless, selectShown, select })
}
