/** What pointer and keys do: decode a spot, go to an image, move the point. */
import { paint } from "../lib/picture.js"
import { point as words } from "../lib/dom.js"
import { classOf, oneHot, short } from "../lib/store.js"
import { gestures } from "../lib/viewport.js"
import { reveal } from "./motion.js"
import { lift, titleOf } from "./points.js"
import { EDGE } from "./scene.js"

/** Pixels from the pointer within which an image counts as pointed at; where only images can be decoded, farther. */
const NEAR = 10
const NEAR_FLAT = 60
/** Where the images themselves are drawn, they are larger than points. */
const NEAR_IMAGE = 20
/** Python hears of the point so long after the last arrow key, ms. */
const REST = 300
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

/**
 * Add to a map what the hand does with it.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function pointing(map) {
  let timer = 0

  /** Show where the page's point is. */
  function place(point) {
    if (!point || !map.shown) return
    map.scene.redraw("mark")
    if (map.view.layers.has("ellipses")) map.scene.redraw("above")
  }

  function meanOf(row) {
    return map.shown.mean.slice(row * map.shown.dims, (row + 1) * map.shown.dims)
  }

  function same(z, row) {
    return z.every((value, d) => Math.abs(value - map.shown.mean[row * map.shown.dims + d]) < 1e-3)
  }

  /** @returns {[number, number]} */
  function placeIn(event) {
    const box = map.chart.getBoundingClientRect()
    return [event.clientX - box.left - EDGE.left, event.clientY - box.top - EDGE.top]
  }

  /** What is under the pointer: the place in the plane, and the nearest image, −1 if none is near. */
  function under(event) {
    if (!map.shown) return null
    const [x, y] = map.placeIn(event)
    if (x < 0 || y < 0 || x > map.viewport.width || y > map.viewport.height) return null
    const [u, v] = [map.viewport.uAt(x), map.viewport.vAt(y)]
    const radius = (map.flat ? NEAR_FLAT : map.few ? NEAR_IMAGE : NEAR) / map.viewport.scale
    return { u, v, row: map.shown.grid.nearest(u, v, radius, (row) => !map.faded.has(map.classed.values[row])) }
  }

  function condition(label = -1) {
    if (!map.data.conditional) return null
    return label >= 0 ? oneHot(label, map.data.classes.length) : (map.store.point?.y ?? oneHot(0, map.data.classes.length))
  }

  function nameOf(row) {
    return map.shown.labels[row] < 0 ? "" : map.data.classes[map.shown.labels[row]]
  }

  /** What the column that the legend has says of a row; nothing where it has the labels. */
  function classOfColumn(row) {
    if (map.classed.kind === "label") return ""
    return map.classed.groups.find(({ label }) => label === map.classed.values[row])?.name ?? ""
  }

  function hover(event) {
    const found = map.under(event)
    if (!found || map.path) return map.leave()
    map.pointer = { clientX: event.clientX, clientY: event.clientY }
    const box = map.chart.getBoundingClientRect()
    map.card.float([event.clientX - box.left, event.clientY - box.top], box)
    if (map.marked.hovered !== found.row) {
      map.marked.hovered = found.row
      map.scene.redraw("above")
    }
    map.showOriginal(found.row)
    if (map.flat && found.row < 0) return map.card.decode(null, "no image near")
    const z = map.flat ? map.meanOf(found.row) : lift(map.data.plane, found.u, found.v)
    const y = map.condition(map.flat ? map.shown.labels[found.row] : -1)
    const asked = map.decoder
    map.decoder.request(map.client, { z, y }, (picture) => {
      if (asked !== map.decoder) return
      map.hovered += 1
      map.root.dataset.decoded = String(map.hovered)
      const label = classOf(y)
      map.card.decode(picture, `${words(z)}${label < 0 ? "" : ` as ${map.data.classes[label]}`}`)
    }, (error) => map.card.decode(null, error.message))
  }

  function leave() {
    map.pointer = null
    map.decoder?.cancel(map.client)
    map.card.hide()
    if (map.marked.hovered < 0) return
    map.marked.hovered = -1
    map.scene.redraw("above")
  }

  function showOriginal(row) {
    map.root.dataset.nearest = String(row)
    if (row < 0) return map.card.near("Image", "none near", false)
    map.card.near(titleOf(map.shown, row), [map.nameOf(row), map.classOfColumn(row)].filter(Boolean).join(" · "), true)
    map.originals?.show(map.card.original, map.shown.index[row])
  }

  function click(event) {
    const found = map.under(event)
    if (!found) return
    if (found.row >= 0) return map.go(found.row, event.timeStamp)
    if (map.flat) return
    if (!map.pinned.node.hidden) map.pinned.unpin()
    map.choose(lift(map.data.plane, found.u, found.v), -1, -1, event.timeStamp)
  }

  /** Go to an image: the point moves to its mean, and its card is pinned. */
  function go(row, at) {
    map.choose(map.meanOf(row), row, map.shown.labels[row], at)
    if (map.compact) return
    map.marked.pinned = row
    map.root.dataset.pinned = String(map.shown.index[row])
    showPinned()
    reveal(map.pinned.node)
    map.scene.redraw("above")
  }

  /** The card of the pinned image, under the weights that are shown. */
  function showPinned() {
    const [asked, row] = [map.shown, map.marked.pinned]
    map.pinned.pin(map.shown, row, map.nameOf, map.originals)
    map.decoder.request(map.other.pinned, { z: map.meanOf(row), y: map.condition(map.shown.labels[row]) }, (picture) => asked === map.shown && row === map.marked.pinned && paint(map.pinned.decoded, picture))
  }

  function unpinned() {
    map.marked.pinned = -1
    delete map.root.dataset.pinned
    map.scene.redraw("above")
  }

  /** The person unpins the image: the link does not name it any longer. */
  function release() {
    map.pinned.unpin()
    tell(-1, -1)
  }

  function choose(z, row, label, at = performance.now()) {
    const y = map.data.conditional && label >= 0 ? oneHot(label, map.data.classes.length) : map.store.point.y
    map.marked.here = row
    map.store.set({ z, y }, { source: "map", time: at })
    tell(label)
  }

  /** Tell Python where the point is, and whose mean it is. */
  function tell(label = map.marked.here < 0 ? -1 : map.shown.labels[map.marked.here], row = map.marked.here) {
    stopTelling()
    const { z, y } = map.store.point
    map.store.tell(z, y)
    map.component.setTriggerValue("point", {
      z: Array.from(z, short), index: row < 0 ? null : map.shown.index[row], y: map.data.conditional ? classOf(y) : label < 0 ? null : label,
    })
  }

  function tellSoon() {
    clearTimeout(timer)
    timer = setTimeout(tell, REST)
  }

  function stopTelling() {
    clearTimeout(timer)
    timer = 0
  }

  /** An arrow key: a step in the plane, or to the next image in that direction where only images can be decoded. */
  function step([du, dv], event) {
    if (!map.flat) {
      const size = event.shiftKey ? 0.5 : 0.05
      const [to, rest] = [lift(map.data.plane, du * size, dv * size), lift(map.data.plane, 0, 0)]
      map.marked.here = -1
      map.store.set({ z: map.store.point.z.map((value, d) => value + to[d] - rest[d]) }, { source: "map", time: event.timeStamp })
      return
    }
    const from = map.marked.here >= 0 ? map.marked.here : map.shown.grid.nearest(map.viewport.u, map.viewport.v, Infinity)
    let [best, closest] = [-1, Infinity]
    for (let k = 0; k < map.shown.num; k += 1) {
      const [u, v] = [map.shown.x[k] - map.shown.x[from], map.shown.y[k] - map.shown.y[from]]
      const ahead = u * du + v * dv
      const distance = u * u + v * v
      if (ahead > 0 && 2 * ahead * ahead >= distance && distance < closest && !map.back[k]) [best, closest] = [k, distance]
    }
    if (best < 0) return
    map.marked.here = best
    map.store.set({ z: map.meanOf(best), y: map.condition(map.shown.labels[best]) ?? undefined }, { source: "map", time: event.timeStamp })
  }

  gestures(map.chart, map.viewport, {
    moved: map.moved, click, hover, leave, lasso: map.lasso, place: placeIn, lassoing: (event) => !map.compact && map.shown !== null && (map.lassoing || event.shiftKey),
    // Beside other things the page scrolls under the wheel, until the map was clicked.
    zooms: (event) => !map.compact || event.ctrlKey || event.metaKey || map.chart.matches(":focus"),
  })

  map.chart.addEventListener("keydown", (event) => {
    if (!map.shown || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key in ARROWS) {
      step(ARROWS[event.key], event)
      tellSoon()
    } else if (event.key === "Enter") tell()
    else if (event.key === "+" || event.key === "=" || event.key === "-") {
      map.viewport.zoom(event.key === "-" ? 1 / 1.25 : 1.25)
      map.moved()
    } else if (event.key === "0") map.resetView()
    else if (event.key === "Escape") {
      map.setLasso(false)
      if (map.selected) map.select(null)
      else if (!map.pinned.node.hidden) map.release()
    } else return
    event.preventDefault()
  })
  // The person goes on elsewhere, perhaps to another page: then it is told at once.
  map.chart.addEventListener("blur", () => timer && tell())

  Object.assign(map, { place, meanOf, same, placeIn, under, condition, nameOf, classOfColumn, hover, leave, showOriginal, showPinned, click, go, unpinned, release, choose, step, stopTelling })
}
