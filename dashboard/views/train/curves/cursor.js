/** The snapshot that the page shows, as a line in every panel of the curves; a click in a panel goes to the nearest one. */
import { element, number, say } from "../../../../vae/browser/lib/dom.js"
import { lineAt } from "./lines.js"

/** A press that moves less, in pixels, and is shorter, in ms, is a click; another within so many ms makes it a double one. */
const STILL = 4
const BRIEF = 600
const DOUBLE = 250

/**
 * @param {any} chart Plotly's element, with an axis pair for each panel.
 * @param {{name: string, of: (line: object) => number}[]} panels
 */
export function timeCursor(chart, panels) {
  const nodes = panels.map(({ name }) => element("div", { class: "cursor", hidden: true, dataset: { cursor: name } }, element("span")))
  let time = null
  let axis = null
  let pressed = null
  let last = -Infinity
  let timer = 0
  chart.addEventListener("pointerdown", press)

  function axesOf(k) {
    const suffix = k ? String(k + 1) : ""
    return [chart._fullLayout?.[`xaxis${suffix}`], chart._fullLayout?.[`yaxis${suffix}`]]
  }

  /**
   * Put the lines where they belong, with the values of the curves there.
   * @param {{time: import("../../../../vae/browser/lib/time.js").Time, of: (line: object) => number, train: object[], empty: boolean}} state
   *   `of` gives the horizontal place of a line or snapshot.
   */
  function draw({ time: shownTime, of, train, empty }) {
    time = shownTime
    axis = of
    const { shown } = time
    const line = shown && lineAt(train, shown.step)
    panels.forEach((panel, k) => {
      const node = nodes[k]
      const [across, up] = axesOf(k)
      const left = shown && across?.d2p ? across.d2p(of(shown)) : -1
      node.hidden = empty || !shown || !(left >= 0 && left <= across._length)
      if (node.hidden) return
      node.style.transform = `translate(${across._offset + left}px, ${up._offset}px)`
      node.style.height = `${up._length}px`
      const value = panel.name === "beta" ? shown.beta : line && panel.of(line)
      say(node.children[0], value === undefined ? "" : panel.name === "beta" ? `β ${Number(value.toPrecision(4))}` : number(value))
      node.dataset.side = left > across._length / 2 ? "left" : "right"
    })
  }

  function press(event) {
    pressed = { x: event.clientX, y: event.clientY, at: event.timeStamp }
    // The chart library lays a cover over the page while a button is down, so that the release is not the chart's.
    window.addEventListener("pointerup", lift, { once: true, capture: true })
  }

  function lift(event) {
    const still = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < STILL
    if (!still || event.timeStamp - pressed.at > BRIEF || !time?.snapshots.length) return
    clearTimeout(timer)
    if (event.timeStamp - last < DOUBLE) return
    last = event.timeStamp
    const box = chart.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    const found = panels.map((_, k) => axesOf(k)).find(([across, up]) =>
      across && x >= across._offset && x <= across._offset + across._length && y >= up._offset && y <= up._offset + up._length)
    if (!found) return
    const wanted = found[0].p2d(x - found[0]._offset)
    const away = (snapshot) => Math.abs(axis(snapshot) - wanted)
    const nearest = time.snapshots.reduce((best, other) => (away(other) < away(best) ? other : best))
    timer = setTimeout(() => time.set(nearest.step, { source: "curves" }), DOUBLE)
  }

  return {
    nodes,
    draw,
    unmount() {
      clearTimeout(timer)
      window.removeEventListener("pointerup", lift, { capture: true })
    },
  }
}
