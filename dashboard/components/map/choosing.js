/** Which images are selected: by a lasso, or by their labels. */
import { inside } from "./selection.js"

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
    map.select(inside(map.shown, drawn.map(([x, y]) => [map.viewport.uAt(x), map.viewport.vAt(y)]), map.faceless()))
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

  function select(rows) {
    map.selected = rows?.length ? rows : null
    map.root.dataset.selected = String(map.selected?.length ?? 0)
    map.stood()
    if (!map.selected) return map.panel.hide()
    map.showSelection()
  }

  Object.assign(map, { setLasso, lasso, faceless, selectShown, select })
}
